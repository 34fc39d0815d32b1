//! Reading profiles: what is odd in one costs at most that one, and is counted.

use crate::message::{GOOD, any_value, membership, places};
use firehose::{Action, Audience, LeftOut, Profile, readable};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Each profile as it was handed over.
fn read(message: &str) -> (Vec<String>, LeftOut) {
    let text = readable(message.as_bytes()).unwrap();
    let (_, taken, left_out) = membership(&text);
    (taken.users, left_out)
}

pub(crate) fn shown(profile: &Profile<'_>) -> String {
    let ids = profile.device_ids.iter().map(|id| format!("{:?} {:?} {}", id.kind, id.encoding, id.value));
    let changes = profile.changes.iter().map(|change| match (change.audience, change.action) {
        (Audience::AtTikTok(id), Action::Add) => format!("+{id}"),
        (Audience::AtTikTok(id), Action::Delete) => format!("-{id}"),
        (Audience::Unmapped(id), Action::Add) => format!("+[{id}]"),
        (Audience::Unmapped(id), Action::Delete) => format!("-[{id}]"),
    });
    let emails = profile.emails.iter().map(|id| format!("{:?} {}", id.encoding, id.value));
    let mpid = profile.mpid.map_or_else(|| "?".to_owned(), |mpid| mpid.to_string());
    std::iter::once(mpid).chain(ids).chain(emails).chain(changes).collect::<Vec<_>>().join(" ")
}

