//! Order within a lane, whatever fails, and what blocks a lane alone.

use std::time::Duration;

use sandbox::Fault;

use crate::world::{DEAD_LETTERS, MAPPING, QUEUE, World, body, hash, skip};

#[tokio::test]
async fn a_newer_version_blocks_its_lane_alone_and_is_delivered_once_it_can_be_read() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let newer = world.sends(&tenant, 0, r#"{"version":3,"advertiser":"7","rows":[{"new":true}]}"#, &[]);
    let behind = world.says(&tenant, 0, &[tenant.leaves(1)]);
    world.says(&tenant, 1, &[tenant.joins(2)]);
    assert_eq!(world.invoke().await, [newer.clone(), behind]);
    assert_eq!((world.members(&tenant).await, world.letters().len()), (vec![2], 0));
    for _ in 0..4 {
        skip(world.comes_back_in(&newer) + Duration::from_secs(1)).await;
        world.invoke().await;
    }
    assert!(world.comes_back_in(&newer) > Duration::from_mins(2), "{:?}", world.comes_back_in(&newer));

    // The uploader that reads it is deployed.
    let readable = body(tenant.connection, &[tenant.joins(1), tenant.joins(3)]);
    world.sqs.change(QUEUE, |message| {
        if message.message_id == newer {
            message.body.clone_from(&readable);
        }
    });
    world.drain().await;
    assert_eq!((world.members(&tenant).await, world.letters().len()), (vec![2, 3], 0));
}

#[tokio::test]
async fn an_envelope_with_fields_that_are_not_known_is_delivered() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let body = body(tenant.connection, &[tenant.joins(1)]).replacen('{', r#"{"color":"red","#, 1);
    world.sends(&tenant, 0, &body, &[]);
    world.invoke().await;
    assert_eq!((world.members(&tenant).await, world.letters().len()), (vec![1], 0));
}

#[tokio::test]
async fn what_is_not_ours_becomes_letters_as_it_is_and_blocks_nothing_else() {
    let world = World::new().await;
    let (tenant, other) = (world.tenant().await, world.tenant().await);
    world.sends(&tenant, 0, "gibberish", &[("firehose_message_id", "f-9")]);
    world.sends(&tenant, 0, &body(other.connection, &[other.joins(9)]), &[]);
    world.says(&tenant, 0, &[tenant.joins(1)]);
    for group in ["orders", "7.1", "a.b.c"] {
        world.sqs.send(QUEUE, group, "somebody else's", &[]);
    }
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!((world.members(&tenant).await, world.queued()), (vec![1], vec![]));
    assert_eq!(world.causes(), ["unreadable"; 5]);
    let letters = world.letters();
    let gibberish = letters.iter().find(|letter| letter.body == "gibberish").unwrap();
    assert_eq!(gibberish.attributes["advertiser"], tenant.advertiser);
    assert_eq!(gibberish.attributes["firehose_message_id"], "f-9");
    let foreign = letters.iter().find(|letter| letter.body == "somebody else's").unwrap();
    assert!(!foreign.attributes.contains_key("advertiser"));
    assert_eq!(world.members(&other).await.len(), 0);
}

#[tokio::test]
async fn the_largest_message_becomes_a_letter_that_sqs_takes() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.sends(&tenant, 0, &"ü".repeat(524_288), &[]);
    assert_eq!(world.invoke().await, [""; 0]);
    assert!(world.letters()[0].body.len() > 1_000_000);
}

#[tokio::test]
async fn a_letter_that_cannot_be_written_keeps_its_message_and_what_is_behind_it_and_nothing_else() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.tiktok.poison(&hash(1), 40002, "a bad id").await.unwrap();
    let bad = world.says(&tenant, 0, &[tenant.joins(1)]);
    let behind = world.says(&tenant, 0, &[tenant.joins(2)]);
    world.says(&tenant, 1, &[tenant.joins(3)]);
    world.sqs.refuse_entries("SendMessageBatch", "", "InternalError", false, u32::MAX);
    let (named, ()) = tokio::join!(world.invoke(), async {
        // Letters are tried for five seconds, and not to the end of the invocation.
        while world.sqs.calls(DEAD_LETTERS, "SendMessageBatch") < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        skip(Duration::from_secs(6)).await;
    });
    assert_eq!(named, [bad, behind]);
    let held: Vec<_> = world.queued().iter().map(|message| message.message_id.clone()).collect();
    assert_eq!((held, world.letters().len()), (named, 0));
    assert_eq!(world.members(&tenant).await, [2, 3]);
}

#[tokio::test]
async fn a_letter_that_could_not_be_written_is_written_the_next_time_and_only_once() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.tiktok.poison(&hash(1), 40002, "a bad id").await.unwrap();
    let message = world.says(&tenant, 0, &[tenant.joins(1)]);
    world.sqs.refuse_entries("DeleteMessageBatch", &message, "InternalError", false, 3);
    assert_eq!(world.invoke().await, [message.as_str()]);
    assert_eq!((world.letters().len(), world.queued().len()), (1, 1), "the letter is written, the message stays");
    skip(Duration::from_secs(130)).await;
    world.invoke().await;
    assert_eq!((world.letters().len(), world.queued().len()), (1, 0), "the same letter");
}

#[tokio::test]
async fn a_delete_that_fails_stops_its_lane() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let older = world.says(&tenant, 0, &[tenant.joins(1)]);
    let newer = world.says(&tenant, 0, &[tenant.leaves(1), tenant.joins(2)]);
    world.says(&tenant, 1, &[tenant.joins(3)]);
    world.sqs.refuse_entries("DeleteMessageBatch", &older, "InternalError", false, 3);
    assert_eq!(world.invoke().await, [older, newer]);
    assert_eq!(world.queued().len(), 2, "what is newer is not gone before what is older");
    skip(Duration::from_secs(130)).await;
    world.invoke().await;
    assert_eq!((world.members(&tenant).await, world.queued()), (vec![2, 3], vec![]));
}

#[tokio::test]
async fn users_who_join_and_leave_during_an_outage_end_with_their_last_change() {
    let world = World::new().await;
    let (tenant, well) = (world.tenant().await, world.tenant().await);
    let fault = Fault::status(500).on(MAPPING).advertiser(&tenant.advertiser).share(0.7);
    let fault = world.tiktok.fault(fault).await.unwrap();
    for round in 0..8 {
        for user in 0..12 {
            let row = if (user + round) % 3 == 0 { tenant.leaves(user) } else { tenant.joins(user) };
            world.says(&tenant, u8::try_from(user % 4).unwrap(), &[row]);
        }
        world.says(&well, 0, &[well.joins(round)]);
        world.invoke().await;
        skip(Duration::from_secs(7)).await;
    }
    world.tiktok.clear_fault(fault).await.unwrap();
    world.drain().await;
    let last: Vec<u32> = (0..12).filter(|user| (user + 7) % 3 != 0).collect();
    assert_eq!((world.members(&tenant).await, world.letters().len()), (last, 0));
}
