use std::sync::Arc;
use std::time::Duration;

use connections::{Accepted, Record, Refusal, Source, UserId};

use super::seen::{LATELY_MS, look_back};
use super::*;
use crate::logs::{CALL_TAKEN, LANES_BLOCKED};

const NOW_MS: i64 = 1_790_000_000_000;
const MINUTE_MS: i64 = 60_000;

fn record(account: &str, since_ms: i64) -> (Record, AccountId, Accepted) {
    let (mut record, account) = (Record::default(), account.parse().unwrap());
    let accepted = Accepted { token: format!("token-{account}").into(), user: UserId::new("u") };
    record.accept(account, &accepted, Source::Connect, since_ms);
    (record, account, accepted)
}

fn refused(grace: Duration) -> Record {
    let (mut record, account, accepted) = record("12", NOW_MS - 100 * MINUTE_MS);
    let first_ms = NOW_MS - 90 * MINUTE_MS;
    let refusal = Refusal { fingerprint: accepted.fingerprint(), code: Some(40_105), first_ms };
    record.refuse(account, &refusal, NOW_MS, grace, false);
    record
}

fn line(message: &str, account: &str, at_ms: i64, cause: &str) -> Line {
    let text = format!(r#"{{"message":"{message}","advertiser":"7","account":"{account}","cause":"{cause}"}}"#);
    Line::read(&text, at_ms, "s").unwrap()
}

fn id(account: &str) -> ConnectionId {
    format!("7.{account}").parse().unwrap()
}

#[test]
fn a_connection_waits_since_the_first_time_after_its_last_delivery() {
    let mut seen = BTreeMap::new();
    let newest = [
        line(LANES_BLOCKED, "1", 50, "unavailable"),
        line(LANES_BLOCKED, "1", 60, "throttled"),
        line(LANES_BLOCKED, "2", 61, "not_tried"),
    ];
    let before = [
        line(LANES_BLOCKED, "1", 10, "token"),
        line(CALL_TAKEN, "1", 20, ""),
        line(LANES_BLOCKED, "1", 30, "unavailable"),
    ];
    look_back(&mut seen, &newest);
    look_back(&mut seen, &before);
    let one = &seen[&id("1")];
    assert_eq!((one.last_delivered_ms, one.waits.clone()), (Some(20), Some((30, 60, "throttled".to_owned()))));
    assert_eq!(seen[&id("2")], Seen::default());
    assert_eq!(waits(one, 60 + LATELY_MS - 1).map(|(since, _)| since), Some(30));
    assert_eq!(waits(one, 60 + LATELY_MS), None);
}

#[test]
fn those_in_trouble_come_first_the_longest_of_them_before_the_others() {
    let found = |advertiser: &str, record| (advertiser.parse().unwrap(), Ok(Some(Arc::new(record))));
    let mut forgotten = Record::default();
    forgotten.forget(NOW_MS - 5 * MINUTE_MS);
    let unreadable = secrets::Error::BeingDeleted("s/advertiser/9".to_owned());
    let records = [
        found("5", record("11", NOW_MS - 3 * MINUTE_MS).0),
        found("6", refused(Duration::from_hours(1))),
        found("7", record("13", NOW_MS - 500 * MINUTE_MS).0),
        found("8", forgotten),
        ("9".parse().unwrap(), Err(unreadable)),
    ];
    let waits = Some((NOW_MS - 40 * MINUTE_MS, NOW_MS - MINUTE_MS, "advertiser_throttled 40133".to_owned()));
    let last_delivered_ms = Some(NOW_MS - 45 * MINUTE_MS);
    let stranger = Some((NOW_MS - 2 * MINUTE_MS, NOW_MS, "token".to_owned()));
    let before_it_was_forgotten = Some((NOW_MS - 6 * MINUTE_MS, NOW_MS - 5 * MINUTE_MS, "token".to_owned()));
    let seen = BTreeMap::from([
        (id("13"), Seen { last_delivered_ms, waits }),
        (id("99"), Seen { last_delivered_ms: None, waits: stranger }),
        ("8.1".parse().unwrap(), Seen { last_delivered_ms: None, waits: before_it_was_forgotten }),
    ]);
    let rows = rows(&records, &seen, NOW_MS);
    let order: Vec<_> = rows.iter().map(|row| format!("{} {}", row.advertiser, row.state)).collect();
    assert_eq!(order, ["9 unreadable", "6 dead", "7 blocked", "7 no_token", "5 active", "8 forgotten"]);
    let cause = |word: &str, letters, adds, deletes, erasures| Cause {
        word: word.to_owned(),
        letters,
        adds,
        deletes,
        erasures,
    };
    let mut status = Status {
        stack: "mparticle-tiktok".to_owned(),
        deployment: "UPDATE_COMPLETE".to_owned(),
        queue: Waiting {
            messages: 1_200,
            in_flight: 34,
            users_estimate: estimate(1_234, Some(2.5)),
            oldest_blocked_seconds: Some(2_400.0),
        },
        dead_letters: vec![cause("token", 12, 3_400, 120, 2), cause("rejected", 1, 1, 0, 0)],
        dead_letters_in_flight: 0,
        connections: rows,
    };
    insta::assert_snapshot!("status", text(&status, NOW_MS));
    insta::assert_json_snapshot!("status-json", status);
    status.connections.clear();
    status.dead_letters.clear();
    status.queue =
        Waiting { messages: 0, in_flight: 0, users_estimate: estimate(0, None), oldest_blocked_seconds: None };
    insta::assert_snapshot!("status-quiet", text(&status, NOW_MS));
}
