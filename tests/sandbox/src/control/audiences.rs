//! Audiences, their members, and hashes that a call is refused for: what is sent and given, and the calls of the client.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Control, Result};
use crate::clock;
use crate::member::IdKind;

/// An audience to make.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAudience {
    /// Whose it is.
    pub advertiser_id: String,
    /// Its name.
    pub name: String,
    /// Its type; if left out, the one that mapping feeds.
    #[serde(default)]
    pub audience_type: Option<String>,
}

/// What to change of an audience. What is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AudienceChange {
    /// Whether an active campaign uses it, so that it cannot be deleted.
    pub in_use: Option<bool>,
    /// Whether another advertiser made it and shared it: it is listed (not with `is_creator=true`), and cannot be fed or deleted.
    pub shared: Option<bool>,
    /// When it expires, in milliseconds since 1970: `is_expiring` for 60 days before, then `is_valid: false`, and only a deletion
    /// is accepted. Mapping sets it a year ahead again.
    pub expires_ms: Option<u64>,
    /// What the list gives as `cover_num`, instead of the number of members.
    pub cover_num: Option<u64>,
    /// What the list gives as `is_valid`, instead of what follows from size and age.
    pub is_valid: Option<bool>,
    /// What the list shows instead, for an odd row: an object replaces these fields (`{}` none), anything else the row.
    pub shown_as: Option<Value>,
}

/// An audience, as the control API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceView {
    /// Its id.
    pub audience_id: String,
    /// Whose it is.
    pub advertiser_id: String,
    /// Its name, as TikTok cut it.
    pub name: String,
    /// Its type.
    pub audience_type: String,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Whether an active campaign uses it.
    pub in_use: bool,
    /// Whether another advertiser made it and shared it.
    pub shared: bool,
    /// When it expires, or expired, in milliseconds since 1970.
    pub expires_ms: u64,
    /// How many members it has, by id type.
    pub members: BTreeMap<IdKind, usize>,
}

/// A hash that every mapping call is refused for which carries it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poison {
    /// The hash.
    pub id: String,
    /// The code that the call is refused with.
    pub code: u32,
    /// TikTok's words.
    #[serde(default)]
    pub message: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AudienceId {
    pub(crate) audience_id: String,
}

/// Each call fails with [`ControlError`](super::ControlError) when the sandbox cannot be reached or says no.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl Control {
    /// Makes an audience, of any type, at TikTok, without a call of its API.
    pub async fn create_audience(&self, audience: &NewAudience) -> Result<String> {
        let made: AudienceId = self.value(self.post("audiences", audience)).await?;
        Ok(made.audience_id)
    }

    /// The audiences of an advertiser, deleted ones included.
    pub async fn audiences(&self, advertiser_id: &str) -> Result<Vec<AudienceView>> {
        self.value(self.get("audiences").query(&[("advertiser_id", advertiser_id)])).await
    }

    /// Deletes an audience at TikTok, without a call of its API, and in use or not.
    pub async fn delete_audience(&self, audience_id: &str) -> Result<()> {
        self.done(self.delete(&format!("audiences/{audience_id}"))).await
    }

    /// Says whether an active campaign uses an audience.
    pub async fn set_in_use(&self, audience_id: &str, in_use: bool) -> Result<()> {
        self.change_audience(audience_id, &AudienceChange { in_use: Some(in_use), ..AudienceChange::default() }).await
    }

    /// Changes what TikTok knows of an audience.
    pub async fn change_audience(&self, audience_id: &str, change: &AudienceChange) -> Result<()> {
        self.done(self.send(Method::PATCH, &format!("audiences/{audience_id}"), change)).await
    }

    /// Lets an audience expire, as one that was not used for a year.
    pub async fn expire_audience(&self, audience_id: &str) -> Result<()> {
        let expires_ms = Some(clock::now_ms());
        self.change_audience(audience_id, &AudienceChange { expires_ms, ..AudienceChange::default() }).await
    }

    /// Who is in an audience: sorted hashes by id type; a type without members is left out.
    pub async fn members(&self, audience_id: &str) -> Result<BTreeMap<IdKind, Vec<String>>> {
        self.value(self.get(&format!("audiences/{audience_id}/members"))).await
    }

    /// Makes every mapping call be refused that carries a hash.
    pub async fn poison(&self, id: &str, code: u32, message: &str) -> Result<()> {
        let poison = Poison { id: id.to_owned(), code, message: message.to_owned() };
        self.done(self.post("poison", &poison)).await
    }

    /// Accepts all hashes again.
    pub async fn clear_poison(&self) -> Result<()> {
        self.done(self.delete("poison")).await
    }
}