/// A message of one profile.
fn one(profile: &str) -> (Option<String>, LeftOut) {
    let start = GOOD.find(r#"[{"mpid""#).unwrap();
    let (mut profiles, left_out) = read(&format!("{}[{profile}]}}", GOOD.split_at(start).0));
    assert!(profiles.len() < 2);
    (profiles.pop(), left_out)
}

#[test]
fn what_is_due_is_read() {
    let (profiles, left_out) = read(GOOD);
    assert_eq!(profiles, ["-5 Idfa Raw x Sha256 e -7", "6 Gaid Md5 y +8", "7 Idfa Raw z +[7]"]);
    assert_eq!(left_out, LeftOut { identity_type: 1, ..LeftOut::default() });
}

#[test]
fn odd_values_are_coerced_where_that_is_safe_and_counted_where_not() {
    let none = LeftOut::default();
    let id = |value: &str| {
        format!(
            r#"{{"mpid":"1","device_identities":[{{"type":"ios_advertising_id","encoding":"raw","value":{value}}}]}}"#
        )
    };
    let change = |change: &str| format!(r#"{{"mpid":"1","audiences":[{change}]}}"#);
    for (profile, expected, left_out) in [
        (r#"{"mpid":-12}"#.to_owned(), Some("-12"), none),
        (r#"{"mpid":" 12 "}"#.to_owned(), Some("12"), none),
        (r#"{"mpid":null}"#.to_owned(), Some("?"), none),
        (r#"{"mpid":1.5}"#.to_owned(), Some("?"), LeftOut { odd_mpid: 1, ..none }),
        (r#"{"mpid":{"a":[1]}}"#.to_owned(), Some("?"), LeftOut { odd_mpid: 1, ..none }),
        (r#"{"mpid":18446744073709551615}"#.to_owned(), Some("?"), LeftOut { odd_mpid: 1, ..none }),
        (r#"{"mpid":1e400}"#.to_owned(), None, LeftOut { odd_profile: 1, ..none }),
        ("null".to_owned(), None, LeftOut { odd_profile: 1, ..none }),
        (r#""x""#.to_owned(), None, LeftOut { odd_profile: 1, ..none }),
        ("[[7]]".to_owned(), None, LeftOut { odd_profile: 1, ..none }),
        (r#"{"mpid":1,"device_identities":null,"audiences":null}"#.to_owned(), Some("1"), none),
        (r#"{"mpid":1,"device_identities":{},"audiences":7}"#.to_owned(), Some("1"), LeftOut { odd_value: 2, ..none }),
        (r#"{"mpid":1,"device_identities":[7,[],null]}"#.to_owned(), Some("1"), LeftOut { odd_value: 3, ..none }),
        (id("12"), Some("1 Idfa Raw 12"), none),
        (id(r#""\ud800x""#), Some("1 Idfa Raw \u{fffd}x"), none),
        (id("null"), Some("1"), LeftOut { no_value: 1, ..none }),
        (id("true").replace("raw", "RAW"), Some("1"), LeftOut { encoding: 1, ..none }),
        (change(r#"{"audience_id":"5","action":"add"}"#), Some("1 +[5]"), none),
        (change(r#"{"action":"add","audience_subscription_settings":{"tiktokAudienceId":8}}"#), Some("1 +8"), none),
        (change(r#"{"action":"add","audience_id":5,"audience_subscription_settings":[8]}"#), Some("1 +[5]"), none),
        (change(r#"{"action":"add","audience_id":{}}"#), Some("1"), LeftOut { no_audience_id: 1, ..none }),
        (change(r#"{"action":"upsert","audience_id":5}"#), Some("1"), LeftOut { unknown_action: 1, ..none }),
        (change(r#"{"audience_id":5}"#), Some("1"), LeftOut { unknown_action: 1, ..none }),
        (
            change(r#"{"action":"attribute_update","audience_id":5}"#),
            Some("1"),
            LeftOut { attribute_update: 1, ..none },
        ),
        (change("5"), Some("1"), LeftOut { odd_value: 1, ..none }),
        (r#"{"mpid":"1","mpid":"2"}"#.to_owned(), Some("2"), none),
    ] {
        assert_eq!(one(&profile), (expected.map(str::to_owned), left_out), "{profile}");
    }
}

#[test]
fn a_number_that_nothing_can_hold_costs_its_own_profile_wherever_it_stands() {
    let (all, _) = read(GOOD);
    for (place, lost) in [(r#""mpid":"-5""#, 0), (r#""mpid":"6""#, 1), (r#""mpid":"7""#, 2)] {
        let (profiles, left_out) = read(&GOOD.replacen(place, r#""mpid":1e400"#, 1));
        let expected: Vec<_> =
            all.iter().enumerate().filter(|(n, _)| *n != lost).map(|(_, profile)| profile.clone()).collect();
        assert_eq!((profiles, left_out.odd_profile), (expected, 1));
    }
}

#[test]
fn no_profile_unfolds_without_bound() {
    let ids = vec![r#"{"type":"ios_advertising_id","encoding":"raw","value":"x"}"#; 150].join(",");
    let changes = vec![r#"{"audience_id":5,"action":"add"}"#; 1_001].join(",");
    let (profile, left_out) = one(&format!(r#"{{"device_identities":[{ids}],"audiences":[{changes}]}}"#));
    assert_eq!(left_out, LeftOut { too_many: 51, ..LeftOut::default() });
    assert_eq!(profile.unwrap().matches("+[5]").count(), 1_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// The value goes in as text: it may be JSON that no program can hold.
    #[test]
    fn one_value_replaced_by_any_json_costs_at_most_its_own_profile(place in any::<prop::sample::Index>(), value in any_value()) {
        let mut message: Value = serde_json::from_str(GOOD).unwrap();
        let mut all = Vec::new();
        for profile in 0..3 {
            places(&message["user_profiles"][profile], &format!("/user_profiles/{profile}"), &mut all);
        }
        let path = &all[place.index(all.len())];
        *message.pointer_mut(path).unwrap() = json!("in its place");
        let text = message.to_string().replacen(r#""in its place""#, &value, 1);

        let hit: usize = path["/user_profiles/".len()..].split('/').next().unwrap().parse().unwrap();
        let (before, _) = read(GOOD);
        let (after, _) = read(&text);
        for (n, profile) in before.iter().enumerate().filter(|(n, _)| *n != hit) {
            prop_assert!(after.contains(profile), "profile {n} is lost: {text}");
        }
        prop_assert!(after.len() >= 2);
    }
}
