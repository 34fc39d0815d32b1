//! Pauses after trouble, for one advertiser or for all: no calls for a while, then one as a trial. Pure: the time is a parameter.
//!
//! It lives as long as the process, so that what TikTok refused in one invocation is not tried again at once in the next.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ids::AdvertiserId;
use tokio::time::Instant;

use crate::cause::{Cause, Reason};

/// The first pause. TikTok does not say which window was used up: a second, a minute or a day.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest: TikTok asks for a stop of 5 minutes when a minute's calls are used up.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// How long the others wait for a trial before another one is let through.
const TRIAL: Duration = Duration::from_secs(5);
/// So many failures running, of so many advertisers, are everybody's trouble.
const RUNNING_FAILURES: usize = 5;
const RUNNING_ADVERTISERS: usize = 3;

/// No call may be made before `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paused {
    /// When a call may be tried.
    pub(crate) until: Instant,
    /// The trouble that began the pause.
    pub(crate) reason: Arc<Reason>,
}

#[derive(Debug)]
struct Pause {
    began: Instant,
    until: Instant,
    length: Duration,
    reason: Arc<Reason>,
    /// A call was let through to see whether the trouble is over.
    on_trial: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    App,
    Advertiser(AdvertiserId),
}

/// The pauses of this process.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    pauses: HashMap<Scope, Pause>,
    /// The advertisers of the latest failures, with no success in between.
    running: VecDeque<AdvertiserId>,
    /// The latest success of each of the last two advertisers that had one.
    successes: [Option<(AdvertiserId, Instant)>; 2],
}

impl Breaker {
    /// The pause that `advertiser` is in, if it is in one.
    pub(crate) fn paused(&self, advertiser: AdvertiserId, now: Instant) -> Option<Paused> {
        let pauses =
            [Scope::App, Scope::Advertiser(advertiser)].into_iter().filter_map(|scope| self.pauses.get(&scope));
        let longest = pauses.filter(|pause| pause.until > now).max_by_key(|pause| pause.until)?;
        Some(Paused { until: longest.until, reason: Arc::clone(&longest.reason) })
    }

    /// Lets a call for `advertiser` through. The first one after a pause is a trial, and the others wait for it.
    ///
    /// # Errors
    /// The pause that it has to wait for.
    pub(crate) fn let_through(&mut self, advertiser: AdvertiserId, now: Instant) -> Result<(), Paused> {
        if let Some(paused) = self.paused(advertiser, now) {
            return Err(paused);
        }
        for scope in [Scope::App, Scope::Advertiser(advertiser)] {
            if let Some(pause) = self.pauses.get_mut(&scope) {
                pause.until = now + TRIAL;
                pause.on_trial = true;
            }
        }
        Ok(())
    }

    /// TikTok answered a call for `advertiser` that was made at `made`, whatever it said of it: the trouble from before that is over.
    pub(crate) fn answered(&mut self, advertiser: AdvertiserId, made: Instant) {
        for scope in [Scope::App, Scope::Advertiser(advertiser)] {
            // A call that was under way when the pause began says nothing of it.
            if self.pauses.get(&scope).is_some_and(|pause| pause.began <= made) {
                self.pauses.remove(&scope);
            }
        }
        self.running.clear();
    }

    /// TikTok did a call for `advertiser` that was made at `made`.
    pub(crate) fn succeeded(&mut self, advertiser: AdvertiserId, made: Instant, now: Instant) {
        self.answered(advertiser, made);
        let [latest, before] = &mut self.successes;
        if latest.is_some_and(|(last, _)| last != advertiser) {
            *before = *latest;
        }
        *latest = Some((advertiser, now));
    }

