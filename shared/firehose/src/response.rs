//! The responses to mParticle. Each carries its type, an id, a time and the version of the protocol.

use ids::AudienceId;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::VERSION;
use crate::registration::ModuleRegistration;
use crate::settings::{AUDIENCE_ID, SEND_EMAIL};

/// What a request is answered with.
#[derive(Debug)]
pub enum Response<'a> {
    /// Who this is, and what it needs.
    Registration(&'a ModuleRegistration),
    /// What mParticle is to store with the subscription and send along with every later change.
    Subscription {
        /// TikTok's audience.
        audience: Option<AudienceId>,
        /// What the customer set, which is not lost even where the response replaces all settings.
        send_email: Option<bool>,
    },
    /// The changes are accepted.
    Membership {
        /// Whether the connection is dead for a reason that time does not heal.
        suspend: bool,
    },
    /// The person will be forgotten.
    Erasure,
}

impl Response<'_> {
    /// The JSON of the response to the request of that id, given at `now_ms`, in milliseconds since 1970.
    ///
    /// # Errors
    /// The serializer's, if it has any.
    pub fn to_json(&self, id: &str, now_ms: i64) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Dated { id, timestamp_ms: now_ms, response: self })
    }
}

struct Dated<'a> {
    id: &'a str,
    timestamp_ms: i64,
    response: &'a Response<'a>,
}

#[derive(Serialize)]
struct Head<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    timestamp_ms: i64,
    firehose_version: &'static str,
}

#[derive(Serialize)]
struct WithHead<'a, T: Serialize> {
    #[serde(flatten)]
    head: Head<'a>,
    #[serde(flatten)]
    rest: T,
}

impl Serialize for Dated<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, timestamp_ms, .. } = *self;
        let head = |kind| Head { kind, id, timestamp_ms, firehose_version: VERSION };
        match self.response {
            Response::Registration(rest) => {
                WithHead { head: head("module_registration_response"), rest }.serialize(serializer)
            }
            Response::Subscription { audience, send_email } => {
                let settings = Held { audience: *audience, send_email: *send_email };
                let rest = Settings { audience_subscription_settings: settings };
                WithHead { head: head("audience_subscription_response"), rest }.serialize(serializer)
            }
            Response::Membership { suspend } => {
                let rest = Suspend { suspend_subscription: *suspend };
                WithHead { head: head("audience_membership_change_response"), rest }.serialize(serializer)
            }
            Response::Erasure => head("dsr_processing_response").serialize(serializer),
        }
    }
}

#[derive(Serialize)]
struct Suspend {
    suspend_subscription: bool,
}

#[derive(Serialize)]
struct Settings {
    audience_subscription_settings: Held,
}

/// The settings that mParticle is to hold, as texts.
struct Held {
    audience: Option<AudienceId>,
    send_email: Option<bool>,
}

impl Serialize for Held {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = usize::from(self.audience.is_some()) + usize::from(self.send_email.is_some());
        let mut settings = serializer.serialize_map(Some(entries))?;
        if let Some(audience) = self.audience {
            settings.serialize_entry(AUDIENCE_ID.id, &audience)?;
        }
        if let Some(send_email) = self.send_email {
            settings.serialize_entry(SEND_EMAIL.id, if send_email { "true" } else { "false" })?;
        }
        settings.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ID: &str = "1317071d-3342-4e1e-a691-84bd7e762bda";

    fn json_of(response: &Response<'_>) -> Value {
        serde_json::from_str(&response.to_json(ID, 1_714_592_744_065).unwrap()).unwrap()
    }

    #[test]
    fn each_has_its_type_the_id_the_time_and_the_version() {
        let suspended = json_of(&Response::Membership { suspend: true });
        let head = |kind: &str| json!({"type": kind, "id": ID, "timestamp_ms": 1_714_592_744_065_i64, "firehose_version": "3.2.0"});
        let mut expected = head("audience_membership_change_response");
        expected["suspend_subscription"] = true.into();
        assert_eq!(suspended, expected);

        let audience = "7123456789012345678".parse().unwrap();
        for (held, send_email, settings) in [
            (Some(audience), Some(true), json!({"tiktokAudienceId": "7123456789012345678", "sendEmail": "true"})),
            (Some(audience), None, json!({"tiktokAudienceId": "7123456789012345678"})),
            (None, None, json!({})),
        ] {
            let mut expected = head("audience_subscription_response");
            expected["audience_subscription_settings"] = settings;
            assert_eq!(json_of(&Response::Subscription { audience: held, send_email }), expected);
        }
        assert_eq!(json_of(&Response::Erasure), head("dsr_processing_response"));
    }
}
