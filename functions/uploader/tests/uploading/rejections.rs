//! What is bad stands alone in the dead-letter queue, and what is good is delivered on the way.

use envelope::Row;
use sandbox::Fault;

use crate::world::{DEAD_LETTERS, QUEUE, World, adding, envelope, hash, hashes, returned, row, users_in};

#[tokio::test]
async fn users_of_many_messages_arrive_in_as_few_calls_as_the_limits_allow() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    let messages: Vec<_> = (0..2_500).step_by(10).map(|n| adding(&customer, n..n + 10)).collect();
    assert_eq!(world.upload(&messages).await.failures, []);
    assert_eq!(world.members(customer.audience).await, hashes(0..2_500));
    assert_eq!(world.calls(customer.advertiser()).await, 3);
}

#[tokio::test]
async fn a_poisoned_id_in_thousands_stands_alone() {
    let world = World::with(&[("TIKTOK_MAX_ROWS", "5000")]).await;
    let customer = world.connect("ann").await;
    world.tiktok.poison(&hash(3_210), 40002, "bad id").await.unwrap();
    let messages: Vec<_> = (0..5_000).step_by(500).map(|n| adding(&customer, n..n + 500)).collect();
    assert_eq!(world.upload(&messages).await.failures, []);
    assert_eq!(world.members(customer.audience).await, hashes((0..5_000).filter(|n| *n != 3_210)));
    let dead = world.sent_to(DEAD_LETTERS);
    assert_eq!(users_in(&dead), (hashes([3_210]), 1));
    assert_eq!((dead[0].attributes["reason"].as_str(), dead[0].attributes["code"].as_str()), ("rejected", "40002"));
    assert!(dead[0].attributes["message"].ends_with("bad id"));
    assert!(!dead[0].attributes["request_id"].is_empty());
    let calls = world.calls(customer.advertiser()).await;
    assert!(calls <= 1 + 64 + 2 * 13, "{calls} calls");
}

#[tokio::test]
async fn some_poisoned_ids_cost_a_bounded_number_of_calls_each() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    let bad = [3, 333, 500, 501, 998];
    for user in bad {
        world.tiktok.poison(&hash(user), 40062, "not hashed").await.unwrap();
    }
    assert_eq!(world.upload(&[adding(&customer, 0..1_000)]).await.failures, []);
    assert_eq!(world.members(customer.audience).await, hashes((0..1_000).filter(|n| !bad.contains(n))));
    assert_eq!(users_in(&world.sent_to(DEAD_LETTERS)), (hashes(bad), bad.len()));
    assert_eq!(world.sent_to(DEAD_LETTERS).len(), 1, "one envelope holds them");
    let calls = world.calls(customer.advertiser()).await;
    assert!(calls <= 1 + bad.len() * (64 + 2 * 10), "{calls} calls");
}

#[tokio::test]
async fn a_deleted_audience_costs_a_handful_of_calls_and_the_others_are_served() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    let (gone, kept) = (world.audience(&customer.customer, "gone").await, customer.audience);
    world.tiktok.delete_audience(&gone.to_string()).await.unwrap();
    let rows: Vec<Row<'_>> = (0..1_000).map(|user| row(user, &[gone, kept], &[])).collect();
    assert_eq!(world.upload(&[envelope(&customer, 1, &rows)]).await.failures, []);
    assert_eq!(world.members(kept).await, hashes(0..1_000));
    let dead = world.sent_to(DEAD_LETTERS);
    assert_eq!(users_in(&dead), (hashes(0..1_000), 1_000));
    assert!(
        dead.iter().all(|letter| letter.body.contains(&gone.to_string()) && !letter.body.contains(&kept.to_string()))
    );
    let calls = world.calls(customer.advertiser()).await;
    assert!(calls <= 10, "{calls} calls");
}

