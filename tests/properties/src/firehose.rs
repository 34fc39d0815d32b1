//! mParticle's messages.

use std::collections::HashSet;
use std::fmt;

use firehose::{Account, Invalid, LeftOut, MembershipChange, Profile, Request, Users, parse, readable};
use ids::{Encoding, IdType, Mpid};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::assert_tells_nothing;

/// Any body: a message, or a fault that repeats nothing. Users are within their bounds, and the order of a message's fields is no matter.
pub fn firehose(body: &[u8]) {
    let Ok(text) = readable(body) else { return };
    let outcome = outcome(&text);
    match &outcome {
        Ok(message) => assert!(message.id.as_ref().is_none_or(|id| id.len() == 36)),
        Err(fault) => {
            assert!(fault.field().is_none_or(|field| field.len() < 200));
            assert!(fault.to_string().len() < 500);
            if !matches!(fault, Invalid::UnknownType(_)) {
                assert_tells_nothing(fault);
            }
        }
    }
    if let Some(reversed) = reversed(&text) {
        assert_eq!(self::outcome(&reversed), outcome, "the fields the other way round");
    }
}

/// What of a message a caller can see.
#[derive(Debug, PartialEq)]
struct Seen {
    id: Option<String>,
    /// Its `Debug` output, which has all but secrets and ids.
    request: String,
    users: Taken,
}

/// Keeps what it is handed.
#[derive(Debug, Default, PartialEq)]
struct Taken {
    timestamp_ms: Option<i64>,
    users: Vec<User>,
    left_out: LeftOut,
}

#[derive(Debug, PartialEq)]
struct User {
    mpid: Option<Mpid>,
    ids: Vec<(IdType, Encoding, String)>,
    changes: Vec<MembershipChange>,
}

impl Users for Taken {
    fn begin(&mut self, _: &Account, timestamp_ms: Option<i64>) {
        *self = Self { timestamp_ms, ..Self::default() };
    }

    fn take(&mut self, user: &Profile<'_>) {
        assert!(user.device_ids.len() <= 100 && user.changes.len() <= 1_000);
        let ids = user.device_ids.iter().chain(&user.emails);
        self.users.push(User {
            mpid: user.mpid,
            ids: ids.map(|id| (id.kind, id.encoding, id.value.clone().into_owned())).collect(),
            changes: user.changes.to_vec(),
        });
    }
}

fn outcome(text: &str) -> Result<Seen, Invalid> {
    let mut taken = Taken::default();
    let message = parse(text, &mut taken)?;
    let users = match &message.request {
        Request::Membership(membership) => Taken { left_out: membership.left_out, ..taken },
        // What was handed over before the type was known does not count.
        Request::Registration | Request::Subscription(_) | Request::Erasure(_) => Taken::default(),
    };
    Ok(Seen { id: message.id.map(Into::into), request: format!("{:?}", message.request), users })
}

/// The same message with its fields the other way round; `None` where it is none, or has a field twice, of which the last counts.
fn reversed(text: &str) -> Option<String> {
    struct Ordered;
    impl<'de> Visitor<'de> for Ordered {
        type Value = Vec<(String, &'de RawValue)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some(field) = object.next_entry()? {
                fields.push(field);
            }
            Ok(fields)
        }
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let fields = json.deserialize_map(Ordered).ok()?;
    json.end().ok()?;
    let names: HashSet<_> = fields.iter().map(|(name, _)| name).collect();
    if names.len() < fields.len() {
        return None;
    }
    let fields = fields.iter().rev().map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str())));
    Some(format!("{{{}}}", fields.collect::<Vec<_>>().join(",")))
}
