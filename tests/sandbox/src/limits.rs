//! Calls counted against the limits of each app and each advertiser, in calendar windows as TikTok describes them.
//! A refused call is not counted, except that it may start the minute's stop.

use std::collections::HashMap;

use crate::answer::Refusal;
use crate::rules::{RateLimits, RuleBook};

/// The counters of a sandbox.
#[derive(Debug, Default)]
pub(crate) struct Counters(HashMap<Scope, Counter>);

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    second: Window,
    minute: Window,
    day: Window,
    stopped_until_ms: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    index: u64,
    calls: u32,
}

impl Window {
    /// The window that `now_ms` lies in, with the calls made in it so far.
    const fn at(self, now_ms: u64, length_ms: u64) -> Self {
        let index = now_ms / length_ms;
        // A call that waited for the lock may come a little late.
        if index <= self.index { self } else { Self { index, calls: 0 } }
    }

    const fn full(self, limit: Option<u32>) -> bool {
        match limit {
            Some(limit) => self.calls >= limit,
            None => false,
        }
    }
}

impl Counter {
    /// Whether one more call fits at `now_ms`.
    fn allows(&mut self, limits: &RateLimits, now_ms: u64) -> bool {
        self.second = self.second.at(now_ms, 1000);
        self.minute = self.minute.at(now_ms, 60_000);
        self.day = self.day.at(now_ms, 86_400_000);
        if now_ms < self.stopped_until_ms {
            return false;
        }
        if self.minute.full(limits.per_minute) {
            self.stopped_until_ms = now_ms + limits.minute_stop_seconds * 1000;
            return false;
        }
        !self.second.full(limits.per_second) && !self.day.full(limits.per_day)
    }

    const fn count(&mut self) {
        self.second.calls += 1;
        self.minute.calls += 1;
        self.day.calls += 1;
    }
}

/// What a limit is counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Scope {
    /// All calls of an app.
    App(String),
    /// All calls for an advertiser.
    Advertiser(String),
    /// The calls of `/segment/audience/` for an advertiser.
    AudiencesOf(String),
}

impl Scope {
    /// 40132 and 40133 are both TikTok's for an advertiser; telling them apart here shows which limit was broken.
    fn refusal(&self) -> Refusal {
        match self {
            Self::App(_) => Refusal::new(40100, "Too many requests. Please retry in some time."),
            Self::Advertiser(id) => Refusal::new(40132, format!("Too many requests for the advertiser {id}.")),
            Self::AudiencesOf(id) => {
                Refusal::new(40133, format!("Too many requests for the audiences of the advertiser {id}."))
            }
        }
    }
}

impl Counters {
    /// Counts a call of the app for these advertisers, or says which limit it would break.
    /// `changes_audiences`: it is a call of `/segment/audience/`.
    pub(crate) fn take(
        &mut self,
        rules: &RuleBook,
        app_id: &str,
        advertisers: &[String],
        changes_audiences: bool,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let mut scopes = vec![(Scope::App(app_id.to_owned()), rules.general.app_limits)];
        for id in advertisers {
            let rules = rules.of(id);
            scopes.push((Scope::Advertiser(id.clone()), rules.advertiser_limits));
            if changes_audiences {
                scopes.push((Scope::AudiencesOf(id.clone()), rules.audience_limits));
            }
        }
        for (scope, limits) in &scopes {
            if !self.0.entry(scope.clone()).or_default().allows(limits, now_ms) {
                return Err(scope.refusal());
            }
        }
        for (scope, _) in scopes {
            self.0.entry(scope).or_default().count();
        }
        Ok(())
    }

    /// Forgets every call and every stop.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Forgets the calls and stops of one advertiser.
    pub(crate) fn clear_advertiser(&mut self, advertiser_id: &str) {
        self.0.retain(|scope, _| match scope {
            Scope::App(_) => true,
            Scope::Advertiser(id) | Scope::AudiencesOf(id) => id != advertiser_id,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Counters;
    use crate::rules::{RateLimits, RuleBook, Rules};

    /// The codes of calls for one advertiser at these times.
    fn codes<const N: usize>(rules: &RuleBook, changes_audiences: bool, times: [u64; N]) -> [u32; N] {
        let mut counters = Counters::default();
        let advertisers = ["7".to_owned()];
        times.map(|now_ms| {
            let taken = counters.take(rules, "1", &advertisers, changes_audiences, now_ms);
            taken.map_or_else(|refusal| refusal.code, |()| 0)
        })
    }

    fn limited(app_limits: RateLimits, advertiser_limits: RateLimits) -> RuleBook {
        RuleBook::new(Rules { app_limits, advertiser_limits, ..Rules::default() })
    }

    #[test]
    fn a_second_that_is_used_up_comes_back_with_the_next() {
        let rules = limited(RateLimits::a_second(2), RateLimits::none());
        assert_eq!(codes(&rules, false, [0, 0, 999, 1000, 1999, 1999]), [0, 0, 40100, 0, 0, 40100]);
    }

    #[test]
    fn a_minute_over_its_limit_stops_the_caller_for_five() {
        let rules = limited(RateLimits { per_minute: Some(1), ..RateLimits::none() }, RateLimits::none());
        assert_eq!(codes(&rules, false, [0, 1, 60_000, 300_000, 300_001]), [0, 40100, 40100, 40100, 0]);
    }

    #[test]
    fn an_advertiser_has_limits_of_its_own_and_a_day_ends_at_midnight() {
        let rules = limited(RateLimits::none(), RateLimits { per_day: Some(1), ..RateLimits::none() });
        assert_eq!(codes(&rules, false, [5, 6, 86_400_000]), [0, 40132, 0]);
        let mut counters = Counters::default();
        let mut take = |id: &str| counters.take(&rules, "1", &[id.to_owned()], false, 5).is_ok();
        assert_eq!([take("7"), take("8"), take("7")], [true, true, false]);
    }

    #[test]
    fn audiences_change_once_a_second_and_other_calls_do_not_count() {
        let rules = limited(RateLimits::none(), RateLimits::none());
        assert_eq!(codes(&rules, true, [0, 999, 1000]), [0, 40133, 0]);
        assert_eq!(codes(&rules, false, [0, 0, 0]), [0, 0, 0]);
        let mut rules = rules;
        let own = Rules { audience_limits: RateLimits::none(), ..Rules::default() };
        rules.by_advertiser.insert("7".to_owned(), own);
        assert_eq!(codes(&rules, true, [0, 0]), [0, 0]);
    }
}
