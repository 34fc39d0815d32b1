//! The requests that mParticle sends, and their parser.
//!
//! Each field that matters is found first, wherever it stands, and the message is known to be JSON to its end; only then is
//! anything read from it. Nothing is copied, and profiles are read one by one.

use std::borrow::Cow;
use std::fmt;

use ids::AudienceId;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::account::Account;
use crate::erasure::Erasure;
use crate::invalid::{Field, Invalid};
use crate::json::{Fields, Object, Scalar, skip};
use crate::profiles::{Profiles, SubscriptionSettings};
use crate::settings::Switch;

/// The longest part of an unknown type that is repeated, in characters.
const MAX_TYPE_CHARS: usize = 40;
/// The year 10000: no time of a change.
const MAX_TIMESTAMP_MS: i64 = 253_402_300_800_000;

/// A request and its id, which the response repeats.
#[derive(Debug)]
pub struct Message<'a> {
    /// A UUID with hyphens, as it was sent; `None` if the message has none.
    pub id: Option<Cow<'a, str>>,
    /// What is asked for.
    pub request: Request<'a>,
}

/// What mParticle asks for.
#[derive(Debug)]
pub enum Request<'a> {
    /// Who are you, and what do you need?
    Registration,
    /// A customer connects, edits or disconnects an audience.
    Subscription(Subscription<'a>),
    /// Users joined or left audiences; or, without users, is the connection alive?
    Membership(Membership<'a>),
    /// A person asks to be forgotten.
    Erasure(Erasure<'a>),
}

/// `audience_subscription_request`.
#[derive(Debug)]
pub struct Subscription<'a> {
    /// The customer's configuration.
    pub account: Account,
    /// mParticle's id of the audience.
    pub audience_id: i64,
    /// The audience's name; empty if the message has none.
    pub audience_name: Cow<'a, str>,
    /// TikTok's audience of this subscription, from its settings or else from its previous ones.
    pub tiktok_audience: Option<AudienceId>,
    /// Whether e-mail addresses may be sent for the audience, if the customer's setting says so or not.
    pub send_email: Option<bool>,
    /// What the customer does.
    pub action: SubscriptionAction,
}

/// What a customer does to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionAction {
    /// Connects the audience.
    Add,
    /// Edits the settings of the connection.
    Update,
    /// Disconnects the audience.
    Remove,
}

/// `audience_membership_change_request`.
#[derive(Debug)]
pub struct Membership<'a> {
    /// The customer's configuration.
    pub account: Account,
    /// When the changes were made, in milliseconds since 1970; `None` if the message has no usable time.
    pub timestamp_ms: Option<i64>,
    /// The users; none in a verification.
    pub profiles: Profiles<'a>,
}

/// The fields of any message that matter, unread. Of a field that comes twice the last counts.
#[derive(Default)]
struct Wire<'a> {
    kind: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    timestamp_ms: Option<&'a RawValue>,
    account: Option<&'a RawValue>,
    user_profiles: Option<&'a RawValue>,
    audience_id: Option<&'a RawValue>,
    audience_name: Option<&'a RawValue>,
    settings: Option<&'a RawValue>,
    previous_settings: Option<&'a RawValue>,
    action: Option<&'a RawValue>,
    subject_request_id: Option<&'a RawValue>,
    subject_request_type: Option<&'a RawValue>,
    subject_identities: Option<&'a RawValue>,
}

impl<'de> Object<'de> for Wire<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        let field = match name {
            "type" => &mut self.kind,
            "id" => &mut self.id,
            "timestamp_ms" => &mut self.timestamp_ms,
            "account" => &mut self.account,
            "user_profiles" => &mut self.user_profiles,
            "audience_id" => &mut self.audience_id,
            "audience_name" => &mut self.audience_name,
            "audience_subscription_settings" => &mut self.settings,
            "previous_audience_subscription_settings" => &mut self.previous_settings,
            "action" => &mut self.action,
            "subject_request_id" => &mut self.subject_request_id,
            "subject_request_type" => &mut self.subject_request_type,
            "subject_identities" => &mut self.subject_identities,
            _ => return skip(object),
        };
        *field = Some(object.next_value()?);
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Wire<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Root;
        impl<'de> Visitor<'de> for Root {
            type Value = Wire<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Wire<'de>, A::Error> {
                let mut wire = Wire::default();
                Fields(&mut wire).visit_map(object)?;
                Ok(wire)
            }
        }
        deserializer.deserialize_map(Root)
    }
}

