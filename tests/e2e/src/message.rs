//! Firehose messages as mParticle writes them, from `reference/mparticle-firehose.md`. Profiles carry far more than the product may
//! keep: e-mail, customer id, partner ids, attributes, other devices' ids.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};

use crate::people::{MARK, Person};

/// A customer's configuration in mParticle.
#[derive(Clone, Debug)]
pub struct Account {
    /// mParticle's id of it.
    pub account_id: i64,
    /// The setting `TikTok Account Id`.
    pub advertiser_id: String,
    /// The setting `TikTok Access Token`.
    pub token: String,
}

/// An audience in mParticle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// mParticle's id of it.
    pub audience_id: i64,
    /// Its name.
    pub name: String,
    /// The setting `Send Email`.
    pub by_email: bool,
    /// What the response to its connection set: TikTok's id.
    pub tiktok_id: Option<String>,
}

/// What happens to a user in an audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Joins.
    Add,
    /// Leaves.
    Delete,
    /// Stays, and an attribute changed.
    AttributeUpdate,
}

/// A user in a message.
#[derive(Clone, Debug)]
pub struct Profile<'a> {
    /// Who.
    pub person: &'a Person,
    /// What changes, in the order of the message.
    pub changes: Vec<(&'a Audience, Action)>,
}

impl<'a> Profile<'a> {
    /// A user whose membership of one audience changes.
    #[must_use]
    pub fn of(person: &'a Person, audience: &'a Audience, action: Action) -> Self {
        Self { person, changes: vec![(audience, action)] }
    }

    /// Users who all do the same.
    #[must_use]
    pub fn all(people: &'a [Person], audience: &'a Audience, action: Action) -> Vec<Self> {
        people.iter().map(|person| Self::of(person, audience, action)).collect()
    }

    fn json(&self) -> Value {
        let Person { mpid, devices } = self.person;
        let audiences: Vec<Value> = self.changes.iter().map(|(audience, action)| change(audience, *action)).collect();
        json!({
            "device_identities": devices.iter().map(crate::Identity::json).collect::<Vec<_>>(),
            "user_identities": [
                self.person.email(),
                { "type": "customer", "encoding": "raw", "value": format!("{MARK}-customer-{mpid}") },
            ],
            "partner_identities": [{ "type": "partner_id", "encoding": "raw", "value": format!("{MARK}-partner-{mpid}") }],
            "audiences": audiences,
            "mpid": mpid,
        })
    }
}

fn change(audience: &Audience, action: Action) -> Value {
    let mut change = json!({
        "audience_id": audience.audience_id,
        "audience_name": audience.name,
        "audience_subscription_settings": held(audience),
        "action": match action {
            Action::Add => "add",
            Action::Delete => "delete",
            Action::AttributeUpdate => "attribute_update",
        },
    });
    if action == Action::AttributeUpdate {
        change["user_attributes"] =
            json!([{ "key": "Plan", "value": format!("{MARK}-attribute"), "action": "upsert" }]);
    }
    change
}

/// What mParticle stored with the subscription.
fn held(audience: &Audience) -> Value {
    let id = audience.tiktok_id.iter().map(|id| ("tiktokAudienceId".to_owned(), json!(id)));
    let by_email = audience.by_email.then(|| ("sendEmail".to_owned(), json!("true")));
    Value::Object(id.chain(by_email).collect::<Map<_, _>>())
}

impl Account {
    /// By the settings' ids, as mParticle sends them once they are registered.
    #[must_use]
    pub fn json(&self) -> Value {
        let Self { account_id, advertiser_id, token } = self;
        let settings = json!({ "tiktokAccountId": advertiser_id, "tiktokAccessToken": token });
        json!({ "account_id": account_id, "account_settings": settings })
    }
}

/// `module_registration_request`.
#[must_use]
pub fn registration() -> Value {
    message("module_registration_request", now_ms())
}

/// `audience_subscription_request`: `action` is `add`, `update` or `remove`.
#[must_use]
pub fn subscription(account: &Account, audience: &Audience, action: &str) -> Value {
    let mut request = message("audience_subscription_request", now_ms());
    request["account"] = account.json();
    request["audience_id"] = json!(audience.audience_id);
    request["audience_name"] = json!(audience.name);
    request["audience_subscription_settings"] = held(audience);
    request["action"] = json!(action);
    request
}

/// `audience_membership_change_request`, made now: later than every message before it.
#[must_use]
pub fn membership(account: &Account, profiles: &[Profile<'_>]) -> Value {
    membership_at(now_ms(), account, profiles)
}

/// The same, made at a time of the caller's choice.
#[must_use]
pub fn membership_at(timestamp_ms: i64, account: &Account, profiles: &[Profile<'_>]) -> Value {
    let mut request = verification_at(timestamp_ms, account);
    request["user_profiles"] = profiles.iter().map(Profile::json).collect();
    request
}

/// `dsr_processing_request`: a person with these identities, by type, asks to be forgotten. mParticle's sample names no account.
#[must_use]
pub fn erasure(account: Option<&Account>, subject_request_id: &str, identities: &Value) -> Value {
    let mut request = message("dsr_processing_request", now_ms());
    if let Some(account) = account {
        request["account"] = account.json();
    }
    request["subject_request_id"] = json!(subject_request_id);
    request["subject_request_type"] = json!("erasure");
    request["subject_identities"] = identities.clone();
    request["submitted_time"] = json!(1_714_592_744.067_235);
    request["api_version"] = json!("3.0");
    request["regulation"] = json!("gdpr");
    request
}

/// The same without users: is the connection alive?
#[must_use]
pub fn verification(account: &Account) -> Value {
    verification_at(now_ms(), account)
}

fn verification_at(timestamp_ms: i64, account: &Account) -> Value {
    let mut request = message("audience_membership_change_request", timestamp_ms);
    request["account"] = account.json();
    request
}

fn message(kind: &str, timestamp_ms: i64) -> Value {
    json!({ "type": kind, "id": message_id(), "timestamp_ms": timestamp_ms, "firehose_version": "3.2.0" })
}

/// Milliseconds since 1970, and never the same twice.
pub fn now_ms() -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let after = |last: i64| Some(now.max(last + 1));
    LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after).map_or(now, |last| now.max(last + 1))
}

/// A UUID that no other message of this process has.
#[must_use]
pub fn message_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let bytes = Md5::digest(format!("message {number} of {}", std::process::id()));
    uuid::Builder::from_random_bytes(bytes.into()).into_uuid().to_string()
}
