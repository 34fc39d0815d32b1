//! What the sandbox enforces and how tightly: every figure that `reference/tiktok-api.md` gives as a default, and every one
//! that it calls unknown, is a field here. All of them can be changed at run time over the control API, for every call or only
//! for the calls that name an advertiser.

mod choices;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

pub use choices::{CarriedOut, NameUnit, RateLimits, Unreached};

/// The limits and switches of a sandbox. [`Rules::default`] is an app of TikTok's Basic level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of what is not known of TikTok")]
pub struct Rules {
    /// The id of the app that exists from the start.
    pub app_id: String,
    /// The secret of that app.
    pub app_secret: String,
    /// Calls that one app may make; one call more is answered with 40100.
    pub app_limits: RateLimits,
    /// Calls that may be made for one advertiser; one call more is answered with 40132.
    pub advertiser_limits: RateLimits,
    /// Calls to `/segment/audience/` that may be made for one advertiser; one call more is answered with 40133.
    pub audience_limits: RateLimits,
    /// Milliseconds between a call and its answer, for every call that the limits let through.
    pub answer_after_ms: u64,
    /// When a call takes effect that waits for `answer_after_ms`.
    pub carried_out: CarriedOut,
    /// Rows of one mapping call; one row more is answered with 40011.
    pub max_rows: usize,
    /// Bytes of one request body; one byte more is answered with 40061.
    pub max_body_bytes: usize,
    /// Audiences of one advertiser; creating one more is answered with 40002.
    pub max_audiences: usize,
    /// Members below which an audience is listed with `is_valid: false`. TikTok's help page says 1,000.
    pub minimum_members: u64,
    /// How the API spells the type of the audiences that it makes: `Partner Audience`, `Partner`, `Segment`. TikTok's word is unknown.
    pub partner_audience_type: String,
    /// In what TikTok counts the 70 that an audience's name may have.
    pub names_counted_in: NameUnit,
    /// Milliseconds before a created audience is listed. It takes users at once.
    pub creation_shows_after_ms: u64,
    /// Milliseconds for which a deleted audience is still listed (at TikTok about a day). It takes no users meanwhile.
    pub deletion_shows_after_ms: u64,
    /// Milliseconds for which an `auth_code` can be exchanged.
    pub auth_code_life_ms: u64,
    /// Whether a new token ends the older ones that the same person gave the same app. A person can have an answer of their own.
    pub authorizing_again_ends_older_tokens: bool,
    /// What `/advertiser/info/` does about an advertiser that the token does not reach.
    pub unreached_advertisers: Unreached,
    /// Whether an Analyst may list audiences. An Analyst may never change one.
    pub analyst_reads_audiences: bool,
    /// Whether an audience takes only the hash family (MD5 or SHA-256) that it was first fed with.
    pub one_hash_family: bool,
    /// Whether a mapping call with some bad rows is answered with 20001 and its good rows are applied. By default such a call
    /// is refused and nothing of it is applied.
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
            audience_limits: RateLimits::a_second(1),
            answer_after_ms: 0,
            carried_out: CarriedOut::AfterWait,
            max_rows: 10_000,
            max_body_bytes: 4 * 1024 * 1024,
            max_audiences: 400,
            minimum_members: 1000,
            partner_audience_type: "Partner Audience".to_owned(),
            names_counted_in: NameUnit::Characters,
            creation_shows_after_ms: 0,
            deletion_shows_after_ms: 0,
            auth_code_life_ms: 60 * 60 * 1000,
            authorizing_again_ends_older_tokens: false,
            unreached_advertisers: Unreached::LeaveOut,
            analyst_reads_audiences: false,
            one_hash_family: true,
            partly: false,
            seed: 7,
        }
    }
}

/// The rules for everything, and those of advertisers that have their own.
#[derive(Debug)]
pub(crate) struct RuleBook {
    pub(crate) general: Rules,
    pub(crate) by_advertiser: HashMap<String, Rules>,
}

impl RuleBook {
    pub(crate) fn new(general: Rules) -> Self {
        Self { general, by_advertiser: HashMap::new() }
    }

    /// The rules of one advertiser: its own, or the general ones.
    pub(crate) fn of(&self, advertiser_id: &str) -> &Rules {
        self.by_advertiser.get(advertiser_id).unwrap_or(&self.general)
    }

    /// The rules for a call that names these advertisers: the first one's own, or the general ones.
    pub(crate) fn for_call(&self, advertiser_ids: &[String]) -> &Rules {
        advertiser_ids.iter().find_map(|id| self.by_advertiser.get(id)).unwrap_or(&self.general)
    }

    /// Changes the general rules. The first app stays who it is; its secret is changed through `/apps`.
    pub(crate) fn change(&mut self, rules: Rules) {
        let Rules { app_id, app_secret, .. } = &mut self.general;
        let (app_id, app_secret) = (std::mem::take(app_id), std::mem::take(app_secret));
        self.general = Rules { app_id, app_secret, ..rules };
    }
}
