//! How fast TikTok is called: a share of the app's rate, a rate for each advertiser, and pauses after throttling.
//!
//! It lives as long as the process, so that a throttled advertiser stays slow in the next invocation, and recovers.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use ids::AdvertiserId;
use tokio::time::Instant;

/// The first pause after throttling. TikTok does not say which window was used up: a second, a minute or a day.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest: TikTok asks for a stop of 5 minutes when a minute's calls are used up.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Who is being slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everyone.
    App,
    /// One advertiser.
    Advertiser(AdvertiserId),
}

/// It is not this advertiser's turn before the time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSoon;

#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Instant,
    length: Duration,
}

/// The pace of all calls of this process.
#[derive(Debug)]
pub struct Pace {
    app: DefaultDirectRateLimiter,
    advertisers: DefaultKeyedRateLimiter<AdvertiserId>,
    pauses: Mutex<HashMap<Scope, Pause>>,
    clock: DefaultClock,
}

impl Pace {
    /// At most so many calls a second, for all and for each advertiser.
    #[must_use]
    pub fn new(app: f64, advertiser: f64) -> Self {
        Self {
            app: RateLimiter::direct(evenly(app)),
            advertisers: RateLimiter::keyed(evenly(advertiser)),
            pauses: Mutex::new(HashMap::new()),
            clock: DefaultClock::default(),
        }
    }

    /// Waits for `advertiser`'s turn.
    ///
    /// # Errors
    /// [`TooSoon`], at once, if it does not come before `until`.
    pub async fn turn(&self, advertiser: AdvertiserId, until: Instant) -> Result<(), TooSoon> {
        while let Some(end) = self.pause_end(advertiser) {
            sleep_until(end, until).await?;
        }
        while let Err(early) = self.advertisers.check_key(&advertiser) {
            sleep_until(Instant::now() + early.wait_time_from(self.clock.now()), until).await?;
        }
        while let Err(early) = self.app.check() {
            sleep_until(Instant::now() + early.wait_time_from(self.clock.now()), until).await?;
        }
        Ok(())
    }

    /// Whether calls for `advertiser` pause now.
    #[must_use]
    pub fn is_paused(&self, advertiser: AdvertiserId) -> bool {
        self.pause_end(advertiser).is_some()
    }

    /// TikTok throttled: no calls for a while, longer each time.
    pub fn throttled(&self, scope: Scope) {
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let pause = pauses.entry(scope).or_insert(Pause { until: now, length: Duration::ZERO });
        // Calls that were under way when the pause began do not lengthen it.
        if pause.until <= now {
            pause.length = (pause.length * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            pause.until = now + pause.length.mul_f64(rand::random_range(1.0..1.25));
        }
    }

    /// TikTok did a call: the next pause is shorter again.
    pub fn recovered(&self, advertiser: AdvertiserId) {
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        for scope in [Scope::App, Scope::Advertiser(advertiser)] {
            if let Some(pause) = pauses.get_mut(&scope) {
                pause.length /= 2;
            }
        }
        pauses.retain(|_, pause| pause.length >= FIRST_PAUSE / 2 || pause.until > Instant::now());
    }

    /// Forgets advertisers that were not called for a while. To be called between invocations.
    pub fn tidy(&self) {
        self.advertisers.retain_recent();
    }

    fn pause_end(&self, advertiser: AdvertiserId) -> Option<Instant> {
        let pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = [Scope::App, Scope::Advertiser(advertiser)].into_iter().filter_map(|scope| pauses.get(&scope));
        ends.map(|pause| pause.until).max().filter(|end| *end > Instant::now())
    }
}

/// One call after the other at equal distances: a burst on top of a full second would break TikTok's limit.
fn evenly(per_second: f64) -> Quota {
    let period = Duration::from_secs_f64(1.0 / per_second).max(Duration::from_nanos(1));
    Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MIN))
}

async fn sleep_until(end: Instant, until: Instant) -> Result<(), TooSoon> {
    if end > until {
        return Err(TooSoon);
    }
    tokio::time::sleep_until(end).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advertiser(n: u32) -> AdvertiserId {
        n.to_string().parse().unwrap()
    }

    async fn waited(pace: &Pace, who: AdvertiserId) -> Option<Duration> {
        let start = Instant::now();
        pace.turn(who, start + LONGEST_PAUSE * 2).await.ok().map(|()| start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_advertiser_waits_longer_each_time_and_alone() {
        let pace = Pace::new(1e6, 1e6);
        let (loud, other) = (advertiser(1), advertiser(2));
        let mut longest = Duration::ZERO;
        for doubling in 0..10 {
            pace.throttled(Scope::Advertiser(loud));
            pace.throttled(Scope::Advertiser(loud));
            assert!(waited(&pace, other).await.unwrap() < Duration::from_millis(10));
            longest = waited(&pace, loud).await.unwrap();
            assert!(
                longest >= FIRST_PAUSE.mul_f64(f64::from(1 << doubling)).min(LONGEST_PAUSE),
                "{doubling}: {longest:?}"
            );
        }
        assert!(longest <= LONGEST_PAUSE.mul_f64(1.25));
        for _ in 0..20 {
            pace.recovered(loud);
        }
        assert!(pace.pauses.lock().unwrap().is_empty(), "recovered");
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_app_slows_everyone_and_nobody_waits_past_the_end() {
        let pace = Pace::new(1e6, 1e6);
        pace.throttled(Scope::App);
        let soon = Instant::now() + Duration::from_millis(500);
        assert_eq!(pace.turn(advertiser(1), soon).await, Err(TooSoon));
        assert!(waited(&pace, advertiser(2)).await.unwrap() >= FIRST_PAUSE);
    }

    #[tokio::test]
    async fn calls_are_spread_evenly() {
        let pace = Pace::new(50.0, 1e6);
        let start = std::time::Instant::now();
        for n in 1..7 {
            pace.turn(advertiser(n), Instant::now() + Duration::from_mins(1)).await.unwrap();
        }
        assert!(start.elapsed() >= Duration::from_millis(95), "5 distances of 20 ms: {:?}", start.elapsed());
    }
}
