//! Whatever the bytes, the parser answers with a message or a defined fault, never panics, and repeats nothing of them.

use crate::message::{GOOD, MARK, Taken, any_value, membership, parse, places};
use firehose::{Invalid, Request, readable};
use proptest::prelude::*;
use serde_json::Value;

fn checked(body: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(text) = readable(body) {
        // A line break is not plain JSON, so that with one the text is read in the other way.
        let plain = text.replace('\n', "");
        prop_assert_eq!(all_of(&plain), all_of(&format!("{plain}\n")));
    }
    match readable(body).and_then(|text| parse(&text).map(drop)) {
        Ok(()) => {}
        Err(fault) => {
            let told = format!("{fault} {:?} {fault:?} {}", fault.field(), fault.code());
            let may_repeat = matches!(fault, Invalid::UnknownType(_));
            prop_assert!(may_repeat || !told.contains(MARK), "{}", told);
            prop_assert!(told.len() < 500, "{}", told);
        }
    }
    Ok(())
}

/// All that is found in a message, or the kind of the fault.
fn all_of(text: &str) -> Result<(String, Taken), &'static str> {
    let mut taken = Taken::default();
    let message = firehose::parse(text, &mut taken).map_err(|fault| fault.code())?;
    let users = if matches!(message.request, Request::Membership(_)) { taken } else { Taken::default() };
    Ok((format!("{message:?}"), users))
}

#[test]
fn depth_is_no_trouble() {
    for opening in ["[", r#"{"a":"#, r#"{"account":"#, r#"{"user_profiles":["#] {
        let deep = opening.repeat(200_000);
        assert!(parse(&deep).is_err());
        let ignored = format!(r#"{{"x":{deep}"#);
        assert!(parse(&ignored).is_err());
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let ignored = GOOD.replacen('{', &format!(r#"{{"x":{deep},"#), 1);
    assert!(parse(&ignored).is_ok(), "what is not read may be as deep as it likes");
    for place in [r#""mpid":"-5""#, r#""partner_identities":[]"#, r#""audience_name":"x""#] {
        let (name, _) = place.split_once(':').unwrap();
        let message = GOOD.replacen(place, &format!("{name}:{deep}"), 1);
        assert_eq!(membership(&message).1.users.len(), 3, "{place}");
    }
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
        *message.pointer_mut(&all[place.index(all.len())]).unwrap() = serde_json::from_str(&value).unwrap_or_default();
        checked(message.to_string().as_bytes())?;
    }
}
