//! Calls counted against the limits of each app and each advertiser, in calendar windows as TikTok describes them.
//! A refused call is not counted, except that it may start the minute's stop.

use std::collections::HashMap;

use crate::answer::Refusal;
use crate::rules::{RateLimits, Rules};

/// The counters of a sandbox, by `app <id>` and `advertiser <id>`.
#[derive(Debug, Default)]
pub(crate) struct Counters(HashMap<String, Counter>);

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
        if index == self.index { self } else { Self { index, calls: 0 } }
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
    fn admits(&mut self, limits: &RateLimits, now_ms: u64) -> bool {
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

impl Counters {
    /// Counts a call of the app for these advertisers, or says which limit it would break.
    pub(crate) fn take(
        &mut self,
        rules: &Rules,
        app_id: &str,
        advertisers: &[String],
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let app = format!("app {app_id}");
        if !self.counter(&app).admits(&rules.app_limits, now_ms) {
            return Err(Refusal::new(40100, "Too many requests. Please retry in some time."));
        }
        let keys: Vec<String> = advertisers.iter().map(|id| format!("advertiser {id}")).collect();
        for key in &keys {
            if !self.counter(key).admits(&rules.advertiser_limits, now_ms) {
                return Err(Refusal::new(40132, format!("Too many requests for the {key}.")));
            }
        }
        self.counter(&app).count();
        for key in &keys {
            self.counter(key).count();
        }
        Ok(())
    }

    /// Forgets every call and every stop.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    fn counter(&mut self, key: &str) -> &mut Counter {
        self.0.entry(key.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Counters;
    use crate::rules::{RateLimits, Rules};

    fn code(counters: &mut Counters, rules: &Rules, now_ms: u64) -> u32 {
        counters.take(rules, "1", &["7".to_owned()], now_ms).map_or_else(|refusal| refusal.code, |()| 0)
    }

    #[test]
    fn a_second_that_is_used_up_comes_back_with_the_next() {
        let rules = Rules { app_limits: RateLimits::a_second(2), ..Rules::default() };
        let mut counters = Counters::default();
        let codes: Vec<u32> = [0, 0, 999, 1000, 1999, 1999].map(|at| code(&mut counters, &rules, at)).into();
        assert_eq!(codes, [0, 0, 40100, 0, 0, 40100]);
    }

    #[test]
    fn a_minute_over_its_limit_stops_the_caller_for_five() {
        let limits = RateLimits { per_minute: Some(1), ..RateLimits::none() };
        let rules = Rules { app_limits: limits, ..Rules::default() };
        let mut counters = Counters::default();
        let codes: Vec<u32> = [0, 1, 60_000, 300_000, 300_001].map(|at| code(&mut counters, &rules, at)).into();
        assert_eq!(codes, [0, 40100, 40100, 40100, 0]);
    }

    #[test]
    fn an_advertiser_has_limits_of_its_own_and_a_day_ends_at_midnight() {
        let limits = RateLimits { per_day: Some(1), ..RateLimits::none() };
        let rules = Rules { app_limits: RateLimits::none(), advertiser_limits: limits, ..Rules::default() };
        let mut counters = Counters::default();
        let codes: Vec<u32> = [5, 6, 86_400_000].map(|at| code(&mut counters, &rules, at)).into();
        assert_eq!(codes, [0, 40132, 0]);
        assert!(counters.take(&rules, "1", &["8".to_owned()], 6).is_ok());
    }
}
