//! The settings of this integration as they come back from mParticle: in maps from text to text.
//!
//! mParticle registers a setting with an id and a name; either may be the key, and the id is preferred.

use ids::{AdvertiserId, AudienceId};
use secrecy::SecretString;
use serde::Deserialize;

use crate::Invalid;
use crate::object::read_from_objects;
use crate::profile::Text;

/// The longest token that is taken, in bytes. TikTok's have 40.
const MAX_TOKEN_BYTES: usize = 1024;

/// A setting as it is registered with mParticle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// What programs call it.
    pub id: &'static str,
    /// What people read.
    pub name: &'static str,
}

/// The advertiser whose audiences are fed.
pub const ACCOUNT_ID: Setting = Setting { id: "tiktokAccountId", name: "TikTok Account Id" };
/// The token that opens the advertiser's account.
pub const ACCESS_TOKEN: Setting = Setting { id: "tiktokAccessToken", name: "TikTok Access Token" };
/// The hidden setting of a subscription that holds TikTok's audience.
pub const AUDIENCE_ID: Setting = Setting { id: "tiktokAudienceId", name: "TikTok Audience Id" };

/// A customer's configuration.
#[derive(Debug)]
pub struct Account {
    /// mParticle's id of the configuration, for the log.
    pub account_id: Option<i64>,
    /// The setting [`ACCOUNT_ID`].
    pub advertiser: AdvertiserId,
    /// The setting [`ACCESS_TOKEN`], trimmed: 1 to 1024 visible ASCII characters.
    pub token: SecretString,
}

#[derive(Deserialize)]
#[serde(remote = "Self")]
pub(crate) struct WireAccount<'a> {
    #[serde(default)]
    account_id: Option<i64>,
    #[serde(borrow, default)]
    account_settings: Option<AccountSettings<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(remote = "Self")]
struct AccountSettings<'a> {
    #[serde(borrow, default, rename = "tiktokAccountId")]
    account_id: Option<Text<'a>>,
    #[serde(borrow, default, rename = "TikTok Account Id")]
    account_name: Option<Text<'a>>,
    #[serde(borrow, default, rename = "tiktokAccessToken")]
    token_id: Option<Text<'a>>,
    #[serde(borrow, default, rename = "TikTok Access Token")]
    token_name: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(remote = "Self")]
pub(crate) struct SubscriptionSettings<'a> {
    #[serde(borrow, default, rename = "tiktokAudienceId")]
    id: Option<Text<'a>>,
    #[serde(borrow, default, rename = "TikTok Audience Id")]
    name: Option<Text<'a>>,
}

read_from_objects!(WireAccount<'a>, AccountSettings<'a>, SubscriptionSettings<'a>);

impl SubscriptionSettings<'_> {
    /// TikTok's audience, if the setting is there and is an id.
    pub(crate) fn audience(&self) -> Option<AudienceId> {
        given(self.id.as_ref(), self.name.as_ref())?.parse().ok()
    }
}

impl WireAccount<'_> {
    pub(crate) fn check(self) -> Result<Account, Invalid> {
        let settings = self.account_settings.unwrap_or_default();
        let advertiser = given(settings.account_id.as_ref(), settings.account_name.as_ref())
            .ok_or(Invalid::SettingMissing(ACCOUNT_ID))?;
        let advertiser = advertiser.parse().map_err(|_| Invalid::Setting {
            setting: ACCOUNT_ID,
            must: "be the number in the URL of TikTok's ads dashboard: digits only",
        })?;
        let token = given(settings.token_id.as_ref(), settings.token_name.as_ref())
            .ok_or(Invalid::SettingMissing(ACCESS_TOKEN))?;
        if token.len() > MAX_TOKEN_BYTES || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid::Setting {
                setting: ACCESS_TOKEN,
                must: "be a token as TikTok's authorisation page shows it: up to 1024 visible ASCII characters",
            });
        }
        Ok(Account { account_id: self.account_id, advertiser, token: SecretString::from(token) })
    }
}

/// The value under a setting's id, else the one under its name; blank ones do not count.
fn given<'t>(by_id: Option<&'t Text<'_>>, by_name: Option<&'t Text<'_>>) -> Option<&'t str> {
    [by_id, by_name].into_iter().flatten().map(|text| text.0.trim()).find(|text| !text.is_empty())
}