#[tokio::test]
async fn a_call_of_which_nothing_is_good_is_given_up_early() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    world.tiktok.fault(Fault::code(40002, "no").advertiser(customer.advertiser())).await.unwrap();
    assert_eq!(world.upload(&[adding(&customer, 0..1_000)]).await.failures, []);
    assert_eq!(users_in(&world.sent_to(DEAD_LETTERS)), (hashes(0..1_000), 1_000));
    assert_eq!(world.calls(customer.advertiser()).await, 17);
}

#[tokio::test]
async fn one_bad_id_of_a_user_does_not_cost_the_other() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    let mut both = row(1, &[customer.audience], &[]);
    both.ids.push(envelope::DeviceId(ids::DeviceType::Gaid, ids::Encoding::Md5, hash(2).into()));
    world.tiktok.poison(&hash(2), 40002, "bad").await.unwrap();
    assert_eq!(world.upload(&[envelope(&customer, 1, &[both])]).await.failures, []);
    assert_eq!(world.members(customer.audience).await, hashes([1]));
    assert_eq!(users_in(&world.sent_to(DEAD_LETTERS)), (hashes([2]), 1));
}

#[tokio::test]
async fn a_partly_successful_call_is_divided_until_it_is_known_what_failed() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    world.tiktok.poison(&hash(77), 40002, "bad").await.unwrap();
    world.tiktok.fault(Fault::new(sandbox::fault::Kind::Partly)).await.unwrap();
    assert_eq!(world.upload(&[adding(&customer, 0..200)]).await.failures, []);
    assert_eq!(world.members(customer.audience).await, hashes((0..200).filter(|n| *n != 77)));
    assert_eq!(users_in(&world.sent_to(DEAD_LETTERS)).0, hashes([77]));
}

#[tokio::test]
async fn a_call_that_is_too_large_is_sent_in_smaller_ones() {
    let world = World::new().await;
    let mut rules = world.tiktok.rules().await.unwrap();
    rules.max_rows = 100;
    world.tiktok.set_rules(&rules).await.unwrap();
    let customer = world.connect("ann").await;
    assert_eq!(world.upload(&[adding(&customer, 0..1_000)]).await.failures, []);
    assert_eq!(world.members(customer.audience).await, hashes(0..1_000));
    assert!(world.sent_to(DEAD_LETTERS).is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_is_put_aside_as_it_is() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    let messages = ["nonsense".to_owned(), r#"{"version":9}"#.to_owned(), adding(&customer, 0..3)];
    assert_eq!(world.upload(&messages).await.failures, []);
    assert_eq!(world.members(customer.audience).await, hashes(0..3));
    let dead: Vec<_> =
        world.sent_to(DEAD_LETTERS).into_iter().map(|d| (d.body, d.attributes["reason"].clone())).collect();
    assert_eq!(
        dead,
        [("nonsense".to_owned(), "unreadable".to_owned()), (r#"{"version":9}"#.to_owned(), "version".to_owned())]
    );
}

#[tokio::test]
async fn a_change_for_an_audience_that_tiktok_does_not_have_is_put_aside_and_the_others_go() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    let mut mixed = row(1, &[customer.audience], &[]);
    mixed.unmapped_adds.push(456);
    assert_eq!(world.upload(&[envelope(&customer, 1, &[mixed])]).await.failures, []);
    assert_eq!(world.members(customer.audience).await, hashes([1]));
    let [dead] = world.sent_to(DEAD_LETTERS).try_into().unwrap();
    assert_eq!(dead.attributes["reason"], "no_audience");
    assert!(dead.body.contains(r#""unmapped_adds":[456]"#) && !dead.body.contains("\"adds\""), "{}", dead.body);
}

#[tokio::test]
async fn when_the_dead_letter_queue_refuses_the_message_comes_back() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    world.tiktok.poison(&hash(1), 40002, "bad").await.unwrap();
    world.aws.lock().refusing.push(DEAD_LETTERS.to_owned());
    let response = world.upload(&[adding(&customer, [1]), adding(&customer, [2]), "nonsense".to_owned()]).await;
    assert_eq!(returned(&response), ["m0", "m2"]);
    assert!(world.sent_to(QUEUE).is_empty());
}
