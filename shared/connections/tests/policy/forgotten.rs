//! What the operator takes out of a record.

use connections::{Record, Source, Transition};

use crate::world::{DAY, NOW, accepted, account, audience, connected};

#[test]
fn a_customer_that_is_forgotten_leaves_nothing_but_the_time() {
    let mut record = connected();
    record.note_created(account(1), audience(71), NOW);
    record.note_deleted(account(2), audience(72), NOW);
    record.forget(NOW + 1);
    assert_eq!(record.connections().count(), 0);
    assert!(!record.was_deleted(audience(72)));
    assert_eq!(record.forgotten_ms(NOW + 2), Some(NOW + 1));
    let text = record.to_json().unwrap();
    assert!(!text.contains("a1") && !text.contains("71") && !text.contains("72"), "{text}");
    assert_eq!(Record::from_json(&text).unwrap(), record);
}

#[test]
fn it_is_kept_for_as_long_as_the_queue_keeps_messages() {
    let mut record = connected();
    assert_eq!(record.forgotten_ms(NOW), None);
    record.forget(NOW);
    assert_eq!(record.forgotten_ms(NOW + 14 * DAY - 1), Some(NOW));
    assert_eq!(record.forgotten_ms(NOW + 14 * DAY), None);
}

#[test]
fn who_connects_again_is_served_and_what_was_sent_before_stays_forgotten() {
    let mut record = connected();
    record.forget(NOW);
    assert_eq!(record.accept(account(1), &accepted("a2"), Source::Connect, NOW + 5), Transition::Created);
    assert!(record.get(account(1)).unwrap().state.is_active());
    assert_eq!(record.forgotten_ms(NOW + 6), Some(NOW));
    record.accept(account(1), &accepted("a3"), Source::Update, NOW + 14 * DAY);
    assert!(!record.to_json().unwrap().contains("forgotten_ms"));
}

#[test]
fn one_connection_is_removed_and_the_others_stay() {
    let mut record = connected();
    record.accept(account(2), &accepted("b1"), Source::Connect, NOW);
    assert!(record.remove(account(1)) && !record.remove(account(1)));
    assert_eq!(record.connections().map(|(account, _)| account).collect::<Vec<_>>(), [account(2)]);
}
