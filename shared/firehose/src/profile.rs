//! A user as a membership change carries one: of the identities the device ids, of the person nothing.

use std::borrow::Cow;
use std::fmt;

use ids::{AudienceId, DeviceType, Encoding, Mpid};
use serde::{Deserialize, Deserializer};
use smallvec::SmallVec;

use crate::object::{Word, or_empty, read_from_objects, word};
use crate::settings::SubscriptionSettings;

/// A text of the message, borrowed unless it was escaped. Its `Debug` output hides it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(…)")
    }
}

/// A user, by whatever ids the message has, and what changes.
#[derive(Debug, Deserialize)]
#[serde(remote = "Self")]
pub struct Profile<'a> {
    /// mParticle's id of the user.
    #[serde(default)]
    pub mpid: Option<Mpid>,
    /// Of every type; the user and partner identities beside them are skipped.
    #[serde(borrow, default, deserialize_with = "or_empty")]
    pub device_identities: SmallVec<[DeviceIdentity<'a>; 4]>,
    /// In the order of the message.
    #[serde(default, deserialize_with = "or_empty")]
    pub audiences: SmallVec<[MembershipChange; 2]>,
}

/// A device identity as it stands in the message.
#[derive(Debug, Deserialize)]
#[serde(remote = "Self")]
pub struct DeviceIdentity<'a> {
    /// Which id it is.
    #[serde(rename = "type", default, deserialize_with = "or_empty")]
    pub kind: IdentityKind,
    /// How the value is encoded.
    #[serde(default, deserialize_with = "or_empty")]
    pub encoding: IdentityEncoding,
    /// The id; `None` if the message has none.
    #[serde(borrow, default)]
    pub value: Option<Text<'a>>,
}

/// The type of a device identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdentityKind {
    /// One of those that this integration asks for.
    Advertising(DeviceType),
    /// Any other, known to the protocol or not.
    #[default]
    Other,
}

/// The encoding of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdentityEncoding {
    /// One of the protocol's.
    Known(Encoding),
    /// None, or one that the protocol does not list.
    #[default]
    Other,
}

/// A user joins or leaves an audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipChange {
    /// mParticle's id of the audience.
    pub audience_id: i64,
    /// TikTok's, as the subscription's response set it; `None` if it is missing or no such id.
    pub tiktok_audience: Option<AudienceId>,
    /// What happens.
    pub action: Action,
}

/// What happens to a user in an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The user joins.
    Add,
    /// The user leaves.
    Delete,
    /// Attributes of a member changed; the membership did not.
    AttributeUpdate,
}

#[derive(Deserialize)]
#[serde(remote = "Self")]
#[expect(clippy::struct_field_names, reason = "mParticle's names")]
struct Audience<'a> {
    audience_id: i64,
    #[serde(borrow, default)]
    audience_subscription_settings: Option<SubscriptionSettings<'a>>,
    action: Action,
}

read_from_objects!(Profile<'a>, DeviceIdentity<'a>, Audience<'a>);

impl<'de> Deserialize<'de> for MembershipChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Audience { audience_id, audience_subscription_settings, action } =
            <Audience<'de> as Deserialize>::deserialize(deserializer)?;
        let tiktok_audience = audience_subscription_settings.and_then(|settings| settings.audience());
        Ok(Self { audience_id, tiktok_audience, action })
    }
}

impl Word for Action {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            "add" => Self::Add,
            "delete" => Self::Delete,
            "attribute_update" => Self::AttributeUpdate,
            _ => return None,
        })
    }
}

impl Word for IdentityKind {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            "ios_advertising_id" => Self::Advertising(DeviceType::Idfa),
            "google_advertising_id" => Self::Advertising(DeviceType::Gaid),
            _ => Self::Other,
        })
    }
}

impl Word for IdentityEncoding {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            "raw" => Self::Known(Encoding::Raw),
            "md5" => Self::Known(Encoding::Md5),
            "sha1" => Self::Known(Encoding::Sha1),
            "sha256" => Self::Known(Encoding::Sha256),
            _ => Self::Other,
        })
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer)
    }
}

impl<'de> Deserialize<'de> for IdentityKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer)
    }
}

impl<'de> Deserialize<'de> for IdentityEncoding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer)
    }
}
