//! The requests that mParticle sends, and their parser.
//!
//! Users are handed over as they are read, in one pass, where the type and the account stand before them, as mParticle writes them, and
//! the JSON is plain. Otherwise the fields are found first, wherever they stand, and the users are read after that.
//! Either way nothing is kept of a user.

mod one_pass;

use std::borrow::Cow;
use std::fmt;

use ids::AudienceId;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::account::Account;
use crate::erasure::Erasure;
use crate::invalid::{Field, Invalid};
use crate::json::{Fields, Object, Scalar, skip};
use crate::profile::LeftOut;
use crate::reading::{Reading, SubscriptionSettings};
use crate::settings::Switch;
use crate::users::Users;

const MEMBERSHIP: &str = "audience_membership_change_request";
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
    Membership(Membership),
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
/// Its users went to [`Users`]; a verification has none.
#[derive(Debug)]
pub struct Membership {
    /// The customer's configuration.
    pub account: Account,
    /// What was left out of the users.
    pub left_out: LeftOut,
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

impl<'a> Wire<'a> {
    /// Where the value of the field `name` goes, if it matters.
    fn of(&mut self, name: &str) -> Option<&mut Option<&'a RawValue>> {
        Some(match name {
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
            _ => return None,
        })
    }
}

impl<'de> Object<'de> for Wire<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        match self.of(name) {
            Some(field) => *field = Some(object.next_value()?),
            None => skip(object)?,
        }
        Ok(())
    }
}

/// Reads an object, and nothing else.
struct Root<'t, T>(&'t mut T);

impl<'de, T: Object<'de>> DeserializeSeed<'de> for Root<'_, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Object<'de>> Visitor<'de> for Root<'_, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<(), A::Error> {
        Fields(self.0).visit_map(object).map(|_| ())
    }
}

fn read<'a>(text: &'a str, root: &mut impl Object<'a>) -> serde_json::Result<()> {
    let mut json = serde_json::Deserializer::from_str(text);
    Root(root).deserialize(&mut json)?;
    json.end()
}

/// Parses the text of a message (see [`readable`](crate::readable)), borrowing from it, and hands its users to `users`. After an error, and
/// for other messages, what they got does not count.
///
/// # Errors
/// [`Invalid`] says what is wrong and where, and repeats nothing of the message but the name of an unknown type.
pub fn parse<'a>(text: &'a str, users: &mut impl Users) -> Result<Message<'a>, Invalid> {
    if let Some((wire, membership)) = one_pass::read(text, users) {
        return wire.message(membership, users);
    }
    let mut wire = Wire::default();
    read(text, &mut wire).map_err(|error| {
        // No value is read yet: the only fault that is not one of JSON's is a message that is no object.
        if error.is_data() {
            Invalid::NotAnObject
        } else {
            Invalid::NotJson { line: error.line(), column: error.column() }
        }
    })?;
    wire.message(None, users)
}

impl<'a> Wire<'a> {
    /// The message; its users are read now, unless they were.
    fn message(&self, read: Option<Membership>, users: &mut impl Users) -> Result<Message<'a>, Invalid> {
        let request = match text_of(self.kind).as_deref() {
            Some("module_registration_request") => Request::Registration,
            Some("audience_subscription_request") => Request::Subscription(self.subscription()?),
            Some(MEMBERSHIP) => Request::Membership(read.map_or_else(|| self.membership(users), Ok)?),
            Some("event_processing_request") => return Err(Invalid::TypeNotRegistered("event_processing_request")),
            Some("dsr_processing_request") => Request::Erasure(self.erasure()?),
            Some(other) => return Err(Invalid::UnknownType(other.escape_default().take(MAX_TYPE_CHARS).collect())),
            None => return Err(Invalid::Field(Field::Type)),
        };
        Ok(Message { id: text_of(self.id).filter(|id| is_uuid(id)), request })
    }

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

    fn membership(&self, users: &mut impl Users) -> Result<Membership, Invalid> {
        let profiles = match self.user_profiles.map(RawValue::get) {
            None | Some("null") => "[]",
            Some(list) if list.starts_with('[') => list,
            Some(_) => return Err(Invalid::Field(Field::UserProfiles)),
        };
        let account = Account::read(self.account)?;
        users.begin(&account, self.timestamp());
        Ok(Membership { account, left_out: Reading::new(users).read_all(profiles) })
    }

    fn erasure(&self) -> Result<Erasure<'a>, Invalid> {
        match text_of(self.subject_request_type).as_deref() {
            Some("erasure") => {}
            Some("access") => return Err(Invalid::RequestTypeNotSupported("access")),
            Some("portability") => return Err(Invalid::RequestTypeNotSupported("portability")),
            Some(_) | None => return Err(Invalid::Field(Field::SubjectRequestType)),
        }
        let account = self.account.filter(|raw| raw.get() != "null");
        let connection = account.map(Account::connection).transpose();
        Ok(Erasure::read(connection, self.timestamp(), text_of(self.subject_request_id), self.subject_identities))
    }

    fn timestamp(&self) -> Option<i64> {
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
        Scalar::Integer(_) | Scalar::Large(_) | Scalar::Bool(_) | Scalar::Null | Scalar::Other => None,
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
