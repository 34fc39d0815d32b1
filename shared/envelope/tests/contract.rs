//! What `ingest` writes is what `uploader` reads.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::borrow::Cow;

use envelope::{DeviceId, Envelope, Header, ReadError, Row, Writer};
use ids::{DeviceType, Encoding, TokenFingerprint};
use proptest::prelude::*;
use smallvec::smallvec;

fn header() -> Header {
    Header {
        advertiser: "7000000000000000001".parse().unwrap(),
        token: TokenFingerprint::of("token"),
        changed_ms: 1_714_592_744_065,
    }
}

fn write<'r, 'a: 'r>(rows: impl IntoIterator<Item = &'r Row<'a>>, max_bytes: usize) -> Vec<String> {
    let mut writer = Writer::new(header(), max_bytes);
    rows.into_iter().for_each(|row| writer.push(row).unwrap());
    writer.finish()
}

#[test]
fn the_form_of_version_1() {
    let row = Row {
        mpid: Some("-12345".parse().unwrap()),
        ids: vec![
            DeviceId(DeviceType::Idfa, Encoding::Raw, "66b728c2-f9a4-4d87-82ef-ce07414fe3f7".into()),
            DeviceId(DeviceType::Gaid, Encoding::Md5, "0ca6a1feca650934a6a80edc68fde56f".into()),
        ],
        adds: smallvec!["7123456789012345678".parse().unwrap()],
        deletes: smallvec!["7123456789012345679".parse().unwrap()],
        unmapped_adds: smallvec![456],
        ..Row::default()
    };
    let bodies = write([&row], 240_000);
    insta::assert_snapshot!(bodies.join("\n"), @r#"{"version":1,"advertiser":"7000000000000000001","token":"3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0","changed_ms":1714592744065,"rows":[{"mpid":"-12345","ids":[["idfa","raw","66b728c2-f9a4-4d87-82ef-ce07414fe3f7"],["gaid","md5","0ca6a1feca650934a6a80edc68fde56f"]],"adds":["7123456789012345678"],"deletes":["7123456789012345679"],"unmapped_adds":[456]}]}"#);
    assert_eq!(Envelope::read(&bodies[0]).unwrap().rows, [row]);
}

#[test]
fn no_rows_make_no_message() {
    assert!(write([], 240_000).is_empty());
}

#[test]
fn another_version_is_told_from_nonsense() {
    assert_eq!(Envelope::read(r#"{"version":2,"anything":[]}"#), Err(ReadError::Version(2)));
    let good = write([&Row::default()], 1000).remove(0);
    assert_eq!(Envelope::read(&good.replace(r#""version":1"#, r#""version":7"#)), Err(ReadError::Version(7)));
    for nonsense in ["", "null", "[]", r#"{"version":1}"#, r#"{"version":"1"}"#, &good.replace("rows", "rowz")] {
        assert!(matches!(Envelope::read(nonsense), Err(ReadError::Unreadable { .. })), "{nonsense}");
    }
}

#[test]
fn an_error_never_repeats_the_body() {
    let error = Envelope::read(r#"{"version":1,"advertiser":"66b728c2-f9a4-4d87-82ef-ce07414fe3f7"}"#).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("66b728c2"), "{error}");
}

fn any_row() -> impl Strategy<Value = Row<'static>> {
    let id = (prop_oneof![Just(DeviceType::Idfa), Just(DeviceType::Gaid)], ".{0,40}")
        .prop_map(|(device, value)| DeviceId(device, Encoding::Raw, Cow::Owned(value)));
    let audience = || (1..u64::MAX).prop_map(|n| n.to_string().parse().unwrap());
    (
        proptest::option::of(any::<i64>().prop_map(|n| n.to_string().parse().unwrap())),
        proptest::collection::vec(id, 0..5),
        proptest::collection::vec(audience(), 0..30),
        proptest::collection::vec(audience(), 0..30),
        proptest::collection::vec(any::<i64>(), 0..3),
    )
        .prop_map(|(mpid, ids, adds, deletes, unmapped_deletes)| Row {
            changed_ms: None,
            mpid,
            ids,
            adds: adds.into(),
            deletes: deletes.into(),
            unmapped_adds: smallvec![],
            unmapped_deletes: unmapped_deletes.into(),
        })
}

/// Every (id, audience, action) that rows say, in order of the text.
fn said<'r, 'a: 'r>(rows: impl IntoIterator<Item = &'r Row<'a>>) -> Vec<String> {
    let mut all = Vec::new();
    for row in rows {
        for id in &row.ids {
            let whose = format!("{:?} {:?} {:?}", row.mpid, id.0, id.2);
            all.extend(row.adds.iter().map(|a| format!("{whose} + {a}")));
            all.extend(row.deletes.iter().map(|a| format!("{whose} - {a}")));
            all.extend(row.unmapped_deletes.iter().map(|a| format!("{whose} - unmapped {a}")));
        }
    }
    all.sort_unstable();
    all
}

proptest! {
    #[test]
    fn chunks_fit_and_lose_nothing(rows in proptest::collection::vec(any_row(), 0..12), max_bytes in 900_usize..4000) {
        let bodies = write(&rows, max_bytes);
        for body in &bodies {
            prop_assert!(body.len() <= max_bytes, "{} > {max_bytes}", body.len());
        }
        let read: Vec<_> = bodies.iter().map(|body| Envelope::read(body).unwrap()).collect();
        prop_assert_eq!(said(read.iter().flat_map(|envelope| &envelope.rows)), said(&rows));
    }

    #[test]
    fn no_text_makes_reading_panic(body in ".*") {
        prop_assert!(Envelope::read(&body).is_err());
    }
}
