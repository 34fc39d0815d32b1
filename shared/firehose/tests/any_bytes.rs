//! Whatever the bytes, the parser answers with a message or a defined fault, never panics, and repeats nothing of them.

use firehose::{Invalid, parse};
use proptest::prelude::*;
use serde_json::{Value, json};

const GOOD: &str = r#"{"type":"audience_membership_change_request","id":"1317071d-3342-4e1e-a691-84bd7e762bda",
"timestamp_ms":1714592744065,"firehose_version":"3.2.0","account":{"account_id":1,"account_settings":
{"tiktokAccountId":"7000000000000000001","TikTok Access Token":"t"}},"audience_id":5,"audience_name":"x","action":"add",
"audience_subscription_settings":{"tiktokAudienceId":"7"},"previous_audience_subscription_settings":null,
"user_profiles":[{"mpid":"-5","user_identities":[{"type":"email"}],"partner_identities":[],
"device_identities":[{"type":"ios_advertising_id","encoding":"raw","value":"x"},{"type":"roku_advertising_id"}],
"audiences":[{"audience_id":5,"audience_subscription_settings":{"tiktokAudienceId":"7"},"action":"delete"}]}]}"#;

/// A text that is nowhere in the program, so that its repetition shows.
const MARK: &str = "q8Zj3";

fn checked(body: &[u8]) -> Result<(), TestCaseError> {
    match parse(body) {
        Ok(message) => prop_assert_eq!(message.id.len(), 36),
        Err(fault) => {
            let told = format!("{fault} {:?} {fault:?} {}", fault.at(), fault.code());
            let may_repeat = matches!(fault, Invalid::UnknownType(_));
            prop_assert!(may_repeat || !told.contains(MARK), "{}", told);
            prop_assert!(told.len() < 500, "{}", told);
        }
    }
    Ok(())
}

/// The places in a value: paths of keys and indices.
fn places(value: &Value, path: &str, all: &mut Vec<String>) {
    all.push(path.to_owned());
    match value {
        Value::Object(object) => object.iter().for_each(|(key, v)| places(v, &format!("{path}/{key}"), all)),
        Value::Array(array) => array.iter().enumerate().for_each(|(n, v)| places(v, &format!("{path}/{n}"), all)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
        Just(json!(MARK)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(prop_oneof![Just(MARK.to_owned()), ".{0,4}"], inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn the_good_message_is_good() {
    assert!(parse(GOOD.as_bytes()).is_ok());
}

#[test]
fn depth_is_no_trouble() {
    for opening in ["[", r#"{"a":"#, r#"{"account":"#, r#"{"user_profiles":["#] {
        let deep = opening.repeat(200_000);
        assert!(parse(deep.as_bytes()).is_err());
        let ignored = format!(r#"{{"x":{deep}"#);
        assert!(parse(ignored.as_bytes()).is_err());
    }
    let ignored = format!(r#"{{"x":{}{},{}"#, "[".repeat(100_000), "]".repeat(100_000), GOOD.trim_start_matches('{'));
    assert!(parse(ignored.as_bytes()).is_ok(), "what is not read may be as deep as it likes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        checked(&body)?;
    }

    #[test]
    fn a_good_message_with_bytes_replaced(start in 0..GOOD.len(), cut in 0..30_usize, piece in proptest::collection::vec(any::<u8>(), 0..6)) {
        let mut body = GOOD.as_bytes().to_vec();
        body.splice(start..(start + cut).min(GOOD.len()), piece);
        checked(&body)?;
    }

    #[test]
    fn a_good_message_with_any_value_in_any_place(place in any::<prop::sample::Index>(), value in any_value()) {
        let mut message: Value = serde_json::from_str(GOOD).unwrap();
        let mut all = Vec::new();
        places(&message, "", &mut all);
        *message.pointer_mut(&all[place.index(all.len())]).unwrap() = value;
        checked(message.to_string().as_bytes())?;
    }
}
