//! A message as mParticle sends one, and JSON to put in its place.

use firehose::{Account, Invalid, LeftOut, Message, Profile, Request, Users};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A membership change of three users.
pub(crate) const GOOD: &str = r#"{"type":"audience_membership_change_request","id":"1317071d-3342-4e1e-a691-84bd7e762bda",
"timestamp_ms":1714592744065,"firehose_version":"3.2.0","account":{"account_id":1,"account_settings":
{"tiktokAccountId":"7000000000000000001","TikTok Access Token":"t"}},"audience_id":5,"audience_name":"x","action":"add",
"audience_subscription_settings":{"tiktokAudienceId":"7"},"previous_audience_subscription_settings":null,
"user_profiles":[{"mpid":"-5","user_identities":[{"type":"email","encoding":"sha256","value":"e"},{"type":"customer"}],"partner_identities":[],
"device_identities":[{"type":"ios_advertising_id","encoding":"raw","value":"x"},{"type":"roku_advertising_id"}],
"audiences":[{"audience_id":5,"audience_name":"x","audience_subscription_settings":{"tiktokAudienceId":"7"},"action":"delete"}]},
{"mpid":"6","device_identities":[{"type":"google_advertising_id","encoding":"md5","value":"y"}],
"audiences":[{"audience_id":6,"audience_subscription_settings":{"TikTok Audience Id":"8"},"action":"add"}]},
{"audiences":[{"audience_id":7,"action":"add"}],"device_identities":[{"value":"z","type":"ios_advertising_id","encoding":"raw"}],"mpid":"7"}]}"#;

/// A text that is nowhere in the program, so that its repetition shows.
pub(crate) const MARK: &str = "q8Zj3";

/// The places in a value: paths of keys and indices.
pub(crate) fn places(value: &Value, path: &str, all: &mut Vec<String>) {
    all.push(path.to_owned());
    match value {
        Value::Object(object) => object.iter().for_each(|(key, v)| places(v, &format!("{path}/{key}"), all)),
        Value::Array(array) => array.iter().enumerate().for_each(|(n, v)| places(v, &format!("{path}/{n}"), all)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Any JSON, as text: also what no program can hold.
pub(crate) fn any_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
        prop::sample::select(&["add", "raw", "md5", "7", MARK][..]).prop_map(Value::from),
    ];
    let keys = prop::sample::select(&["mpid", "audiences", "device_identities", "type", "value", "action", MARK][..]);
    let tree = leaf.prop_recursive(3, 12, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(keys.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let raw = [
        "1e400",
        "-1E+999",
        "123456789012345678901234567890",
        r#""\ud800""#,
        r#"{"\udfff":1}"#,
        r#"[1e400,{"mpid":1e400}]"#,
        r#""\u0000""#,
    ];
    let deep = (100..400_usize).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    prop_oneof![4 => tree.prop_map(|value| value.to_string()), 1 => prop::sample::select(raw.to_vec()).prop_map(str::to_owned), 1 => deep]
}

/// The users of a message, as they were handed over.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Taken {
    pub(crate) timestamp_ms: Option<i64>,
    pub(crate) users: Vec<String>,
    pub(crate) debug: String,
}

impl Users for Taken {
    fn begin(&mut self, _: &Account, timestamp_ms: Option<i64>) {
        *self = Self { timestamp_ms, ..Self::default() };
    }

    fn take(&mut self, user: &Profile<'_>) {
        self.users.push(crate::profiles::shown(user));
        self.debug = format!("{user:?}");
    }
}

pub(crate) fn parse(text: &str) -> Result<Message<'_>, Invalid> {
    firehose::parse(text, &mut ())
}

/// A membership change: what was taken of it, and what was left out.
pub(crate) fn membership(text: &str) -> (Account, Taken, LeftOut) {
    let mut taken = Taken::default();
    let Request::Membership(membership) = firehose::parse(text, &mut taken).unwrap().request else {
        panic!("another type");
    };
    (membership.account, taken, membership.left_out)
}
