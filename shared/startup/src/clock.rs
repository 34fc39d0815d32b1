//! The time of day, as mParticle and SQS write it. The functions read it here and hand it on: what decides takes the time as a parameter.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970. A clock that stands before 1970 says 0.
#[must_use]
pub fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}

/// A duration in whole milliseconds, as a number that a log line can hold: 128 bits would be written as text, which nobody can average.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_in_milliseconds() {
        let of_2020_and_2100 = 1_577_836_800_000..4_102_444_800_000;
        assert!(of_2020_and_2100.contains(&now_ms()), "{}", now_ms());
    }

    #[test]
    fn a_duration_of_any_length_is_a_number() {
        assert_eq!(millis(Duration::from_micros(1_999)), 1);
        assert_eq!(millis(Duration::MAX), u64::MAX);
    }
}
