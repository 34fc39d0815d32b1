//! One call to TikTok, tried again while that makes sense.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tiktok::{Action, Client, Failure, Mapping, Meaning, Row};
use tokio::time::Instant;

use crate::clock::ms;
use crate::connection::{Connection, Examined};
use crate::outcome::{Next, Reason, next};
use crate::pace::{Pace, Scope};
use crate::plan::Piece;

/// In-place retries last so long an advertiser and invocation, so that no healthy message waits on a sick one.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pauses between tries are random, up to this and doubling (full jitter).
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
/// The longest pause between tries.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// What came of a call.
#[derive(Debug)]
pub enum Sent {
    /// TikTok has all of it.
    Delivered,
    /// Something in it is bad, or it is too large.
    Refused(Arc<Reason>, Meaning),
    /// It cannot be done now.
    Later(Arc<Reason>),
}

/// What is left of an advertiser's time for retries. Calls that wait side by side use it up together, not each for itself.
#[derive(Debug, Default)]
pub struct Patience(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    before: Duration,
    waiting: u32,
    since: Option<Instant>,
    last: Option<Arc<Reason>>,
}

impl Patience {
    fn change<T>(&self, change: impl FnOnce(&mut Spent) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When it is over; the reason if it already is.
    fn end(&self) -> Result<Instant, Option<Arc<Reason>>> {
        self.change(|spent| {
            let now = Instant::now();
            let used = spent.before + spent.since.map_or(Duration::ZERO, |since| now - since);
            PATIENCE
                .checked_sub(used)
                .filter(|left| !left.is_zero())
                .map(|left| now + left)
                .ok_or_else(|| spent.last.clone())
        })
    }

    /// Time runs from here until the guard is dropped.
    fn lose(&self, reason: &Arc<Reason>) -> Losing<'_> {
        self.change(|spent| {
            spent.last = Some(Arc::clone(reason));
            spent.waiting += 1;
            spent.since.get_or_insert_with(Instant::now);
        });
        Losing(self)
    }
}

struct Losing<'a>(&'a Patience);

impl Drop for Losing<'_> {
    fn drop(&mut self) {
        self.0.change(|spent| {
            spent.waiting -= 1;
            if spent.waiting == 0 {
                spent.before += spent.since.take().map_or(Duration::ZERO, |since| since.elapsed());
            }
        });
    }
}

/// Sends calls for one connection.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// TikTok.
    pub tiktok: &'a Client,
    /// Where tokens are kept.
    pub secrets: &'a secrets::Secrets,
    /// When calls may be made.
    pub pace: &'a Pace,
    /// Whose token is used.
    pub connection: &'a Connection,
    /// How long its advertiser is waited for.
    pub patience: &'a Patience,
    /// When sending has to end.
    pub until: Instant,
}

impl Sender<'_> {
    /// Sends `pieces`, as often as it takes and time allows.
    pub async fn send(&self, action: Action, pieces: &[Piece]) -> Sent {
        let mut failed: Option<(Arc<Reason>, Losing<'_>)> = None;
        let mut backoff = FIRST_BACKOFF;
        loop {
            let token = match self.connection.token().await {
                Ok(token) => token,
                Err(waiting) => return Sent::Later(waiting),
            };
            if let Err(reason) = self.turn(failed.as_ref().map(|(reason, _)| reason)).await {
                return Sent::Later(reason);
            }
            let failure = match self.call(action, pieces, &token.secret).await {
                Ok(()) => {
                    self.connection.delivered();
                    self.pace.recovered(self.connection.advertiser);
                    return Sent::Delivered;
                }
                Err(failure) => failure,
            };
            let reason = Arc::new(Reason::from(&failure));
            match next(failure.meaning) {
                Next::Divide => return Sent::Refused(reason, failure.meaning),
                Next::CallOperator => {
                    metrics::counter!("operator_faults").increment(1);
                    return Sent::Later(reason);
                }
                Next::ExamineToken => {
                    match self.connection.examine(token.fingerprint, &failure, self.tiktok, self.secrets).await {
                        Examined::Replaced => continue,
                        Examined::Later(reason) => return Sent::Later(reason),
                    }
                }
                Next::CoolDownApp => self.throttled(Scope::App),
                Next::CoolDownAdvertiser => self.throttled(Scope::Advertiser(self.connection.advertiser)),
                Next::Retry => {}
            }
            metrics::counter!("retries").increment(1);
            let losing = failed.take().map_or_else(|| self.patience.lose(&reason), |(_, losing)| losing);
            failed = Some((Arc::clone(&reason), losing));
            if next(failure.meaning) == Next::Retry {
                let pause = backoff.mul_f64(rand::random_range(0.0..1.0));
                if self.patience.end().is_ok_and(|end| Instant::now() + pause < end.min(self.until)) {
                    tokio::time::sleep(pause).await;
                } else {
                    return Sent::Later(reason);
                }
                backoff = (backoff * 2).min(LONGEST_BACKOFF);
            }
        }
    }

    /// Waits for the turn; the last failure, or the lack of time, is why there is none.
    async fn turn(&self, failed: Option<&Arc<Reason>>) -> Result<(), Arc<Reason>> {
        let out_of_time = || Reason::new("out_of_time", "the invocation ended before this call's turn");
        let patient_until = self.patience.end().map_err(|last| last.unwrap_or_else(out_of_time))?;
        let until = if failed.is_some() || self.pace.is_paused(self.connection.advertiser) {
            patient_until.min(self.until)
        } else {
            self.until
        };
        let turn = self.pace.turn(self.connection.advertiser, until).await;
        turn.map_err(|_| failed.map_or_else(out_of_time, Arc::clone))
    }

    async fn call(&self, action: Action, pieces: &[Piece], token: &secrecy::SecretString) -> Result<(), Failure> {
        let rows: Vec<&Row> = pieces.iter().map(|piece| &piece.row).collect();
        let mapping = Mapping { advertiser: self.connection.advertiser, action, rows: &rows };
        let started = Instant::now();
        let in_time = tokio::time::timeout_at(self.until, self.tiktok.map(token, &mapping)).await;
        let duration_ms = ms(started.elapsed());
        metrics::counter!("calls").increment(1);
        metrics::counter!("rows_sent").increment(rows.len() as u64);
        let outcome =
            in_time.unwrap_or_else(|_| Err(Failure::without_answer("the invocation ended before TikTok answered")));
        let (meaning, code, trace) = match &outcome {
            Ok(answer) => ("done", Some(0), &answer.trace),
            Err(failure) => (failure.meaning.reason(), failure.code, &failure.trace),
        };
        tracing::info!(
            advertiser = %self.connection.advertiser, action = action.as_str(), rows = rows.len(), meaning, code,
            status = outcome.as_ref().err().and_then(|failure| failure.status),
            tiktok_message = outcome.as_ref().err().map(|failure| failure.message.as_str()),
            request_id = trace.request_id, log_id = trace.log_id, duration_ms, "segment mapping"
        );
        if outcome.is_ok() {
            let ids: usize =
                rows.iter().map(|row| usize::from(row.idfa.is_some()) + usize::from(row.gaid.is_some())).sum();
            metrics::counter!("ids_uploaded").increment(ids as u64);
        }
        outcome.map(|_| ())
    }

    fn throttled(&self, scope: Scope) {
        metrics::counter!("throttles").increment(1);
        self.pace.throttled(scope);
    }
}