    /// A call for `advertiser` that was made at `made` was not done because of `reason`. `jitter` is from 0 to 1.
    pub(crate) fn failed(
        &mut self,
        advertiser: AdvertiserId,
        reason: &Arc<Reason>,
        (made, now): (Instant, Instant),
        jitter: f64,
    ) {
        let scope = match reason.cause {
            Cause::AppThrottled | Cause::Operator => Scope::App,
            Cause::AdvertiserThrottled | Cause::Unavailable => Scope::Advertiser(advertiser),
            Cause::Token
            | Cause::Secrets
            | Cause::NewerVersion
            | Cause::NotTried
            | Cause::Internal
            | Cause::Rejected
            | Cause::RejectedUnknown
            | Cause::AudienceMissing
            | Cause::NoAudience
            | Cause::Unreadable
            | Cause::Crowded => return,
        };
        self.pause(scope, reason, (made, now), jitter);
        self.running.push_back(advertiser);
        if self.running.len() > RUNNING_FAILURES {
            self.running.pop_front();
        }
        let advertisers: HashSet<_> = self.running.iter().collect();
        if self.running.len() >= RUNNING_FAILURES && advertisers.len() >= RUNNING_ADVERTISERS {
            self.running.clear();
            self.pause(Scope::App, &Arc::new(reason.everybodys()), (made, now), jitter);
        }
    }

    /// Whether TikTok did a call for another advertiser since `since`.
    pub(crate) fn served_another_since(&self, advertiser: AdvertiserId, since: Instant) -> bool {
        self.successes.iter().flatten().any(|(other, at)| *other != advertiser && *at > since)
    }

    /// Forgets pauses that ended long ago.
    pub(crate) fn tidy(&mut self, now: Instant) {
        self.pauses.retain(|_, pause| pause.until + LONGEST_PAUSE > now);
    }

