use ids::ConnectionId;
use proptest::prelude::*;
use smallvec::smallvec;

use super::*;

fn header(changed_ms: i64) -> Header {
    let connection: ConnectionId = "7000000000000000001.123456".parse().unwrap();
    Header { connection, changed_ms }
}

fn text(header: Header, rows: &[Row<'_>]) -> String {
    let mut text = opening(header).into_bytes();
    for (place, row) in rows.iter().enumerate() {
        text.extend_from_slice(if place == 0 { b"" } else { b"," });
        push(row, &mut text).unwrap();
    }
    text.extend_from_slice(CLOSING.as_bytes());
    String::from_utf8(text).unwrap()
}

fn audience(number: u64) -> AudienceId {
    number.to_string().parse().unwrap()
}

fn any_row() -> impl Strategy<Value = Row<'static>> {
    let kind = prop_oneof![Just(IdType::Idfa), Just(IdType::Gaid), Just(IdType::Email)];
    let encoding = prop_oneof![Just(Encoding::Raw), Just(Encoding::Md5), Just(Encoding::Sha1), Just(Encoding::Sha256)];
    let value = prop_oneof!["[0-9a-fA-F-]{0,36}", ".{0,8}", r#"["\\\x00-\x7f]{0,4}"#];
    let audiences = || proptest::collection::vec((1..u64::MAX).prop_map(audience), 0..4);
    let mpid = proptest::option::of(any::<i64>().prop_map(|n| n.to_string().parse().unwrap()));
    (mpid, kind, encoding, value, any::<bool>(), audiences(), audiences()).prop_map(
        |(mpid, kind, encoding, value, erase, adds, deletes)| {
            let row = Row::of(mpid, SentId(kind, encoding, value.into()));
            Row { erase, adds: adds.into(), deletes: deletes.into(), ..row }
        },
    )
}

#[test]
fn what_is_written_of_usual_ids_is_read_without_the_reader_of_json() {
    let id = SentId(IdType::Idfa, Encoding::Raw, "66b728c2-f9a4-4d87-82ef-ce07414fe3f7".into());
    let row = Row { adds: smallvec![audience(72), audience(73)], ..Row::of(Some("-12".parse().unwrap()), id) };
    let rows = vec![row.clone(), Row { erase: true, deletes: smallvec![audience(7)], mpid: None, ..row }];
    assert_eq!(read(&text(header(5), &rows)), Some(Envelope { header: header(5), rows }));
}

proptest! {
    /// Nothing is read in another way than JSON says, nor is anything read that is no JSON: also where a text was changed by one byte.
    #[test]
    fn whatever_is_read_is_what_the_reader_of_json_reads(
        changed_ms in any::<i64>(),
        rows in proptest::collection::vec(any_row(), 0..4),
        at in any::<proptest::sample::Index>(),
        byte in prop_oneof![Just(None), (0_u8..128).prop_map(Some), prop_oneof![Just(b'"'), Just(b'\\'), Just(b'0'), Just(b',')].prop_map(Some)],
    ) {
        let mut text = text(header(changed_ms), &rows).into_bytes();
        if let Some(byte) = byte {
            let at = at.index(text.len());
            text[at] = byte;
        }
        let Ok(text) = String::from_utf8(text) else { return Ok(()) };
        if let Some(envelope) = read(&text) {
            prop_assert_eq!(Envelope::read_json(&text), Ok(envelope));
        } else if byte.is_none() && !rows.is_empty() && changed_ms > 0 {
            prop_assert!(rows.iter().any(|row| !row.id.2.is_ascii() || !is_plain(&row.id.2)), "{}", text);
        }
    }
}
