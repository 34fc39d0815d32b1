use std::collections::BTreeSet;

use ids::{Encoding, IdType};

use super::*;

const TERMS: Terms = Terms { lanes: 16, max_bytes: 60_000, adds: false, now_ms: 1_790_000_000_000 };
const CHANGED_MS: i64 = TERMS.now_ms - 60_000;

fn row(id: u8, adds: &[u64], deletes: &[u64]) -> Row<'static> {
    let audience = |id: &u64| id.to_string().parse().unwrap();
    Row {
        mpid: None,
        id: SentId(IdType::Idfa, Encoding::Md5, format!("0ca6a1feca650934a6a80edc68fde5{id:02x}").into()),
        erase: false,
        adds: adds.iter().map(audience).collect(),
        deletes: deletes.iter().map(audience).collect(),
        unmapped_adds: SmallVec::new(),
        unmapped_deletes: SmallVec::new(),
    }
}

pub(crate) fn letter(rows: &[Row<'_>]) -> Received {
    let mut writer = Writer::new(Header { connection: "7.12".parse().unwrap(), changed_ms: CHANGED_MS }, 240_000);
    for row in rows {
        writer.push(row).unwrap();
    }
    let body = writer.finish().remove(0);
    let attributes =
        [("id", "l-1"), ("cause", "token"), ("advertiser", "7"), ("account", "12"), ("firehose_message_id", "f-1")];
    Received {
        message_id: "m-1".to_owned(),
        receipt_handle: "h-1".to_owned(),
        body,
        group: "l-1".to_owned(),
        sent_ms: TERMS.now_ms - 1_000,
        receive_count: 1,
        attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}

fn decide(received: &Received, record: Option<&Record>, terms: Terms) -> Redrive {
    redrive(&Letter::of(received), received, record, terms)
}

/// Who joins and leaves, by the messages.
fn changes(messages: &[Outgoing]) -> BTreeSet<(String, char, String)> {
    let mut all = BTreeSet::new();
    for message in messages {
        for row in Envelope::read(&message.body).unwrap().rows {
            let id = row.id.2.to_string();
            all.extend(row.adds.iter().map(|audience| (id.clone(), '+', audience.to_string())));
            all.extend(row.deletes.iter().map(|audience| (id.clone(), '-', audience.to_string())));
        }
    }
    all
}

#[test]
fn what_takes_people_out_goes_and_what_puts_them_in_stays_a_letter() {
    let rows = [row(1, &[71], &[72]), row(2, &[71], &[]), row(3, &[], &[72])];
    let received = letter(&rows);
    let Redrive::Send { changes: sent, rest } = decide(&received, None, TERMS) else { panic!("nothing is sent") };
    assert!(changes(&sent).iter().all(|(_, sign, _)| *sign == '-') && changes(&sent).len() == 2);
    assert!(changes(&rest).iter().all(|(_, sign, _)| *sign == '+') && changes(&rest).len() == 2);
    let kept: Vec<_> = rest[0].attributes.iter().filter(|(name, _)| *name != "id").collect();
    assert_eq!(
        format!("{kept:?}"),
        r#"[("cause", "token"), ("advertiser", "7"), ("account", "12"), ("firehose_message_id", "f-1")]"#
    );
}

#[test]
fn with_adds_everything_goes_and_nothing_stays() {
    let rows = [row(1, &[71], &[72]), row(2, &[71], &[])];
    let received = letter(&rows);
    let with_adds = decide(&received, None, Terms { adds: true, ..TERMS });
    let Redrive::Send { changes: sent, rest } = with_adds else { panic!("nothing is sent") };
    assert_eq!(changes(&sent).len(), 3);
    assert!(rest.is_empty());
}

#[test]
fn each_id_goes_to_the_lane_that_it_has_now_under_a_name_that_repeats_itself() {
    let rows: Vec<_> = (0..40).map(|id| row(id, &[], &[71])).collect();
    let received = letter(&rows);
    for lanes in [1, 16, 64] {
        let terms = Terms { lanes, ..TERMS };
        let Redrive::Send { changes: sent, .. } = decide(&received, None, terms) else { panic!("nothing is sent") };
        for message in &sent {
            let group: GroupId = message.group.parse().unwrap();
            assert_eq!(group.connection.to_string(), "7.12");
            for row in Envelope::read(&message.body).unwrap().rows {
                assert_eq!(hashed_id::lane(row.id.0, row.id.1, &row.id.2, lanes), group.lane);
            }
            assert_eq!(message.attributes, [("redriven", "l-1".to_owned()), ("firehose_message_id", "f-1".to_owned())]);
        }
        assert_eq!(changes(&sent).len(), 40);
        let names: BTreeSet<_> = sent.iter().map(|message| message.deduplication_id.clone().unwrap()).collect();
        assert_eq!(names.len(), sent.len());
        assert_eq!(Redrive::Send { changes: sent, rest: Vec::new() }, decide(&received, None, terms));
    }
}

#[test]
fn what_cannot_be_read_and_what_only_puts_people_in_stays() {
    let broken = Received { body: "{}".to_owned(), ..letter(&[row(1, &[], &[71])]) };
    assert_eq!(decide(&broken, None, TERMS), Redrive::Stays(Stays::Unreadable));
    let mut foreign = letter(&[row(1, &[], &[71])]);
    foreign.attributes.insert("cause".to_owned(), "unreadable".to_owned());
    assert_eq!(decide(&foreign, None, TERMS), Redrive::Stays(Stays::Unreadable));
    assert_eq!(decide(&letter(&[row(1, &[71], &[])]), None, TERMS), Redrive::Stays(Stays::PutsIn));
}

#[test]
fn what_was_made_before_its_customer_was_forgotten_is_never_sent() {
    let received = letter(&[row(1, &[], &[71])]);
    let mut record = Record::default();
    record.forget(CHANGED_MS);
    assert_eq!(decide(&received, Some(&record), TERMS), Redrive::Forgotten);
    record.forget(CHANGED_MS - 1);
    assert!(matches!(decide(&received, Some(&record), TERMS), Redrive::Send { .. }));
}

#[test]
fn audiences_without_one_at_tiktok_count_as_what_they_do() {
    let mut unmapped = row(1, &[], &[]);
    unmapped.unmapped_deletes.push(5);
    unmapped.unmapped_adds.push(6);
    let Redrive::Send { changes: sent, rest } = decide(&letter(&[unmapped]), None, TERMS) else {
        panic!("nothing is sent")
    };
    assert!(sent[0].body.contains("unmapped_deletes") && !sent[0].body.contains("unmapped_adds"));
    assert!(rest[0].body.contains("unmapped_adds") && !rest[0].body.contains("unmapped_deletes"));
}
