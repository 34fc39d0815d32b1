//! Audiences created and deleted lately.

use connections::{Record, Source, Transition};

use crate::world::{DAY, HOUR, NOW, accepted, account, audience, connected};

fn created(record: &Record, number: i64, now_ms: i64) -> Vec<u64> {
    record.created_by(account(number), now_ms).map(|audience| audience.to_string().parse().unwrap()).collect()
}

#[test]
fn a_created_audience_is_known_for_48_hours() {
    let mut record = connected();
    record.note_created(account(1), audience(7), NOW);
    record.note_created(account(1), audience(7), NOW + HOUR);
    record.note_created(account(2), audience(8), NOW);
    assert_eq!(created(&record, 1, NOW + 48 * HOUR - 1), [7]);
    assert_eq!(created(&record, 1, NOW + 48 * HOUR), [] as [u64; 0]);
    assert_eq!(created(&record, 2, NOW), [] as [u64; 0], "there is no such connection");

    record.note_created(account(1), audience(9), NOW + 48 * HOUR);
    assert_eq!(record.get(account(1)).unwrap().created.len(), 1, "what is too old goes with the next write");
}

#[test]
fn a_deleted_audience_is_known_for_14_days_and_created_no_more() {
    let mut record = connected();
    record.note_created(account(1), audience(7), NOW);
    record.note_deleted(account(1), audience(7), NOW + 1);
    assert!(record.was_deleted(audience(7)) && !record.was_deleted(audience(8)));
    assert_eq!(created(&record, 1, NOW + 1), [] as [u64; 0]);
    assert_eq!(record.deleted_by(account(1)).collect::<Vec<_>>(), [audience(7)]);
    assert_eq!(record.deleted_by(account(2)).count(), 0);

    let before = record.clone();
    record.note_deleted(account(1), audience(7), NOW + DAY);
    assert_eq!(record, before, "nothing to write");

    assert_eq!(record.accept(account(1), &accepted("a2"), Source::Update, NOW + 15 * DAY), Transition::Replaced);
    assert!(!record.was_deleted(audience(7)));
}

#[test]
fn the_newest_200_deleted_and_the_newest_100_created_are_kept() {
    let mut record = connected();
    for n in 1..=250 {
        record.note_deleted(account(1), audience(n), NOW);
        record.note_created(account(1), audience(1_000 + n), NOW);
    }
    assert_eq!(record.deleted_by(account(1)).count(), 200);
    assert!(!record.was_deleted(audience(50)) && record.was_deleted(audience(51)));
    assert_eq!(created(&record, 1, NOW), (1_151..=1_250).collect::<Vec<_>>());
}
