//! The wall clock, in the few shapes that TikTok's answers need. No time zone other than UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// `2026-11-20 12:34:56`, as TikTok writes times.
pub(crate) fn text(ms: u64) -> String {
    let (year, month, day) = civil(ms / 86_400_000);
    let second = ms / 1000 % 86_400;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// `20261120123456`, the beginning of TikTok's request ids.
pub(crate) fn compact(ms: u64) -> String {
    text(ms).chars().filter(char::is_ascii_digit).collect()
}

/// Year, month and day of a day counted from 1970-01-01 (Hinnant's `civil_from_days`, for days after 1970 only).
const fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let january_or_february = (month <= 2) as u64;
    (year_of_era + era * 400 + january_or_february, month, day)
}

#[cfg(test)]
mod tests {
    use super::{compact, text};

    #[test]
    fn a_leap_day_and_new_year_are_written_right() {
        assert_eq!(text(1_709_210_096_000), "2024-02-29 12:34:56");
        assert_eq!(compact(1_767_225_599_000), "20251231235959");
        assert_eq!(text(1_767_225_600_000), "2026-01-01 00:00:00");
    }
}
