//! The delays of blocked lanes: which connections fail, since when, and when their lanes come back. Pure: the time is a parameter.

use std::collections::HashMap;
use std::time::Duration;

use ids::ConnectionId;
use tokio::time::Instant;

/// The first delay of a blocked lane; it doubles with the connection's consecutive failures.
const FIRST_DELAY: Duration = Duration::from_secs(10);
/// The longest in the first hour, and the longest after it.
const LONGEST_DELAY: Duration = Duration::from_mins(5);
const LONGEST_LATER: Duration = Duration::from_mins(15);
const FIRST_HOUR: Duration = Duration::from_hours(1);
/// Nothing comes back sooner.
const SHORTEST_DELAY: Duration = Duration::from_secs(5);
/// A connection that did not fail again for so long is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(2);

/// When a lane comes back that was received `receives` times and has been blocked for `age`, for a cause that is the lane's alone.
pub(crate) fn lane_delay(receives: u32, age: Duration) -> Duration {
    doubled(receives.max(1), if age > FIRST_HOUR { LONGEST_LATER } else { LONGEST_DELAY })
}

fn doubled(failures: u32, longest: Duration) -> Duration {
    FIRST_DELAY.saturating_mul(2_u32.saturating_pow((failures - 1).min(16))).min(longest)
}

#[derive(Debug, Clone, Copy)]
struct Failing {
    failures: u32,
    since: Instant,
    since_ms: i64,
    /// The last call that failed.
    last: Instant,
    retry_at: Instant,
}

/// The connections of this process that fail.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failing: HashMap<ConnectionId, Failing>,
    /// When connections last waited for everybody's trouble.
    waited: HashMap<ConnectionId, Instant>,
}

impl Backoff {
    /// A call for `connection` failed at `now`, which is `now_ms` since 1970. All its lanes come back at one instant: when `pause` ends,
    /// if that is known, else later with each failure. `jitter` is from 0 to 1.
    pub(crate) fn failed(
        &mut self,
        connection: ConnectionId,
        (now, now_ms): (Instant, i64),
        pause: Option<Instant>,
        jitter: f64,
    ) {
        let new = Failing { failures: 0, since: now, since_ms: now_ms, last: now, retry_at: now };
        let failing = self.failing.entry(connection).or_insert(new);
        failing.last = now;
        // Before its time comes again, a lane waits for another one's trial: it has not failed.
        if now < failing.retry_at {
            failing.retry_at = failing.retry_at.max(pause.unwrap_or(now));
            return;
        }
        failing.failures = failing.failures.saturating_add(1);
        let is_old = now - failing.since > FIRST_HOUR;
        let longest = if is_old { LONGEST_LATER } else { LONGEST_DELAY };
        let doubled = doubled(failing.failures, longest);
        let paused = pause.map(|end| end.saturating_duration_since(now));
        // A pause never takes longer than 5 minutes; a message may be received 900 times, and waits for up to 8 days.
        let delay = paused.filter(|paused| !is_old || *paused > doubled).unwrap_or(doubled).max(SHORTEST_DELAY);
        failing.retry_at = now + delay.mul_f64(jitter.clamp(0.0, 1.0).mul_add(0.1, 1.0));
    }

    /// `connection` waits for everybody's trouble at `now`.
    pub(crate) fn waits_for_all(&mut self, connection: ConnectionId, now: Instant) {
        self.waited.insert(connection, now);
    }

    /// How long ago `connection` last waited for everybody's trouble.
    pub(crate) fn waited_for_all(&self, connection: ConnectionId, now: Instant) -> Option<Duration> {
        self.waited.get(&connection).map(|waited| now.saturating_duration_since(*waited))
    }

    /// TikTok answered all calls for `connection`, whatever it said of them.
    pub(crate) fn answered(&mut self, connection: ConnectionId) {
        self.failing.remove(&connection);
    }

    /// When the lanes of `connection` come back, from now: with those that wait already, for what they wait for, `pause` or none.
    pub(crate) fn delay(&self, connection: ConnectionId, now: Instant, pause: Option<Instant>) -> Duration {
        let retry_at = self.failing.get(&connection).map(|failing| failing.retry_at);
        let end = retry_at.into_iter().chain(pause).max();
        end.map_or(FIRST_DELAY, |end| end.saturating_duration_since(now)).max(SHORTEST_DELAY)
    }

    /// How often `connection` failed running.
    pub(crate) fn failures(&self, connection: ConnectionId) -> u32 {
        self.failing.get(&connection).map_or(0, |failing| failing.failures)
    }

    /// When `connection` failed last.
    pub(crate) fn last(&self, connection: ConnectionId) -> Option<Instant> {
        self.failing.get(&connection).map(|failing| failing.last)
    }

    /// Since when `connection` fails, in milliseconds since 1970.
    pub(crate) fn since_ms(&self, connection: ConnectionId) -> Option<i64> {
        self.failing.get(&connection).map(|failing| failing.since_ms)
    }

    /// Forgets connections that did not fail again for long.
    pub(crate) fn tidy(&mut self, now: Instant) {
        self.waited.retain(|_, waited| *waited + FORGOTTEN_AFTER > now);
        self.failing.retain(|_, failing| failing.retry_at + FORGOTTEN_AFTER > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> ConnectionId {
        "7.1".parse().unwrap()
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn lanes_come_back_after_10_seconds_and_then_later_up_to_5_minutes_and_15_after_an_hour() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        let (mut delays, mut now) = (Vec::new(), start);
        for _ in 0..7 {
            backoff.failed(connection(), (now, 0), None, 0.0);
            delays.push(backoff.delay(connection(), now, None).as_secs());
            now += backoff.delay(connection(), now, None);
        }
        assert_eq!(delays, [10, 20, 40, 80, 160, 300, 300]);
        let later = start + seconds(3_601);
        backoff.failed(connection(), (later, 0), None, 0.0);
        assert_eq!(backoff.delay(connection(), later, None).as_secs(), 900);
        backoff.answered(connection());
        backoff.failed(connection(), (later, 0), None, 0.0);
        assert_eq!(backoff.delay(connection(), later, None).as_secs(), 10);
    }

    #[test]
    fn what_is_left_of_a_pause_decides_and_at_least_5_seconds() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        backoff.failed(connection(), (start, 0), Some(start + seconds(70)), 0.0);
        assert_eq!(backoff.delay(connection(), start, None), seconds(70));
        assert_eq!(backoff.delay(connection(), start + seconds(69), None), seconds(5));
        let later = start + seconds(80);
        backoff.failed(connection(), (later, 0), Some(later), 1.0);
        assert_eq!(backoff.delay(connection(), later, None), seconds(5).mul_f64(1.1));
    }

    #[test]
    fn a_lane_that_waits_for_anothers_trial_comes_back_with_it_and_has_not_failed() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        backoff.failed(connection(), (start, 0), None, 0.0);
        let lane = start + seconds(3);
        backoff.failed(connection(), (lane, 0), None, 0.0);
        assert_eq!(backoff.delay(connection(), lane, None), seconds(7));
        assert_eq!(backoff.failures(connection()), 1);
    }

    #[test]
    fn what_is_waited_for_for_eight_days_is_received_fewer_than_900_times() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        let (mut receives, mut now) = (0, start);
        while now < start + Duration::from_hours(8 * 24) {
            // The breaker's pause is 5 minutes at the most.
            backoff.failed(connection(), (now, 0), Some(now + Duration::from_mins(5)), 0.0);
            now += backoff.delay(connection(), now, None);
            receives += 1;
        }
        assert!(receives < 850, "{receives}");
    }
}
