//! What `ingest` writes is what `uploader` reads.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::borrow::Cow;

use envelope::{Envelope, Header, Lanes, ReadError, Row, SentId, Writer};
use ids::{AudienceId, Encoding, IdType};
use proptest::prelude::*;
use smallvec::smallvec;

fn header() -> Header {
    Header { connection: "7000000000000000001.123456".parse().unwrap(), changed_ms: 1_714_592_744_065 }
}

fn row(value: &str) -> Row<'_> {
    Row::of(None, SentId(IdType::Idfa, Encoding::Raw, value.into()))
}

fn audience(number: u64) -> AudienceId {
    number.to_string().parse().unwrap()
}

fn write<'r, 'a: 'r>(rows: impl IntoIterator<Item = &'r Row<'a>>, max_bytes: usize) -> Vec<String> {
    let mut writer = Writer::new(header(), max_bytes);
    rows.into_iter().for_each(|row| writer.push(row).unwrap());
    writer.finish()
}

#[test]
fn the_form_of_version_2() {
    let rows = [
        Row {
            mpid: Some("-12345".parse().unwrap()),
            adds: smallvec![audience(7_123_456_789_012_345_678)],
            ..row("66b728c2-f9a4-4d87-82ef-ce07414fe3f7")
        },
        Row {
            id: SentId(IdType::Gaid, Encoding::Md5, "0ca6a1feca650934a6a80edc68fde56f".into()),
            deletes: smallvec![audience(7_123_456_789_012_345_679)],
            unmapped_adds: smallvec![456],
            unmapped_deletes: smallvec![-1],
            ..row("")
        },
    ];
    let bodies = write(&rows, 60_000);
    insta::assert_snapshot!(bodies.join("\n"), @r#"{"version":2,"advertiser":"7000000000000000001","account":"123456","changed_ms":1714592744065,"rows":[{"mpid":"-12345","id":["idfa","raw","66b728c2-f9a4-4d87-82ef-ce07414fe3f7"],"adds":["7123456789012345678"]},{"id":["gaid","md5","0ca6a1feca650934a6a80edc68fde56f"],"deletes":["7123456789012345679"],"unmapped_adds":[456],"unmapped_deletes":[-1]}]}"#);
    let read = Envelope::read(&bodies[0]).unwrap();
    assert_eq!((read.header, read.rows), (header(), rows.to_vec()));
}

#[test]
fn a_body_holds_only_characters_that_sqs_takes() {
    let odd = "\u{0}\u{7}\u{fffe}a\u{ffff}\u{ffff}\u{fffd}\u{1ffff}\u{7f}";
    let body = write([&row(odd)], 60_000).remove(0);
    assert!(body.contains(r"\u0000\u0007\ufffea\uffff\uffff"), "{body}");
    assert!(body.chars().all(|c| matches!(c, ' '..='\u{fffd}' | '\u{10000}'..)), "{body}");
    assert_eq!(Envelope::read(&body).unwrap().rows, [row(odd)]);
}

#[test]
fn an_erasure_is_a_row_of_its_own() {
    let erased = Row { erase: true, id: SentId(IdType::Email, Encoding::Sha256, "86e0…".into()), ..row("") };
    let bodies = write([&erased], 60_000);
    assert!(bodies[0].ends_with(r#""rows":[{"id":["email","sha256","86e0…"],"erase":true}]}"#), "{bodies:?}");
    assert_eq!(Envelope::read(&bodies[0]).unwrap().rows, [erased]);
    let all = Row { erase: true, adds: (1..=1_000).map(audience).collect(), ..row("x") };
    let bodies = write([&all], 1_000);
    let read = bodies.iter().flat_map(|body| Envelope::read(body).unwrap().rows);
    let rows: Vec<bool> = read.map(|row| row.erase).collect();
    let (last, before) = rows.split_last().unwrap();
    assert!(*last && !before.is_empty() && before.iter().all(|erase| !erase), "said once, and last");
}

#[test]
fn no_rows_make_no_message() {
    assert!(write([], 60_000).is_empty());
    assert!(Lanes::new(header(), 16, 60_000).finish().is_empty());
}

#[test]
fn fields_that_a_newer_ingest_adds_are_ignored() {
    let body = r#"{"version":2,"new":{"a":[1]},"advertiser":"7","account":"1","changed_ms":5,
        "rows":[{"id":["idfa","raw","x"],"adds":["9"],"newer":[null]}]}"#;
    let read = Envelope::read(body).unwrap();
    assert_eq!(read.rows, [Row { adds: smallvec![audience(9)], ..row("x") }]);
}

#[test]
fn a_newer_version_is_told_from_nonsense_and_from_older_ones() {
    let good = write([&row("x")], 1000).remove(0);
    let version = |version: &str| good.replace(r#""version":2"#, &format!(r#""version":{version}"#));
    for newer in [version("3"), r#"{"version":3,"anything":[]}"#.into(), r#"{"rows":{},"version":3}"#.into()] {
        assert_eq!(Envelope::read(&newer), Err(ReadError::Newer(3)), "{newer}");
    }
    assert_eq!(Envelope::read(&version("18446744073709551615")), Err(ReadError::Newer(u64::MAX)));
    let others = ["0", "1", "-1", "2.0", "\"3\"", "null", "18446744073709551616"].map(version);
    let nonsense = ["", "null", "[]", "{", r#"{"version":2}"#, r#"{"version":1,"rows":[]}"#].map(str::to_owned);
    for unreadable in
        others.into_iter().chain(nonsense).chain([good.replace("rows", "rowz"), good.replace("idfa", "imei")])
    {
        assert!(matches!(Envelope::read(&unreadable), Err(ReadError::Unreadable { .. })), "{unreadable}");
    }
}

#[test]
fn an_error_never_repeats_the_body() {
    for body in [
        r#"{"version":2,"advertiser":"66b728c2-f9a4-4d87-82ef-ce07414fe3f7"}"#,
        r#"{"version":2,"advertiser":"7","account":"1","changed_ms":5,"rows":[{"id":["66b728c2","raw","x"]}]}"#,
    ] {
        let error = Envelope::read(body).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("66b728c2"), "{error}");
    }
}

#[test]
fn a_row_of_very_many_audiences_is_divided_and_keeps_them_all() {
    let adds = (1..=50_000).map(audience).collect();
    let bodies = write([&Row { adds, ..row("x") }], 2_000);
    assert!(bodies.iter().all(|body| body.len() <= 2_000));
    let read: Vec<_> = bodies.iter().flat_map(|body| Envelope::read(body).unwrap().rows).collect();
    assert!(read.iter().flat_map(|row| &row.adds).copied().eq((1..=50_000).map(audience)));
}

fn any_row() -> impl Strategy<Value = Row<'static>> {
    let id = (prop_oneof![Just(IdType::Idfa), Just(IdType::Gaid), Just(IdType::Email)], ".{0,40}")
        .prop_map(|(device, value)| SentId(device, Encoding::Raw, Cow::Owned(value)));
    let audiences = || proptest::collection::vec((1..u64::MAX).prop_map(audience), 0..30);
    let unmapped = || proptest::collection::vec(any::<i64>(), 0..3);
    let mpid = proptest::option::of(any::<i64>().prop_map(|n| n.to_string().parse().unwrap()));
    (mpid, id, any::<bool>(), audiences(), audiences(), unmapped(), unmapped()).prop_map(
        |(mpid, id, erase, adds, deletes, unmapped_adds, unmapped_deletes)| Row {
            mpid,
            id,
            erase,
            adds: adds.into(),
            deletes: deletes.into(),
            unmapped_adds: unmapped_adds.into(),
            unmapped_deletes: unmapped_deletes.into(),
        },
    )
}

/// Every change that rows say, in the order in which they apply.
fn said<'r, 'a: 'r>(rows: impl IntoIterator<Item = &'r Row<'a>>) -> Vec<String> {
    let mut all = Vec::new();
    for row in rows {
        let whose = format!("{:?} {:?} {:?}", row.mpid, row.id.0, row.id.2);
        all.extend(row.adds.iter().map(|a| format!("{whose} + {a}")));
        all.extend(row.deletes.iter().map(|a| format!("{whose} - {a}")));
        all.extend(row.unmapped_adds.iter().map(|a| format!("{whose} + unmapped {a}")));
        all.extend(row.unmapped_deletes.iter().map(|a| format!("{whose} - unmapped {a}")));
        all.extend(row.erase.then(|| format!("{whose} erase")));
    }
    all
}

proptest! {
    #[test]
    fn parts_fit_and_keep_every_change_in_its_place(
        rows in proptest::collection::vec(any_row(), 0..12),
        max_bytes in 900_usize..4000,
    ) {
        let bodies = write(&rows, max_bytes);
        for body in &bodies {
            prop_assert!(body.len() <= max_bytes, "{} > {max_bytes}", body.len());
        }
        let read: Vec<_> = bodies.iter().map(|body| Envelope::read(body).unwrap()).collect();
        prop_assert_eq!(said(read.iter().flat_map(|envelope| &envelope.rows)), said(&rows));
    }

    #[test]
    fn each_lane_has_its_rows_in_order_and_no_other(
        rows in proptest::collection::vec((any::<u8>(), any_row()), 0..30),
        lanes in 0_u8..=70,
        max_bytes in 900_usize..4000,
    ) {
        let mut writer = Lanes::new(header(), lanes, max_bytes);
        for (lane, row) in &rows {
            writer.push(*lane, row).unwrap();
        }
        let finished = writer.finish();
        prop_assert!(finished.is_sorted_by(|one, next| one.lane < next.lane));
        let count = lanes.clamp(1, envelope::MAX_LANES);
        prop_assert!(finished.iter().all(|lane| lane.lane < count && !lane.parts.is_empty()));
        for lane in 0..count {
            let parts = finished.iter().find(|parts| parts.lane == lane).map_or(&[][..], |parts| &parts.parts);
            let read: Vec<_> = parts.iter().map(|body| Envelope::read(body).unwrap()).collect();
            let own = rows.iter().filter(|(of, _)| of % count == lane).map(|(_, row)| row);
            prop_assert_eq!(said(read.iter().flat_map(|envelope| &envelope.rows)), said(own));
        }
    }

    #[test]
    fn no_text_makes_reading_panic(body in ".*") {
        prop_assert!(Envelope::read(&body).is_err());
    }
}
