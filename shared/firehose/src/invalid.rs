//! What can be wrong with a message, and where. No fault repeats what stands in the message, save the name of an unknown type:
//! escaped, and cut.

use std::fmt;

use crate::settings::Setting;

/// A field without which a message cannot be acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `type`
    Type,
    /// `account`
    Account,
    /// `account.account_id`
    AccountId,
    /// `account.account_settings`
    AccountSettings,
    /// `user_profiles`
    UserProfiles,
    /// `audience_id` of a subscription
    AudienceId,
    /// `action` of a subscription
    Action,
    /// `subject_request_type`
    SubjectRequestType,
}

impl Field {
    /// Its place in the message.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Account => "account",
            Self::AccountId => "account.account_id",
            Self::AccountSettings => "account.account_settings",
            Self::UserProfiles => "user_profiles",
            Self::AudienceId => "audience_id",
            Self::Action => "action",
            Self::SubjectRequestType => "subject_request_type",
        }
    }

    const fn must_be(self) -> &'static str {
        match self {
            Self::Type => "the name of a Firehose message, as text",
            Self::Account => "an object with account_id and account_settings",
            Self::AccountId => "a positive integer",
            Self::AccountSettings => "an object of texts",
            Self::UserProfiles => "an array of users",
            Self::AudienceId => "an integer",
            Self::Action => "add, update or remove",
            Self::SubjectRequestType => "erasure",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

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
    /// JSON, but no object.
    #[error("the message must be an object")]
    NotAnObject,
    /// A field is missing, or does not have the form that the protocol gives it.
    #[error("{0} must be {must}", must = .0.must_be())]
    Field(Field),
    /// The type is none of the protocol's. Escaped, and cut to 40 characters.
    #[error("the type \"{0}\" is not known")]
    UnknownType(String),
    /// The protocol's, but not one that this integration registers for.
    #[error("this integration is not registered for \"{0}\"")]
    TypeNotRegistered(&'static str),
    /// A person asks for something else than to be forgotten.
    #[error("this integration keeps nothing of a person that could be handed out: it does erasure, and not \"{0}\"")]
    RequestTypeNotSupported(&'static str),
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
            Self::NotAnObject | Self::Field(_) => "invalid_field",
            Self::UnknownType(_) => "unknown_type",
            Self::TypeNotRegistered(_) => "type_not_registered",
            Self::RequestTypeNotSupported(_) => "request_type_not_supported",
            Self::SettingMissing(_) => "missing_setting",
            Self::Setting { .. } => "invalid_setting",
        }
    }

    /// The field at fault, if one is.
    #[must_use]
    pub fn field(&self) -> Option<String> {
        match self {
            Self::NotUtf8 | Self::NotJson { .. } | Self::NotAnObject => None,
            Self::Field(field) => Some(field.path().to_owned()),
            Self::UnknownType(_) | Self::TypeNotRegistered(_) => Some(Field::Type.path().to_owned()),
            Self::RequestTypeNotSupported(_) => Some(Field::SubjectRequestType.path().to_owned()),
            Self::SettingMissing(setting) | Self::Setting { setting, .. } => {
                Some(format!("{}.{}", Field::AccountSettings, setting.id))
            }
        }
    }
}