    fn pause(&mut self, scope: Scope, reason: &Arc<Reason>, (made, now): (Instant, Instant), jitter: f64) {
        let pause = self.pauses.entry(scope).or_insert_with(|| Pause {
            began: made,
            until: now,
            length: Duration::ZERO,
            reason: Arc::clone(reason),
            on_trial: false,
        });
        // Calls that were under way when the pause began do not lengthen it; the trial after it does.
        let is_later = made >= pause.began && (pause.until <= now || std::mem::take(&mut pause.on_trial));
        if is_later {
            pause.began = now;
            pause.length = (pause.length * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            pause.until = now + pause.length.mul_f64(jitter.clamp(0.0, 1.0).mul_add(0.1, 1.0));
            pause.reason = Arc::clone(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Blame;

    fn advertiser(n: u32) -> AdvertiserId {
        (n + 7).to_string().parse().unwrap()
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn after_trouble_there_is_a_pause_that_doubles_and_then_one_trial() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        let throttled = Reason::new(Cause::AdvertiserThrottled, "slow down");
        breaker.failed(advertiser(1), &throttled, (start, start), 0.0);
        assert_eq!(breaker.paused(advertiser(1), start).unwrap().until, start + seconds(5));
        assert_eq!(breaker.paused(advertiser(2), start), None, "another advertiser is served");

        let trial = start + seconds(6);
        assert_eq!(breaker.let_through(advertiser(1), trial), Ok(()));
        assert!(breaker.let_through(advertiser(1), trial).is_err(), "the others wait for the trial");
        breaker.failed(advertiser(1), &throttled, (trial, trial), 0.0);
        assert_eq!(breaker.paused(advertiser(1), trial).unwrap().until, trial + seconds(10));

        let trial = trial + seconds(11);
        breaker.let_through(advertiser(1), trial).unwrap();
        breaker.succeeded(advertiser(1), trial, trial);
        assert_eq!(breaker.let_through(advertiser(1), trial), Ok(()));
    }

    #[test]
    fn the_pause_never_exceeds_five_minutes_and_calls_under_way_do_not_lengthen_it() {
        let (mut breaker, mut now) = (Breaker::default(), Instant::now());
        let reason = Reason::new(Cause::AppThrottled, "slow down");
        for _ in 0..20 {
            breaker.failed(advertiser(1), &reason, (now, now), 1.0);
            let until = breaker.paused(advertiser(2), now).unwrap().until;
            assert!(until <= now + LONGEST_PAUSE.mul_f64(1.1));
            breaker.failed(advertiser(1), &reason, (now, now), 1.0);
            assert_eq!(breaker.paused(advertiser(2), now).unwrap().until, until);
            now = until;
            breaker.let_through(advertiser(1), now).unwrap();
        }
    }

    #[test]
    fn failures_of_three_advertisers_running_are_everybodys_and_a_success_ends_the_run() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let reason = Reason::new(Cause::Unavailable, "500");
        for n in [1, 2, 1, 2] {
            breaker.failed(advertiser(n), &reason, (now, now), 0.0);
        }
        breaker.succeeded(advertiser(9), now, now);
        for n in [1, 2, 3, 1] {
            breaker.failed(advertiser(n), &reason, (now, now), 0.0);
        }
        assert_eq!(breaker.paused(advertiser(8), now), None);
        breaker.failed(advertiser(2), &reason, (now, now), 0.0);
        assert!(breaker.paused(advertiser(8), now).is_some());
    }

    #[test]
    fn what_was_some_advertisers_own_is_everybodys_for_those_who_wait_for_it() {
        let own = Reason { own: true, ..Reason::new(Cause::Unavailable, "500").as_ref().clone() };
        let throttled = Reason::new(Cause::AdvertiserThrottled, "slow down").as_ref().clone();
        for (reason, cause) in [(own, Cause::Unavailable), (throttled, Cause::AppThrottled)] {
            let (mut breaker, now) = (Breaker::default(), Instant::now());
            for n in [1, 2, 3, 1, 2] {
                breaker.failed(advertiser(n), &Arc::new(reason.clone()), (now, now), 0.0);
            }
            let paused = breaker.paused(advertiser(8), now).unwrap().reason;
            assert_eq!((paused.cause, paused.blame()), (cause, Blame::Everybody));
            assert_eq!(breaker.paused(advertiser(1), now).unwrap().reason.blame(), Blame::Connection);
        }
    }

    #[test]
    fn a_trial_that_tiktok_refuses_ends_the_pause_and_calls_from_before_it_neither_end_nor_lengthen_it() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        let throttled = Reason::new(Cause::AdvertiserThrottled, "slow down");
        let began = start + seconds(1);
        breaker.failed(advertiser(1), &throttled, (start, began), 0.0);
        breaker.failed(advertiser(1), &throttled, (start, began + seconds(2)), 0.0);
        breaker.succeeded(advertiser(1), start, began + seconds(3));
        assert_eq!(breaker.paused(advertiser(1), began + seconds(3)).unwrap().until, began + seconds(5));
        breaker.failed(advertiser(1), &throttled, (start, began + seconds(6)), 0.0);
        assert_eq!(breaker.paused(advertiser(1), began + seconds(6)), None);

        let trial = began + seconds(6);
        breaker.let_through(advertiser(1), trial).unwrap();
        breaker.answered(advertiser(1), trial);
        assert_eq!(breaker.let_through(advertiser(1), trial), Ok(()), "the parts of a refused call are sent at once");
        assert_eq!(breaker.let_through(advertiser(1), trial), Ok(()));
    }

    #[test]
    fn it_knows_whether_another_advertiser_was_served_meanwhile() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        breaker.succeeded(advertiser(1), start + seconds(2), start + seconds(2));
        assert!(!breaker.served_another_since(advertiser(1), start));
        assert!(breaker.served_another_since(advertiser(2), start));
        breaker.succeeded(advertiser(2), start + seconds(3), start + seconds(3));
        breaker.succeeded(advertiser(2), start + seconds(4), start + seconds(4));
        assert!(breaker.served_another_since(advertiser(2), start));
        assert!(!breaker.served_another_since(advertiser(2), start + seconds(2)));
    }
}
