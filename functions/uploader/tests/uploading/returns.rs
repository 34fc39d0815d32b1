//! Messages that come back: whole or what is left of them, later each time, and not for ever.

use std::time::Duration;

use sandbox::Fault;
use serde_json::json;

use crate::world::{DEAD_LETTERS, QUEUE, World, adding, envelope, hashes, message, returned, row, users_in};

#[tokio::test]
async fn what_is_left_of_a_message_goes_back_without_what_is_done() {
    let world = World::with(&[("TIKTOK_MAX_ROWS", "100")]).await;
    let customer = world.connect("ann").await;
    // The third call fails for good: two of three are delivered.
    world.tiktok.fault(Fault::code(40113, "blocked").after(2)).await.unwrap();
    assert_eq!(world.upload(&[adding(&customer, 0..300)]).await.failures, []);
    let delivered = world.members(customer.audience).await;
    let left = world.sent_to(QUEUE);
    assert_eq!((delivered.len(), users_in(&left).1), (200, 100));
    assert!(users_in(&left).0.is_disjoint(&delivered));
    assert!((22..=30).contains(&left[0].delay_s), "{}", left[0].delay_s);
    assert_eq!(left[0].attributes["returns"], "1");

    world.tiktok.clear_faults().await.unwrap();
    assert_eq!(world.upload(&[left[0].body.clone()]).await.failures, []);
    assert_eq!(world.members(customer.audience).await, hashes(0..300));
}

#[tokio::test]
async fn what_a_newer_change_made_unnecessary_does_not_come_back_after_it() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    world.tiktok.fault(Fault::code(40113, "blocked").action("add")).await.unwrap();
    let audience = [customer.audience];
    let older = envelope(&customer, 1, &[row(1, &audience, &[]), row(2, &audience, &[])]);
    let newer = envelope(&customer, 2, &[row(1, &[], &audience)]);
    assert_eq!(world.upload(&[older, newer]).await.failures, []);
    world.tiktok.clear_faults().await.unwrap();
    let left: Vec<_> = world.sent_to(QUEUE).into_iter().map(|sent| sent.body).collect();
    assert_eq!(world.upload(&left).await.failures, []);
    assert_eq!(world.members(customer.audience).await, hashes([2]));
}

#[tokio::test]
async fn what_has_waited_for_a_day_becomes_a_dead_letter_with_the_last_reason() {
    let world = World::new().await;
    let (busy, suspended) = (world.connect("busy").await, world.connect("suspended").await);
    world.tiktok.fault(Fault::code(40113, "blocked").advertiser(busy.advertiser())).await.unwrap();
    world.record(suspended.advertiser(), &[]);
    let yesterday = json!({"SentTimestamp": (uploader::clock::now_ms() - 86_400_001).to_string()});
    let records = [
        message(0, &adding(&busy, [1]), &yesterday),
        message(1, &adding(&suspended, [2]), &yesterday),
        message(2, &adding(&busy, [3]), &json!({})),
    ];
    let response = world.deliver(&records, Duration::from_mins(1)).await;
    assert_eq!(returned(&response), ["m2"]);
    let mut reasons: Vec<_> =
        world.sent_to(DEAD_LETTERS).into_iter().map(|dead| dead.attributes["reason"].clone()).collect();
    reasons.sort();
    assert_eq!(reasons, ["operator", "suspended"]);
}

#[tokio::test]
async fn with_too_many_in_flight_the_suspended_become_dead_letters() {
    let world = World::with(&[("MAX_WAITING_MESSAGES", "1000")]).await;
    let customer = world.connect("ann").await;
    world.record(customer.advertiser(), &[]);
    world.aws.lock().in_flight = 1000;
    assert_eq!(returned(&world.upload(&[adding(&customer, [1])]).await), ["m0"]);
    world.aws.lock().in_flight = 1001;
    assert_eq!(world.upload(&[adding(&customer, [1])]).await.failures, []);
    let [dead] = world.sent_to(DEAD_LETTERS).try_into().unwrap();
    assert_eq!(dead.attributes["reason"], "suspended");
}

#[tokio::test]
async fn every_message_delivered_twice_changes_nothing() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    let messages = vec![adding(&customer, 0..100), adding(&customer, 0..100), adding(&customer, 50..150)];
    assert_eq!(world.upload(&messages).await.failures, []);
    assert_eq!(world.upload(&messages).await.failures, []);
    assert_eq!(world.members(customer.audience).await, hashes(0..150));
    assert_eq!(world.calls(customer.advertiser()).await, 2);
}

#[tokio::test]
async fn records_are_read_once_for_many_messages_and_again_after_a_while() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    let messages: Vec<_> = (0..50).map(|n| adding(&customer, [n])).collect();
    world.upload(&messages).await;
    world.upload(&messages).await;
    assert_eq!(world.aws.lock().reads, 1);
}
