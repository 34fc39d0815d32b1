//! What the sandbox enforces and how tightly: every figure that `reference/tiktok-api.md` gives as a default, and every one
//! that it calls unknown, is a field here. All of them can be changed at run time over the control API.

use serde::{Deserialize, Serialize};

/// The limits and switches of a sandbox. [`Rules::default`] is an app of TikTok's Basic level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// The id of the app that exists from the start.
    pub app_id: String,
    /// The secret of that app.
    pub app_secret: String,
    /// Calls that one app may make; one call more is answered with 40100.
    pub app_limits: RateLimits,
    /// Calls that may be made for one advertiser; one call more is answered with 40132.
    pub advertiser_limits: RateLimits,
    /// Rows of one mapping call; one row more is answered with 40011.
    pub max_rows: usize,
    /// Bytes of one request body; one byte more is answered with 40061.
    pub max_body_bytes: usize,
    /// Audiences of one advertiser; creating one more is answered with 40002.
    pub max_audiences: usize,
    /// Milliseconds for which an `auth_code` can be exchanged.
    pub auth_code_life_ms: u64,
    /// Milliseconds for which a deleted audience is still listed (at TikTok about a day). It takes no users meanwhile.
    pub deletion_shows_after_ms: u64,
    /// Whether an Analyst may list audiences. He may never change one.
    pub analyst_reads_audiences: bool,
    /// Whether an audience takes only the hash family (MD5 or SHA-256) that it was first fed with.
    pub one_hash_family: bool,
    /// Whether a mapping call with some bad rows is answered with 20001 and its good rows are applied. By default such a call
    /// is refused as a whole.
    pub partly: bool,
    /// The seed of the faults that hit a share of calls.
    pub seed: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            app_id: "7300000000000000001".to_owned(),
            app_secret: "sandbox-app-secret".to_owned(),
            app_limits: RateLimits::basic(),
            advertiser_limits: RateLimits::none(),
            max_rows: 10_000,
            max_body_bytes: 4 * 1024 * 1024,
            max_audiences: 400,
            auth_code_life_ms: 60 * 60 * 1000,
            deletion_shows_after_ms: 0,
            analyst_reads_audiences: false,
            one_hash_family: true,
            partly: false,
            seed: 7,
        }
    }
}

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
