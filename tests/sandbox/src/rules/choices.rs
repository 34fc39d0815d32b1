//! The values that a rule can have where it is more than a number or a switch.

use serde::{Deserialize, Serialize};

/// Calls allowed in each calendar second, minute and day (UTC). `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// Calls in a second. What is used up comes back with the next second.
    pub per_second: Option<u32>,
    /// Calls in a minute. Going over it stops the caller for [`RateLimits::minute_stop_seconds`].
    pub per_minute: Option<u32>,
    /// Calls in a day, until 00:00 UTC.
    pub per_day: Option<u32>,
    /// Seconds for which a caller who went over the minute's limit is refused. TikTok asks for five minutes.
    pub minute_stop_seconds: u64,
}

impl RateLimits {
    /// TikTok's Basic level: 10 a second, 600 a minute, 864,000 a day.
    #[must_use]
    pub const fn basic() -> Self {
        Self { per_second: Some(10), per_minute: Some(600), per_day: Some(864_000), minute_stop_seconds: 300 }
    }

    /// No limit at all.
    #[must_use]
    pub const fn none() -> Self {
        Self { per_second: None, per_minute: None, per_day: None, minute_stop_seconds: 300 }
    }

    /// Only a limit on each second.
    #[must_use]
    pub const fn a_second(calls: u32) -> Self {
        Self { per_second: Some(calls), ..Self::none() }
    }
}

/// When a call takes effect whose answer is slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CarriedOut {
    /// On arrival; only the answer is late.
    BeforeWait,
    /// After the wait, unless the caller has hung up by then.
    #[default]
    AfterWait,
    /// After the wait, even when the caller has hung up: so it can land behind a newer call.
    AfterWaitRegardless,
}

/// What `/advertiser/info/` does about an advertiser that the token does not reach. TikTok's own behavior is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreached {
    /// The list comes without it.
    #[default]
    LeaveOut,
    /// The call is refused: 40001, or 40300 if there is no such advertiser.
    Refuse,
}

/// In what the length of an audience's name is counted. A cut in the middle of a character leaves U+FFFD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameUnit {
    /// Unicode characters (code points).
    #[default]
    Characters,
    /// UTF-16 code units, as Java and JavaScript count.
    Utf16Units,
    /// Bytes of UTF-8.
    Bytes,
}
