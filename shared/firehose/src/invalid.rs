//! What can be wrong with a message, and where. Faults are looked for a second time, with more care, only once one was met.
//!
//! No fault repeats what stands in the message, save the name of an unknown type: escaped, and cut.

use serde_path_to_error::{Path, Segment};

use crate::profile::Text;
use crate::request::Registered;
use crate::settings::Setting;
use crate::wire::{Kind, Wire};

/// The longest part of an unknown type that is repeated, in characters.
const MAX_TYPE_CHARS: usize = 40;

/// Why a message is not one that can be acted on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not text at all.
    #[error("the message is not UTF-8")]
    NotUtf8,
    /// Text, but not JSON.
    #[error("the message is not JSON: line {line}, column {column}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// A field is missing, or does not have the form that the protocol gives it.
    #[error("{} must be {must}", if .field.is_empty() { "the message" } else { .field })]
    Field {
        /// Such as `user_profiles[3].mpid`; empty for the message as a whole.
        field: String,
        /// What it must be.
        must: &'static str,
    },
    /// The type is none of the protocol's. Escaped, and cut to 40 characters.
    #[error("the type \"{0}\" is not known")]
    UnknownType(String),
    /// The protocol's, but not one that this integration registers for.
    #[error("this integration is not registered for \"{0}\"")]
    TypeNotRegistered(&'static str),
    /// The account lacks a setting.
    #[error("the setting \"{}\" is missing or empty", .0.name)]
    SettingMissing(Setting),
    /// The account has a setting that cannot be right.
    #[error("the setting \"{}\" must {must}", .setting.name)]
    Setting {
        /// Which.
        setting: Setting,
        /// What it must do.
        must: &'static str,
    },
}

impl Invalid {
    /// The word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotUtf8 | Self::NotJson { .. } => "not_json",
            Self::Field { .. } => "invalid_field",
            Self::UnknownType(_) => "unknown_type",
            Self::TypeNotRegistered(_) => "type_not_registered",
            Self::SettingMissing(_) => "missing_setting",
            Self::Setting { .. } => "invalid_setting",
        }
    }

    /// The field at fault, if one is.
    #[must_use]
    pub fn at(&self) -> Option<String> {
        match self {
            Self::NotUtf8 | Self::NotJson { .. } => None,
            Self::Field { field, .. } => Some(field.clone()).filter(|field| !field.is_empty()),
            Self::UnknownType(_) | Self::TypeNotRegistered(_) => Some("type".to_owned()),
            Self::SettingMissing(setting) | Self::Setting { setting, .. } => {
                Some(format!("account.account_settings.{}", setting.id))
            }
        }
    }

    /// A top-level field that is missing or wrong.
    pub(crate) fn field(name: &'static str) -> Self {
        Self::Field { field: name.to_owned(), must: must_be(name) }
    }
}

/// Every field that is read, and what it must be. Only these names are ever repeated.
const FIELDS: [(&str, &str); 24] = [
    ("type", "the name of a Firehose message, as text"),
    ("id", "a UUID, as text"),
    ("timestamp_ms", "milliseconds since 1970, as an integer"),
    ("firehose_version", "text"),
    ("account", "an object with account_settings"),
    ("account_id", "an integer"),
    ("account_settings", "an object of texts"),
    ("tiktokAccountId", "text"),
    ("TikTok Account Id", "text"),
    ("tiktokAccessToken", "text"),
    ("TikTok Access Token", "text"),
    ("user_profiles", "an array of users"),
    ("mpid", "a signed 64-bit number, as text"),
    ("device_identities", "an array of identities with type, encoding and value"),
    ("encoding", "text"),
    ("value", "text"),
    ("audiences", "an array of audiences, each with audience_id and action"),
    ("audience_id", "an integer"),
    ("audience_name", "text"),
    ("action", "one of the protocol's actions, as text"),
    ("audience_subscription_settings", "an object of texts"),
    ("previous_audience_subscription_settings", "an object of texts"),
    ("tiktokAudienceId", "text"),
    ("TikTok Audience Id", "text"),
];

fn must_be(name: &str) -> &'static str {
    FIELDS.iter().find(|(field, _)| *field == name).map_or("of the form that the protocol gives it", |(_, must)| must)
}

/// Which of the registered types a message says it has.
pub(crate) fn of_type(kind: Option<&Text<'_>>) -> Result<Registered, Invalid> {
    match kind.map(|kind| &*kind.0) {
        Some("module_registration_request") => Ok(Registered::Registration),
        Some("audience_subscription_request") => Ok(Registered::Subscription),
        Some("audience_membership_change_request") => Ok(Registered::Membership),
        Some("event_processing_request") => Err(Invalid::TypeNotRegistered("event_processing_request")),
        Some("dsr_processing_request") => Err(Invalid::TypeNotRegistered("dsr_processing_request")),
        Some(other) => Err(Invalid::UnknownType(other.escape_default().take(MAX_TYPE_CHARS).collect())),
        None => Err(Invalid::field("type")),
    }
}

/// Finds out what is wrong with a message that could not be read.
pub(crate) fn fault(text: &str, error: &serde_json::Error) -> Invalid {
    let not_json = || Invalid::NotJson { line: error.line(), column: error.column() };
    if !error.is_data() {
        return not_json();
    }
    if let Ok(Kind { kind }) = serde_json::from_str(text)
        && let Err(invalid) = of_type(kind.as_ref())
    {
        return invalid;
    }
    let deserializer = &mut serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, Wire<'_>>(deserializer) {
        Err(error) => at(error.path(), &error.inner().to_string()),
        Ok(_) => not_json(),
    }
}

/// Names the place. A name that is not in the table comes from the message and ends the path.
fn at(path: &Path, why: &str) -> Invalid {
    let mut field = String::new();
    let mut last = None;
    for segment in path {
        match segment {
            Segment::Seq { index } => field.extend(["[", &index.to_string(), "]"]),
            Segment::Map { key } => match known(key) {
                Some(name) => last = Some(append(&mut field, name)),
                None => break,
            },
            Segment::Enum { .. } | Segment::Unknown => break,
        }
    }
    if let Some(name) = quoted(why, "duplicate field `") {
        append(&mut field, name);
        return Invalid::Field { field, must: "there only once" };
    }
    if let Some(name) = quoted(why, "missing field `") {
        last = Some(append(&mut field, name));
    }
    Invalid::Field { field, must: last.map_or("an object", must_be) }
}

fn append(field: &mut String, name: &'static str) -> &'static str {
    field.extend([if field.is_empty() { "" } else { "." }, name]);
    name
}

fn known(name: &str) -> Option<&'static str> {
    FIELDS.iter().map(|(field, _)| *field).find(|field| *field == name)
}

/// The known field that serde names in a fault of a whole object.
fn quoted(why: &str, opening: &str) -> Option<&'static str> {
    why.strip_prefix(opening)?.split_once('`').and_then(|(name, _)| known(name))
}
