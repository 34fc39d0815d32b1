//! Who and what exists at this TikTok: apps, people, advertisers, tokens, audiences.
//! It holds facts and makes ids; who may do what is in `access.rs`, what a call changes is in the file of its endpoint.

mod audience;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::Refusal;
use crate::rules::Rules;

pub(crate) use audience::{Audience, Kind, LIFE_MS};

/// What a person may do in the advertiser accounts that they reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Ad Account Admin.
    Admin,
    /// Ad Account Operator.
    Operator,
    /// Sees reports, may not manage audiences.
    Analyst,
    /// Belongs to a Business Center and to no advertiser account.
    BusinessCenterOnly,
}

/// Someone who can sign in at the consent page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// A short name for stories, like `admin`; unique.
    pub key: String,
    /// The id that `/user/info/` gives.
    pub core_user_id: String,
    /// The name shown, in any script.
    pub display_name: String,
    /// The address that `/user/info/` gives.
    pub email: String,
    /// The address of a picture that `/user/info/` gives.
    #[serde(default)]
    pub avatar_url: String,
    /// What the person may do.
    pub role: Role,
    /// The ids of the advertiser accounts that the person reaches.
    pub advertisers: Vec<String>,
    /// Whether a new token ends this person's older ones; [`Rules::authorizing_again_ends_older_tokens`] if it is not said.
    #[serde(default)]
    pub authorizing_again_ends_older_tokens: Option<bool>,
    /// What `/user/info/` shows instead: an object replaces these fields, anything else replaces all of `data`.
    #[serde(default)]
    pub shown_as: Option<Value>,
}

/// An advertiser account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advertiser {
    /// Nineteen digits.
    pub advertiser_id: String,
    /// The name, in any script.
    pub name: String,
    /// The Business Center that owns the account.
    pub business_center: String,
    /// `STATUS_ENABLE`, or why it is not enabled.
    pub status: String,
    /// The kind of account: `ROLE_ADVERTISER`, `ROLE_CHILD_ADVERTISER`, `ROLE_AGENT`, `ROLE_CHILD_AGENT`.
    pub kind: String,
    /// Whether the integration is approved for this advertiser; if not, audience calls are answered with 40118.
    pub allow_listed: bool,
    /// What lists of advertisers show instead: an object replaces these fields, anything else replaces the row.
    #[serde(default)]
    pub shown_as: Option<Value>,
}

/// An app of a developer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct App {
    pub(crate) secret: String,
    pub(crate) blocked: bool,
}

/// What a consent gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) app_id: String,
    pub(crate) core_user_id: String,
    pub(crate) advertisers: Vec<String>,
    pub(crate) scopes: Vec<u64>,
}

/// A code that waits to be exchanged, until `expires_ms`.
#[derive(Clone, Debug)]
pub(crate) struct AuthCode {
    pub(crate) grant: Grant,
    pub(crate) expires_ms: u64,
}

/// Everything that exists.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) apps: HashMap<String, App>,
    pub(crate) people: Vec<Person>,
    pub(crate) advertisers: BTreeMap<String, Advertiser>,
    pub(crate) tokens: HashMap<String, Grant>,
    pub(crate) codes: HashMap<String, AuthCode>,
    pub(crate) audiences: BTreeMap<String, Audience>,
    /// Hashes that a mapping call is refused for, and how.
    pub(crate) poison: HashMap<String, Refusal>,
}

impl World {
    /// A person by core user id or by key.
    pub(crate) fn person(&self, id_or_key: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.core_user_id == id_or_key || person.key == id_or_key)
    }

    /// Stores a code for the grant and returns it.
    pub(crate) fn add_code(&mut self, grant: Grant, expires_ms: u64) -> String {
        let code = secret_text();
        self.codes.insert(code.clone(), AuthCode { grant, expires_ms });
        code
    }

    /// Stores a token for the grant and returns it. It may end the older ones of the same person and app.
    pub(crate) fn add_token(&mut self, rules: &Rules, grant: Grant) -> String {
        let own_answer = self.person(&grant.core_user_id).and_then(|person| person.authorizing_again_ends_older_tokens);
        if own_answer.unwrap_or(rules.authorizing_again_ends_older_tokens) {
            self.tokens.retain(|_, older| (&older.core_user_id, &older.app_id) != (&grant.core_user_id, &grant.app_id));
        }
        let token = secret_text();
        self.tokens.insert(token.clone(), grant);
        token
    }

    /// Stores an audience and returns its id.
    pub(crate) fn add_audience(&mut self, audience: Audience) -> String {
        let audience_id = id();
        self.audiences.insert(audience_id.clone(), audience);
        audience_id
    }
}

/// An id as TikTok's look: nineteen digits, beginning with 7. As with TikTok's, seconds since 1970 are in its upper half, so that a later one
/// is higher.
pub(crate) fn id() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = since_1970.as_secs() << 32 | u64::from(since_1970.subsec_nanos()) << 2;
    let next = |last: u64| Some(now.max(last + 1));
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_default();
    now.max(last + 1).to_string()
}

/// A token or a code as TikTok's look: forty hex digits.
fn secret_text() -> String {
    crate::member::hex(&rand::random::<[u8; 20]>())
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn a_later_id_is_higher_and_has_nineteen_digits() {
        let ids: Vec<u64> = (0..1000).map(|_| id().parse().unwrap()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.iter().all(|id| id.to_string().len() == 19));
    }
}
