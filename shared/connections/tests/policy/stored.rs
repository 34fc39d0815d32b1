//! The record as text that a person can edit.

use connections::{Record, Source, State, Unreadable};
use proptest::prelude::*;

use crate::world::{DAY, GRACE, NOW, accepted, account, audience, connected, fingerprint, lives, refusal};

#[test]
fn its_form_is_the_documented_one() {
    let mut record = connected();
    record.accept(account(1), &accepted("a2"), Source::Update, NOW + 1);
    record.note_created(account(1), audience(71), NOW + 2);
    record.note_deleted(account(1), audience(72), NOW + 3);
    record.refuse(account(1), &refusal("a2", NOW + 4), NOW + 5, GRACE, false);
    let expected = format!(
        concat!(
            r#"{{"version":2,"connections":{{"1":{{"token":"a2","fingerprint":"{}","user":"a","source":"update","since_ms":{},"#,
            r#""state":{{"refused":{{"since_ms":{},"code":40105}}}},"replaced":["{}"],"created":[{{"audience":"71","at_ms":{}}}],"#,
            r#""last_used_week":{}}}}},"deleted_audiences":[{{"audience":"72","account":"1","at_ms":{}}}],"#,
            r#""refusal_writes":{{"day":{},"count":1}}}}"#
        ),
        fingerprint("a2"),
        NOW + 1,
        NOW + 4,
        fingerprint("a1"),
        NOW + 2,
        NOW / (7 * DAY),
        NOW + 3,
        NOW / DAY,
    );
    assert_eq!(record.to_json().unwrap(), expected);
    assert!(connected().to_json().unwrap().contains(r#""state":{"active":{}}"#));
}

fn with(connection: &str) -> String {
    format!(r#"{{"version":2,"connections":{{"1":{connection}}}}}"#)
}

const LEAST: &str = r#"{"token":"t","user":"u","source":"page","since_ms":1,"state":{"active":{}},"last_used_week":2}"#;

#[test]
fn unknown_fields_are_ignored_and_lists_may_be_left_out() {
    let more = LEAST.replace("\"user\"", r#""fingerprint":"edited","later":{"x":[1]},"user""#);
    for text in [with(LEAST), with(&more)] {
        let record = Record::from_json(&text).unwrap();
        let connection = record.get(account(1)).unwrap();
        assert_eq!(connection.fingerprint, fingerprint("t"), "computed, not read");
        assert_eq!((connection.source, connection.state), (Source::Page, State::Active));
    }
}

#[test]
fn what_a_person_pastes_is_cleaned() {
    let replaced = format!(r#""replaced":["{0}","{1}","{1}"],"user""#, fingerprint("t"), fingerprint("s"));
    let text = with(&LEAST.replace("\"t\"", r#"" t\n""#).replace("\"user\"", &replaced));
    let record = Record::from_json(&text).unwrap();
    let connection = record.get(account(1)).unwrap();
    assert_eq!(connection.fingerprint, fingerprint("t"));
    assert_eq!(connection.replaced, [fingerprint("s")]);
}

#[test]
fn what_is_no_record_is_an_error_and_never_an_empty_record() {
    let not_of_the_form = [
        String::new(),
        "null".into(),
        "[]".into(),
        "{}".into(),
        r#"{"version":2}"#.into(),
        r#"{"version":"2","connections":{}}"#.into(),
        r#"{"version":2,"connections":[]}"#.into(),
        r#"{"version":2,"connections":{}} x"#.into(),
        r#"{"version":2,"connections":{"zero":{}}}"#.into(),
        r#"{"version":2,"connections":{},"deleted_audiences":7}"#.into(),
        with("{}"),
        with(&LEAST.replace("page", "moon")),
        with(&LEAST.replace("active", "asleep")),
        with(&LEAST.replace(r#""since_ms":1,"#, "")),
        with(&LEAST.replace(r#""token":"t","#, "")),
    ];
    for text in not_of_the_form {
        assert!(matches!(Record::from_json(&text), Err(Unreadable::Form { .. })), "{text}");
    }
    for version in [0, 1, 3] {
        let text = format!(r#"{{"version":{version},"anything":[]}}"#);
        assert_eq!(Record::from_json(&text), Err(Unreadable::Version(version)));
    }
    let blank = with(&LEAST.replace("\"t\"", r#"" ""#));
    assert_eq!(Record::from_json(&blank), Err(Unreadable::EmptyToken(account(1))));
}

#[test]
fn an_error_repeats_nothing_of_the_text() {
    let text = with(&LEAST.replace(r#"{"active":{}}"#, r#""s3cr3t""#));
    let error = Record::from_json(&text).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        prop_assert!(Record::from_json(&text).is_err());
    }

    #[test]
    fn no_numbers_in_it_make_any_event_panic(
        steps in lives(30),
        numbers in prop::collection::vec(prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)], 5),
        now_ms in prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(NOW)],
    ) {
        let [since, died, at, week, day] = numbers[..] else { unreachable!() };
        let text = format!(
            r#"{{"version":2,"connections":{{"1":{{"token":"a1","user":"a","source":"page","since_ms":{since},
                "state":{{"dead":{{"since_ms":{since},"died_ms":{died},"code":null}}}},
                "created":[{{"audience":"1","at_ms":{at}}}],"last_used_week":{week}}},
                "2":{{"token":"a1","user":"a","source":"page","since_ms":{since},
                "state":{{"refused":{{"since_ms":{died},"code":{day}}}}},"last_used_week":{week}}}}},
                "deleted_audiences":[{{"audience":"1","account":"2","at_ms":{at}}}],
                "refusal_writes":{{"day":{day},"count":4294967295}}}}"#
        );
        let mut record = Record::from_json(&text).unwrap();
        for step in steps {
            step.apply(&mut record, now_ms);
        }
        prop_assert_eq!(Record::from_json(&record.to_json().unwrap()), Ok(record));
    }
}
