//! What the control API takes and gives for people, advertisers, apps and tokens.
//! Every field that has a sensible value may be left out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::world::{Advertiser, Person, Role};

/// An app to make, or to change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    /// The app's id.
    pub app_id: String,
    /// The secret it has from now on.
    pub secret: String,
    /// Whether TikTok blocks it from now on.
    #[serde(default)]
    pub blocked: bool,
}

/// A person to make.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewPerson {
    /// The short name for stories; made up if left out.
    pub key: Option<String>,
    /// The name shown.
    pub display_name: String,
    /// What the person may do; an admin if left out.
    pub role: Role,
    /// The accounts that the person reaches.
    pub advertisers: Vec<String>,
}

impl Default for NewPerson {
    fn default() -> Self {
        Self { key: None, display_name: "Somebody".to_owned(), role: Role::Admin, advertisers: Vec::new() }
    }
}

/// What to change of a person.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PersonChange {
    /// The new name shown.
    pub display_name: Option<String>,
    /// The new address.
    pub email: Option<String>,
    /// The new address of a picture.
    pub avatar_url: Option<String>,
    /// The new role.
    pub role: Option<Role>,
    /// The accounts that the person reaches from now on.
    pub advertisers: Option<Vec<String>>,
    /// Whether a new token ends the person's older ones, whatever the rules say.
    pub authorizing_again_ends_older_tokens: Option<bool>,
    /// What `/user/info/` shows instead: an object replaces these fields (`{}` none), anything else all of `data`.
    pub shown_as: Option<Value>,
}

/// An advertiser to make.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewAdvertiser {
    /// The name, in any script.
    pub name: Option<String>,
    /// The Business Center; a new one if left out.
    pub business_center: Option<String>,
    /// `STATUS_ENABLE` if left out.
    pub status: Option<String>,
}

/// What to change of an advertiser.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdvertiserChange {
    /// The new name.
    pub name: Option<String>,
    /// The new status, like `STATUS_DISABLE`.
    pub status: Option<String>,
    /// Whether the integration is approved for it.
    pub allow_listed: Option<bool>,
    /// What lists of advertisers show instead: an object replaces these fields (`{}` none), anything else the row.
    pub shown_as: Option<Value>,
}

/// A consent to be given.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    /// Who gives it: a key or a core user id.
    pub person: String,
    /// For which accounts; all that the person reaches if left out.
    #[serde(default)]
    pub advertisers: Option<Vec<String>>,
    /// The scope ids; what the consent page ticks at first if left out.
    #[serde(default)]
    pub scopes: Option<Vec<u64>>,
    /// To which app; the first one if left out.
    #[serde(default)]
    pub app_id: Option<String>,
    /// For a code, how many milliseconds it lives; 0 makes one that has expired.
    #[serde(default)]
    pub life_ms: Option<u64>,
}

impl NewGrant {
    /// What this person would grant by agreeing to the consent page as it comes.
    #[must_use]
    pub fn of(person: &str) -> Self {
        Self { person: person.to_owned(), advertisers: None, scopes: None, app_id: None, life_ms: None }
    }

    /// With these scope ids only.
    #[must_use]
    pub fn scopes(self, scopes: &[u64]) -> Self {
        Self { scopes: Some(scopes.to_vec()), ..self }
    }

    /// For these accounts only.
    #[must_use]
    pub fn advertisers(self, advertisers: &[&str]) -> Self {
        let advertisers = advertisers.iter().map(|id| (*id).to_owned()).collect();
        Self { advertisers: Some(advertisers), ..self }
    }
}

/// A token that was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The token.
    pub access_token: String,
    /// How the journal names it.
    pub fingerprint: String,
    /// The accounts that it covers.
    pub advertiser_ids: Vec<String>,
    /// Its scope ids.
    pub scope: Vec<u64>,
}

/// All that one customer of the product has at TikTok.
#[derive(Clone, Debug)]
pub struct Customer {
    /// The account.
    pub advertiser: Advertiser,
    /// Its admin.
    pub person: Person,
    /// The token that the admin granted.
    pub token: Token,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessToken {
    pub(crate) access_token: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AuthCode {
    pub(crate) auth_code: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Number {
    pub(crate) number: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hits {
    pub(crate) hits: u64,
}
