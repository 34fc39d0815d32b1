//! `module_registration_response`: what mParticle is told about an integration, in the protocol's words.

use ids::Encoding;
use serde::Serialize;

use crate::settings::Setting;

/// Who an integration is and what it needs.
#[derive(Debug, Clone, Serialize)]
pub struct ModuleRegistration {
    /// What customers see in mParticle's directory.
    pub name: &'static str,
    /// The integration's own version.
    pub version: &'static str,
    /// The version of the protocol, in the form of mParticle's SDK.
    pub sdk_version: &'static str,
    /// Under 230 characters.
    pub description: &'static str,
    /// What of a profile is sent.
    pub permissions: Permissions,
    /// What audiences need.
    pub audience_processing_registration: AudienceProcessing,
    /// What requests of people to be forgotten need; without it none are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dsr_processing_registration: Option<DsrProcessing>,
}

/// What of a profile mParticle sends.
#[derive(Debug, Clone, Serialize)]
pub struct Permissions {
    /// The device identities; with one that is `required`, only users who have one of those are sent.
    pub device_identities: Vec<IdentityPermission>,
    /// The user identities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_identities: Vec<IdentityPermission>,
    /// Whether the MPID is sent.
    pub allow_access_mpid: bool,
}

/// An identity that is asked for.
#[derive(Debug, Clone, Serialize)]
pub struct IdentityPermission {
    /// mParticle's name of it.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// How it is to be encoded.
    pub encoding: Encoding,
    /// Whether users without one of the required identities are left out.
    pub required: bool,
}

/// The settings of accounts and subscriptions, and how changes are grouped.
#[derive(Debug, Clone, Serialize)]
pub struct AudienceProcessing {
    /// Of a customer's configuration.
    pub account_settings: Vec<TextSetting>,
    /// Of each audience that is connected.
    pub audience_subscription_settings: Vec<SubscriptionSetting>,
    /// Asks for fewer and larger requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk_configuration: Option<BulkConfiguration>,
}

/// How long mParticle may wait to send more at once. Its exact meaning is not documented.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct BulkConfiguration {
    /// Until there are so many messages.
    #[serde(rename = "bulk_forward_wait_for_messages", skip_serializing_if = "Option::is_none")]
    pub messages: Option<u32>,
    /// For so many minutes.
    #[serde(rename = "bulk_forward_wait_in_minutes", skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
}

/// How requests of people to be forgotten are sent.
#[derive(Debug, Clone, Serialize)]
pub struct DsrProcessing {
    /// Of a customer's configuration.
    pub account_settings: Vec<TextSetting>,
    /// The requests that are taken.
    pub supported_dsr_types: Vec<DsrType>,
    /// The domain of this integration, by which `OpenDSR` knows a processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

/// A kind of request that a person makes. The protocol has no other.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DsrType {
    /// To be forgotten.
    Erasure,
}

/// A setting of a subscription.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum SubscriptionSetting {
    /// It holds text.
    Text(TextSetting),
    /// It is on or off.
    Boolean(BooleanSetting),
}

/// A setting that is on or off.
#[derive(Debug, Clone, Serialize)]
pub struct BooleanSetting {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'static str,
    name: &'static str,
    description: &'static str,
    visible: bool,
    default_value: bool,
    checked: bool,
}

impl BooleanSetting {
    /// A setting that is off until the customer turns it on.
    #[must_use]
    pub const fn off(setting: Setting, description: &'static str) -> Self {
        let Setting { id, name } = setting;
        Self { kind: "boolean", id, name, description, visible: true, default_value: false, checked: false }
    }
}

/// A setting that holds text.
#[derive(Debug, Clone, Serialize)]
pub struct TextSetting {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'static str,
    name: &'static str,
    description: &'static str,
    visible: bool,
    required: bool,
    confidential: bool,
}

impl TextSetting {
    /// A setting that every customer has to fill in.
    #[must_use]
    pub const fn required(setting: Setting, description: &'static str) -> Self {
        let Setting { id, name } = setting;
        Self { kind: "text", id, name, description, visible: true, required: true, confidential: false }
    }

    /// The same, and mParticle keeps it from view.
    #[must_use]
    pub const fn confidential(setting: Setting, description: &'static str) -> Self {
        Self { confidential: true, ..Self::required(setting, description) }
    }

    /// A setting of the integration's own, set by its responses.
    #[must_use]
    pub const fn hidden(setting: Setting, description: &'static str) -> Self {
        Self { visible: false, required: false, ..Self::required(setting, description) }
    }
}
