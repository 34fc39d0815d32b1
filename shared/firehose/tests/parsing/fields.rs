//! The fields of a message: those that are needed, and how little the others matter.

use firehose::{Invalid, Request, readable};

use crate::message::{GOOD, membership, parse};

fn fault(right: &str, wrong: &str) -> String {
    let message = GOOD.replacen(right, wrong, 1);
    assert_ne!(message, GOOD, "{right} is not in the message");
    parse(&message).unwrap_err().to_string()
}

#[test]
fn each_field_that_is_needed_is_named() {
    for (right, wrong, told) in [
        (r#""type":"#, r#""kind":"#, "type must be the name of a Firehose message, as text"),
        (r#""account":{"#, r#""accounts":{"#, "account must be an object with account_id and account_settings"),
        (r#""account":{"#, r#""account":7,"x":{"#, "account must be an object with account_id and account_settings"),
        (r#""account_id":1"#, r#""account_id":0"#, "account.account_id must be a positive integer"),
        (r#""account_id":1"#, r#""account_id":[1]"#, "account.account_id must be a positive integer"),
        (
            r#""account_settings":"#,
            r#""account_settings":7,"x":"#,
            "account.account_settings must be an object of texts",
        ),
        (r#""user_profiles":["#, r#""user_profiles":7,"x":["#, "user_profiles must be an array of users"),
        (r#""7000000000000000001""#, "{}", r#"the setting "TikTok Account Id" is missing or empty"#),
        (r#""t""#, r#"" \u200b''""#, r#"the setting "TikTok Access Token" is missing or empty"#),
    ] {
        assert_eq!(fault(right, wrong), told, "{wrong}");
    }
    let subscription = GOOD.replacen("audience_membership_change_request", "audience_subscription_request", 1);
    for (right, wrong, told) in [
        (r#""audience_id":5"#, r#""audience_id":"five""#, "audience_id must be an integer"),
        (r#""action":"add""#, r#""action":"upsert""#, "action must be add, update or remove"),
    ] {
        assert_eq!(parse(&subscription.replacen(right, wrong, 1)).unwrap_err().to_string(), told);
    }
}

#[test]
fn what_is_not_needed_may_be_anything_and_what_is_may_be_text_or_number() {
    for (right, anything) in [
        (r#""3.2.0""#, "3.2"),
        (r#""3.2.0""#, "1e400"),
        ("1714592744065", r#""soon""#),
        (r#""1317071d-3342-4e1e-a691-84bd7e762bda""#, "17"),
        (r#""account_id":1"#, r#""account_id":" 1 ","x":1e400"#),
        (r#""7000000000000000001""#, "7000000000000000001"),
        (r#""7000000000000000001""#, r#""\ufeff'7000000000000000001\u200b' ""#),
        (r#""previous_audience_subscription_settings":null"#, r#""previous_audience_subscription_settings":[7]"#),
    ] {
        let message = GOOD.replacen(right, anything, 1);
        let (account, ..) = membership(&message);
        assert_eq!(account.id.to_string(), "1");
        assert_eq!(account.advertiser.to_string(), "7000000000000000001");
    }
}

#[test]
fn without_a_usable_time_or_id_the_message_has_none() {
    for (time, read) in [
        ("1714592744065", Some(1_714_592_744_065)),
        (r#""5""#, Some(5)),
        ("-1", None),
        ("null", None),
        ("1e300", None),
        ("253402300800000", None),
    ] {
        let message = GOOD.replacen("1714592744065", time, 1);
        assert_eq!(membership(&message).1.timestamp_ms, read, "{time}");
    }
    for (id, kept) in
        [("1317071d-3342-4e1e-a691-84bd7e762bda", true), ("1317071d33424e1ea69184bd7e762bda", false), ("me", false)]
    {
        let message = GOOD.replacen("1317071d-3342-4e1e-a691-84bd7e762bda", id, 1);
        assert_eq!(parse(&message).unwrap().id.is_some(), kept, "{id}");
    }
}

#[test]
fn of_a_field_that_comes_twice_the_last_counts_and_the_order_does_not_matter() {
    let twice = GOOD.replacen('{', r#"{"type":7,"user_profiles":[{}],"account":null,"#, 1);
    assert_eq!(membership(&twice).1.users.len(), 3);

    let (head, profiles) = GOOD.split_at(GOOD.find(r#""user_profiles""#).unwrap());
    let last = format!(
        "{{{},{}}}",
        profiles.strip_suffix('}').unwrap(),
        head.trim_start_matches('{').trim_end().trim_end_matches(',')
    );
    assert_eq!(membership(&last).1.users.len(), 3);
}

#[test]
fn what_comes_after_the_users_counts_for_them_too() {
    let later = |more: &str| format!("{},{more}}}", GOOD.strip_suffix('}').unwrap());
    let (account, taken, _) = membership(&later(r#""timestamp_ms":7"#));
    assert_eq!((account.id.to_string().as_str(), taken.timestamp_ms, taken.users.len()), ("1", Some(7), 3));
    let other =
        later(r#""account":{"account_id":2,"account_settings":{"tiktokAccountId":"8","tiktokAccessToken":"u"}}"#);
    let (account, taken, _) = membership(&other);
    assert_eq!((account.id.to_string().as_str(), taken.users.len()), ("2", 3));
    let (_, taken, left_out) = membership(&later(r#""user_profiles":[{},7]"#));
    assert_eq!((taken.users.len(), left_out.odd_profile), (1, 1));
    assert!(matches!(parse(&later(r#""type":"module_registration_request""#)).unwrap().request, Request::Registration));
    assert!(parse(&later(r#""x":"#)).is_err());
}

#[test]
fn a_message_with_a_byte_order_mark_or_half_an_emoji_is_a_message() {
    let subscription = GOOD.replacen("audience_membership_change_request", "audience_subscription_request", 1);
    let body =
        format!("\u{feff}{}", subscription.replacen(r#""audience_name":"x""#, r#""audience_name":"x\ud83d""#, 1));
    let text = readable(body.as_bytes()).unwrap();
    let Request::Subscription(subscription) = parse(&text).unwrap().request else { panic!("another type") };
    assert_eq!(subscription.audience_name, "x\u{fffd}");
}

#[test]
fn what_is_no_json_or_no_object_is_refused() {
    assert_eq!(parse("[1]").unwrap_err(), Invalid::NotAnObject);
    for broken in ["", "{", r#"{"user_profiles":[{"mpid":}]}"#, r#"{"user_profiles":[{]}"#, "{} {}"] {
        assert!(matches!(parse(broken), Err(Invalid::NotJson { line: 1, .. })), "{broken}");
    }
}

#[test]
fn neither_token_nor_device_id_is_in_debug_output() {
    let message = GOOD.replacen(r#""t""#, r#""s3cr3t""#, 1).replacen(r#""value":"z""#, r#""value":"66b728c2""#, 1);
    let (account, taken, left_out) = membership(&message);
    let debug = format!("{:?} {account:?} {left_out:?} {}", parse(&message).unwrap(), taken.debug);
    assert!(debug.contains("Idfa") && !debug.contains("66b728c2") && !debug.contains("s3cr3t"), "{debug}");
}
