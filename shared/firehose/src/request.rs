//! The requests that mParticle sends, and their parser.

use std::borrow::Cow;

use ids::AudienceId;
use serde::{Deserialize, Deserializer};

use crate::invalid::{Invalid, fault, of_type};
use crate::object::{Word, word};
use crate::profile::{Profile, Text};
use crate::settings::{Account, SubscriptionSettings, WireAccount};
use crate::wire::Wire;

/// A request and its id, which the response repeats.
#[derive(Debug)]
pub struct Message<'a> {
    /// A UUID with hyphens, as it was sent.
    pub id: Cow<'a, str>,
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
    /// When the changes were made, in milliseconds since 1970; not negative.
    pub timestamp_ms: i64,
    /// The users; none in a verification.
    pub profiles: Vec<Profile<'a>>,
}

impl Word for SubscriptionAction {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            "add" => Self::Add,
            "update" => Self::Update,
            "remove" => Self::Remove,
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for SubscriptionAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer)
    }
}

/// The types that this integration is registered for.
#[derive(Clone, Copy)]
pub(crate) enum Registered {
    Registration,
    Subscription,
    Membership,
}

/// Parses a message, borrowing from it.
///
/// # Errors
/// [`Invalid`] says what is wrong and where, and repeats nothing of the message but the name of an unknown type.
pub fn parse(body: &[u8]) -> Result<Message<'_>, Invalid> {
    let text = str::from_utf8(body).map_err(|_| Invalid::NotUtf8)?;
    match serde_json::from_str::<Wire<'_>>(text) {
        Ok(wire) => wire.check(),
        Err(error) => Err(fault(text, &error)),
    }
}

impl<'a> Wire<'a> {
    fn check(self) -> Result<Message<'a>, Invalid> {
        let registered = of_type(self.kind.as_ref())?;
        let id = self.id.as_ref().map(|id| id.0.clone()).filter(|id| is_uuid(id)).ok_or(Invalid::field("id"))?;
        let request = match registered {
            Registered::Registration => Request::Registration,
            Registered::Subscription => Request::Subscription(self.subscription()?),
            Registered::Membership => Request::Membership(self.membership()?),
        };
        Ok(Message { id, request })
    }

    fn subscription(self) -> Result<Subscription<'a>, Invalid> {
        let settings = [&self.audience_subscription_settings, &self.previous_audience_subscription_settings];
        let tiktok_audience = settings.into_iter().flatten().find_map(SubscriptionSettings::audience);
        Ok(Subscription {
            account: account(self.account)?,
            audience_id: self.audience_id.ok_or(Invalid::field("audience_id"))?,
            audience_name: self.audience_name.map(|Text(name)| name).unwrap_or_default(),
            tiktok_audience,
            action: self.action.ok_or(Invalid::field("action"))?,
        })
    }

    fn membership(self) -> Result<Membership<'a>, Invalid> {
        Ok(Membership {
            account: account(self.account)?,
            timestamp_ms: self.timestamp_ms.filter(|ms| *ms >= 0).ok_or(Invalid::field("timestamp_ms"))?,
            profiles: self.user_profiles,
        })
    }
}

fn account(account: Option<WireAccount<'_>>) -> Result<Account, Invalid> {
    account.ok_or(Invalid::field("account"))?.check()
}

/// In the form with hyphens: 36 characters.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse_ascii(text.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn membership(value: &str) -> String {
        format!(
            r#"{{"type":"audience_membership_change_request","id":"1317071d-3342-4e1e-a691-84bd7e762bda","timestamp_ms":1,
            "account":{{"account_settings":{{"tiktokAccountId":"7","tiktokAccessToken":"t"}}}},
            "user_profiles":[{{"device_identities":[{{"type":"ios_advertising_id","encoding":"raw","value":{value}}}]}}]}}"#
        )
    }

    /// The one id of the one user.
    fn id(message: &str) -> Cow<'_, str> {
        let Request::Membership(request) = parse(message.as_bytes()).unwrap().request else { panic!("another type") };
        let mut profiles = request.profiles;
        profiles.remove(0).device_identities.remove(0).value.unwrap().0
    }

    #[test]
    fn texts_are_borrowed_unless_they_are_escaped() {
        assert!(matches!(id(&membership(r#""66b7""#)), Cow::Borrowed("66b7")));
        assert!(matches!(id(&membership(r#""66\u00627""#)), Cow::Owned(text) if text == "66b7"));
    }

    #[test]
    fn a_field_that_comes_twice_is_a_fault() {
        let twice = membership(r#""66b7""#).replace(r#""timestamp_ms":1"#, r#""timestamp_ms":1,"timestamp_ms":2"#);
        assert_eq!(parse(twice.as_bytes()).unwrap_err().at().as_deref(), Some("timestamp_ms"));
    }

    #[test]
    fn neither_token_nor_device_id_is_in_debug_output() {
        let message = membership(r#""66b728c2""#).replace(r#""t""#, r#""s3cr3t""#);
        let debug = format!("{:?}", parse(message.as_bytes()).unwrap());
        assert!(!debug.contains("66b728c2") && !debug.contains("s3cr3t"), "{debug}");
    }
}
