//! Times and spans as people read them.

use aws_sdk_sqs::primitives::{DateTime, DateTimeFormat};

const MINUTE_MS: i64 = 60_000;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// How long it is from `ms` to `now_ms`, in the largest unit of which there are two.
pub(crate) fn age(ms: i64, now_ms: i64) -> String {
    let span = now_ms.saturating_sub(ms).max(0);
    if span < 2 * MINUTE_MS {
        format!("{} s", span / 1000)
    } else if span < 2 * HOUR_MS {
        format!("{} min", span / MINUTE_MS)
    } else if span < 2 * DAY_MS {
        format!("{} h", span / HOUR_MS)
    } else {
        format!("{} days", span / DAY_MS)
    }
}

/// The time of day in UTC, to the second.
pub(crate) fn moment(ms: i64) -> String {
    let text = DateTime::from_secs(ms.div_euclid(1000)).fmt(DateTimeFormat::DateTime).unwrap_or_default();
    text.replacen('T', " ", 1).replacen('Z', " UTC", 1)
}

/// A time as log lines have it, in milliseconds since 1970.
pub(crate) fn parse(text: &str) -> Option<i64> {
    DateTime::from_str(text, DateTimeFormat::DateTime).ok()?.to_millis().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_a_unit_that_says_enough() {
        let of = |span: i64| age(1_000, 1_000 + span);
        assert_eq!([of(0), of(119_999), of(120_000), of(7_199_999)], ["0 s", "119 s", "2 min", "119 min"]);
        assert_eq!([of(7_200_000), of(172_799_999), of(172_800_000)], ["2 h", "47 h", "2 days"]);
        assert_eq!(age(5_000, 1_000), "0 s", "a clock that is behind");
    }

    #[test]
    fn a_time_reads_back_from_a_log_line() {
        assert_eq!(moment(1_714_592_744_065), "2024-05-01 19:45:44 UTC");
        assert_eq!(parse("2024-05-01T19:45:44.065123Z"), Some(1_714_592_744_065));
        assert_eq!(parse("yesterday"), None);
    }
}