/// Parses the text of a message (see [`readable`](crate::readable)), borrowing from it.
///
/// # Errors
/// [`Invalid`] says what is wrong and where, and repeats nothing of the message but the name of an unknown type.
pub fn parse(text: &str) -> Result<Message<'_>, Invalid> {
    let wire: Wire<'_> = serde_json::from_str(text).map_err(|error| {
        // No value is read yet: the only fault that is not one of JSON's is a message that is no object.
        if error.is_data() {
            Invalid::NotAnObject
        } else {
            Invalid::NotJson { line: error.line(), column: error.column() }
        }
    })?;
    let request = match text_of(wire.kind).as_deref() {
        Some("module_registration_request") => Request::Registration,
        Some("audience_subscription_request") => Request::Subscription(wire.subscription()?),
        Some("audience_membership_change_request") => Request::Membership(wire.membership()?),
        Some("event_processing_request") => return Err(Invalid::TypeNotRegistered("event_processing_request")),
        Some("dsr_processing_request") => Request::Erasure(wire.erasure()?),
        Some(other) => return Err(Invalid::UnknownType(other.escape_default().take(MAX_TYPE_CHARS).collect())),
        None => return Err(Invalid::Field(Field::Type)),
    };
    Ok(Message { id: text_of(wire.id).filter(|id| is_uuid(id)), request })
}

impl<'a> Wire<'a> {
    fn subscription(&self) -> Result<Subscription<'a>, Invalid> {
        let audience_id = scalar(self.audience_id).integer().ok_or(Invalid::Field(Field::AudienceId))?;
        let action = match text_of(self.action).as_deref() {
            Some("add") => SubscriptionAction::Add,
            Some("update") => SubscriptionAction::Update,
            Some("remove") => SubscriptionAction::Remove,
            Some(_) | None => return Err(Invalid::Field(Field::Action)),
        };
        let account = Account::read(self.account)?;
        let tiktok_audience =
            [self.settings, self.previous_settings].into_iter().flatten().find_map(|raw| settings_of(raw).audience());
        let send_email = self.settings.and_then(|raw| match settings_of(raw).send_email() {
            Switch::Set(is) => Some(is),
            Switch::Unset | Switch::Odd => None,
        });
        let audience_name = scalar(self.audience_name).into_text().unwrap_or_default();
        Ok(Subscription { account, audience_id, audience_name, tiktok_audience, send_email, action })
    }

    fn membership(&self) -> Result<Membership<'a>, Invalid> {
        let profiles = match self.user_profiles {
            None => Profiles::none(),
            Some(raw) => Profiles::of(raw).ok_or(Invalid::Field(Field::UserProfiles))?,
        };
        let account = Account::read(self.account)?;
        Ok(Membership { account, timestamp_ms: self.timestamp_ms(), profiles })
    }
}

impl<'a> Wire<'a> {
    fn erasure(&self) -> Result<Erasure<'a>, Invalid> {
        match text_of(self.subject_request_type).as_deref() {
            Some("erasure") => {}
            Some("access") => return Err(Invalid::NoErasure("access")),
            Some("portability") => return Err(Invalid::NoErasure("portability")),
            Some(_) | None => return Err(Invalid::Field(Field::SubjectRequestType)),
        }
        let connection = match self.account {
            None => None,
            Some(raw) if raw.get() == "null" => None,
            Some(raw) => Some(Account::connection(raw)?),
        };
        Ok(Erasure::read(connection, self.timestamp_ms(), text_of(self.subject_request_id), self.subject_identities))
    }

    fn timestamp_ms(&self) -> Option<i64> {
        scalar(self.timestamp_ms).integer().filter(|ms| (0..MAX_TIMESTAMP_MS).contains(ms))
    }
}

/// The value, which is known to be JSON. A number that nothing can hold is as good as another odd value.
fn scalar(raw: Option<&RawValue>) -> Scalar<'_> {
    raw.map_or(Scalar::Null, |raw| serde_json::from_str(raw.get()).unwrap_or(Scalar::Other))
}

fn text_of(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    match scalar(raw) {
        Scalar::Text(text) => Some(text),
        Scalar::Integer(_) | Scalar::Bool(_) | Scalar::Null | Scalar::Other => None,
    }
}

fn settings_of(raw: &RawValue) -> SubscriptionSettings<'_> {
    let mut settings = SubscriptionSettings::default();
    // A number that nothing can hold costs the settings behind it.
    Fields(&mut settings).deserialize(&mut serde_json::Deserializer::from_str(raw.get())).ok();
    settings
}

/// In the form with hyphens: 36 characters.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse_ascii(text.as_bytes()).is_ok()
}
