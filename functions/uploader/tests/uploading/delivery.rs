//! What was said arrives, in as few calls as hold it, and the queue is empty.

use std::time::Duration;

use queue::in_memory::Fault as SqsFault;
use sandbox::control::NewGrant;
use sandbox::{Fault, Rules};

use crate::world::{DEAD_LETTERS, MAPPING, QUEUE, World, body, row};

#[tokio::test]
async fn the_newest_change_of_each_user_is_at_tiktok_and_the_queue_is_empty() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.says(&tenant, 0, &[tenant.joins(1), tenant.joins(2)]);
    world.says(&tenant, 1, &[tenant.joins(3)]);
    world.says(&tenant, 0, &[tenant.leaves(1), tenant.joins(4)]);
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!(world.members(&tenant).await, [2, 3, 4]);
    assert_eq!((world.queued(), world.letters().len()), (vec![], 0));
    assert_eq!(world.calls(&tenant).await.len(), 2, "one for those who join, one for those who leave");
}

#[tokio::test]
async fn what_the_event_does_not_hold_is_received_until_the_queue_is_empty() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    for user in 0..45 {
        world.says(&tenant, 0, &[tenant.joins(user)]);
    }
    for user in 45..60 {
        world.says(&tenant, u8::try_from(user).unwrap(), &[tenant.joins(user)]);
    }
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!(world.members(&tenant).await, (0..60).collect::<Vec<_>>());
    assert_eq!(world.queued(), []);
    assert_eq!(world.sqs.calls(DEAD_LETTERS, ""), 0);
}

#[tokio::test]
async fn a_lane_whose_messages_are_free_only_when_a_slow_call_is_over_is_worked_off_in_one_invocation() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let rules = Rules { answer_after_ms: 150, ..world.tiktok.rules().await.unwrap() };
    world.tiktok.set_rules_of(&tenant.advertiser, &rules).await.unwrap();
    for user in 0..25 {
        world.says(&tenant, 0, &[tenant.joins(user)]);
    }
    world.invoke().await;
    assert_eq!((world.queued(), world.members(&tenant).await.len()), (vec![], 25));
}

#[tokio::test]
async fn a_connection_plans_with_all_that_is_in_hand_when_its_turn_comes() {
    let world = World::with(|config| config.calls_per_second = 3.0).await;
    let (first, second) = (world.tenant().await, world.tenant().await);
    world.says(&first, 0, &[first.joins(0)]);
    for lane in 0..40 {
        world.says(&second, lane, &[second.joins(lane.into())]);
    }
    world.invoke().await;
    assert_eq!(world.members(&second).await.len(), 40);
    let calls = world.calls(&second).await;
    assert!(calls.len() <= 2, "{} calls", calls.len());
}

#[tokio::test]
async fn connections_of_one_advertiser_each_use_their_own_token() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let other_token = world.tiktok.token_with(&NewGrant::of(&tenant.person)).await.unwrap().access_token;
    world.hide(&other_token);
    let mut other = crate::world::Tenant { token: other_token, ..tenant.clone() };
    other.connection = format!("{}.777", tenant.advertiser).parse().unwrap();
    world.set_record(&tenant, |record| {
        record.accept(other.connection.account, &other.accepted(), connections::Source::Connect, 0);
        record.use_in_week(other.connection.account, startup::clock::now_ms());
    });
    world.says(&tenant, 0, &[tenant.joins(1)]);
    world.says(&other, 0, &[other.joins(2)]);
    world.invoke().await;
    let mut tokens: Vec<_> = world.calls(&tenant).await.into_iter().map(|call| call.token).collect();
    tokens.sort();
    tokens.dedup();
    assert_eq!((tokens.len(), world.members(&tenant).await), (2, vec![1, 2]));
}

#[tokio::test]
async fn two_people_with_one_device_are_one_row_and_their_newest_change_wins() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let mut second = tenant.leaves(1);
    second.mpid = Some("99".parse().unwrap());
    world.says(&tenant, 0, &[tenant.joins(1), tenant.joins(2)]);
    world.says(&tenant, 0, &[second]);
    world.invoke().await;
    assert_eq!((world.members(&tenant).await, world.queued()), (vec![2], vec![]));
}

#[tokio::test]
async fn messages_of_the_event_that_cannot_be_renewed_are_named_and_not_worked_on_nor_what_is_behind_them() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let lost = world.says(&tenant, 0, &[tenant.joins(1)]);
    let behind = world.says(&tenant, 0, &[tenant.joins(2)]);
    world.says(&tenant, 1, &[tenant.joins(3)]);
    let event = world.sqs.receive(QUEUE, Duration::from_mins(2));
    world.sqs.change(QUEUE, |message| {
        if message.message_id == lost {
            message.invisible_until = None;
        }
    });
    let named = world.hand_over(&world.app, &event, Duration::from_mins(2)).await;
    assert_eq!(named, [lost, behind]);
    assert_eq!(world.members(&tenant).await, [3]);
    world.drain().await;
    assert_eq!(world.members(&tenant).await, [1, 2, 3]);
}

#[tokio::test]
async fn where_sqs_cannot_be_reached_the_event_is_named_and_nothing_is_done() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let message = world.says(&tenant, 0, &[tenant.joins(1)]);
    let event = world.sqs.receive(QUEUE, Duration::from_secs(1));
    world.sqs.set_down(true);
    assert_eq!(world.hand_over(&world.app, &event, Duration::from_mins(2)).await, [message]);
    assert_eq!(world.calls(&tenant).await.len(), 0);
    world.sqs.set_down(false);
    world.drain().await;
    assert_eq!(world.members(&tenant).await, [1]);
}

#[tokio::test]
async fn a_lost_answer_of_sqs_costs_nothing() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.says(&tenant, 0, &[tenant.joins(1)]);
    world.says(&tenant, 0, &[tenant.joins(2)]);
    for action in ["ChangeMessageVisibilityBatch", "DeleteMessageBatch", "DeleteMessageBatch"] {
        world.sqs.fail_next(action, SqsFault::AnswerLost);
    }
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!((world.members(&tenant).await, world.queued()), (vec![1, 2], vec![]));
}

#[tokio::test]
async fn audiences_that_the_connection_deleted_itself_are_dropped_and_nobody_is_called_for_them() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let now = startup::clock::now_ms();
    world.set_record(&tenant, |record| record.note_deleted(tenant.connection.account, tenant.audience, now));
    world.says(&tenant, 0, &[tenant.joins(1), tenant.leaves(2)]);
    world.invoke().await;
    assert_eq!((world.queued(), world.letters().len(), world.calls(&tenant).await.len()), (vec![], 0, 0));
}

#[tokio::test]
async fn megabytes_of_changes_for_few_ids_are_worked_off_in_bounded_memory() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.tiktok.fault(Fault::code(0, "OK").on(MAPPING)).await.unwrap();
    let audiences: Vec<_> = (1..=9_000).map(|n: u32| n.to_string().parse().unwrap()).collect();
    let rows: Vec<_> = (0..15).map(|user| row(user, &audiences, &[])).collect();
    let body = body(tenant.connection, &rows);
    assert!(body.len() > 800_000, "{}", body.len());
    let before = peak_kb();
    for lane in 0..8 {
        world.sends(&tenant, lane, &body, &[]);
    }
    world.invoke().await;
    let grown = peak_kb() - before;
    assert!(grown < 300_000, "{grown} kB");
    assert_eq!(world.queued(), []);
}

/// The most memory that this process ever had; the other tests that run beside this one need little.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
