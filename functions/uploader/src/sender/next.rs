//! What follows from a mapping call that failed: the one place where TikTok's meanings become decisions.

use std::sync::Arc;
use std::time::Duration;

use tiktok::{Failure, Meaning};
use tokio::time::Instant;

use super::{Sender, Stopped};
use crate::cause::{Cause, Reason};
use crate::divide::Answer;
use crate::token::Examined;

/// A call that broke sooner than this is made once more at once.
const QUICK: Duration = Duration::from_secs(2);
/// After so many failures running of one connection, while others are served, its calls are divided to find what makes them fail.
const FAILURES_BEFORE_DIVIDING: u32 = 3;

/// What to do with a call that failed.
pub(super) enum Next {
    /// It is settled, or divided.
    Answer(Answer),
    /// The same again.
    Again,
    /// The connection makes no further call now.
    Stop(Stopped),
}

impl Sender<'_> {
    /// Decides about a call that was made at `made`. `again`: it may be made once more. `whole`: of a part, what the whole call came to.
    pub(super) async fn next(&self, failure: &Failure, made: Instant, again: bool, whole: Option<Cause>) -> Next {
        match failure.meaning {
            Meaning::PartlySuccessful | Meaning::Rejected | Meaning::RejectedUnknown | Meaning::Missing => {
                self.answered(made);
                Next::Answer(Answer::Refused(Reason::of(failure)))
            }
            Meaning::TooLarge => {
                self.answered(made);
                Next::Answer(Answer::TooLarge(Reason::of(failure)))
            }
            Meaning::Reauthorize | Meaning::NotPermitted => {
                self.answered(made);
                self.examine(failure, again).await
            }
            Meaning::Unavailable if self.is_cut_short(made) => Next::Answer(Answer::not_tried()),
            Meaning::Unavailable if again && whole != Some(Cause::Unavailable) && made.elapsed() < QUICK => {
                tokio::time::sleep(Duration::from_millis(rand::random_range(100..500))).await;
                Next::Again
            }
            Meaning::Unavailable => self.unavailable(failure, made, whole),
            Meaning::AppThrottled | Meaning::AdvertiserThrottled => {
                metrics::counter!("throttles").increment(1);
                Next::Stop(self.stopped_by(Reason::of(failure), made))
            }
            Meaning::Operator | Meaning::NotAllowListed | Meaning::RestartConsent => {
                metrics::counter!("operator_faults").increment(1);
                Next::Stop(self.stopped_by(Reason::of(failure), made))
            }
        }
    }

    /// The invocation ended before TikTok had its time to answer, which says nothing of TikTok.
    fn is_cut_short(&self, made: Instant) -> bool {
        Instant::now() >= self.until && made.elapsed() < self.app.config.tiktok_timeout
    }

    /// TikTok refuses the call, so it is in good health.
    fn answered(&self, made: Instant) {
        self.with(|state| state.answered = true);
        self.app.breaker(|breaker| breaker.answered(self.connection.advertiser, made));
    }

    /// TikTok gave no answer, or a server error. It is the connection's own trouble where another advertiser was served since it failed
    /// the time before: TikTok may have been well when the trouble began, and be down for everybody now.
    fn unavailable(&self, failure: &Failure, made: Instant, whole: Option<Cause>) -> Next {
        let (last, failures) =
            self.app.backoff(|backoff| (backoff.last(self.connection), backoff.failures(self.connection)));
        let since = last.unwrap_or(made);
        let own = self.app.breaker(|breaker| breaker.served_another_since(self.connection.advertiser, since));
        let reason = Arc::new(Reason { own, ..Reason::of(failure).as_ref().clone() });
        let divides = match whole {
            None => own && failures >= FAILURES_BEFORE_DIVIDING,
            // A part of a call that TikTok refused is as good as any call: nothing is known to be wrong with its rows.
            Some(whole) => whole == Cause::Unavailable,
        };
        if divides { Next::Answer(Answer::Refused(reason)) } else { Next::Stop(self.stopped_by(reason, made)) }
    }

    /// The connection stops for `reason`, which the breaker is told, until the breaker lets a call through again.
    pub(super) fn stopped_by(&self, reason: Arc<Reason>, made: Instant) -> Stopped {
        let (now, advertiser) = (Instant::now(), self.connection.advertiser);
        let paused = self.app.breaker(|breaker| {
            breaker.failed(advertiser, &reason, (made, now), rand::random_range(0.0..1.0));
            breaker.paused(advertiser, now)
        });
        Stopped { reason, pause: paused.map(|paused| paused.until), tried: true, blocked: None }
    }

    /// TikTok refuses the token: a harmless call says whether it means it.
    async fn examine(&self, failure: &Failure, again: bool) -> Next {
        let (used, stopped) = self.with(|state| (state.usable.clone(), state.stopped.clone()));
        if let Some(stopped) = stopped {
            // A call beside this one was stopped: what holds for it holds for this one.
            return Next::Stop(stopped);
        }
        match self.app.tokens.examine(self.connection, &used, failure, &self.app.turns, self.until).await {
            Examined::Replaced(usable) if again => {
                self.with(|state| state.usable = *usable);
                Next::Again
            }
            Examined::Accepted if failure.meaning == Meaning::NotPermitted => {
                Next::Answer(Answer::Refused(Reason::of_with(Cause::Rejected, failure)))
            }
            Examined::Replaced(_) | Examined::Accepted => {
                let reason = Reason::of_with(Cause::Token, failure);
                Next::Stop(Stopped { reason, pause: None, tried: true, blocked: None })
            }
            Examined::Blocked(blocked) => Next::Stop(Stopped::from(blocked)),
        }
    }
}
