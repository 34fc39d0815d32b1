//! One customer's trouble is that customer's alone.

use std::collections::BTreeSet;
use std::time::Duration;

use sandbox::Fault;
use tokio::time::sleep;

use crate::capture;
use crate::world::{MAPPING, QUEUE, Tenant, World, eventually, skip};

#[tokio::test]
async fn a_hanging_advertiser_delays_neither_the_others_nor_the_acknowledgment_of_what_they_delivered() {
    let world = World::new().await;
    let ill = world.tenant().await;
    world.tiktok.fault(Fault::hang(600_000).on(MAPPING).advertiser(&ill.advertiser)).await.unwrap();
    let hanging = world.says(&ill, 0, &[ill.joins(1)]);
    let mut well = Vec::new();
    for _ in 0..6 {
        let tenant = world.tenant().await;
        world.says(&tenant, 0, &[tenant.joins(1)]);
        world.says(&tenant, 1, &[tenant.joins(2)]);
        well.push(tenant);
    }
    let others_are_done = || world.queued().iter().all(|message| message.message_id == hanging);
    let (named, ()) = tokio::join!(world.invoke(), async {
        eventually("the others are acknowledged while the call hangs", others_are_done).await;
        assert_eq!(world.sqs.in_flight(QUEUE), 1, "the call hangs still");
        // What comes meanwhile is served too.
        world.says(&well[0], 2, &[well[0].joins(3)]);
        eventually("what came meanwhile is acknowledged", others_are_done).await;
        skip(Duration::from_secs(31)).await;
    });
    assert_eq!(named, [hanging]);
    assert_eq!(world.members(&well[0]).await, [1, 2, 3]);
    for tenant in &well[1..] {
        assert_eq!(world.members(tenant).await, [1, 2]);
    }
}

#[tokio::test]
async fn a_panic_in_the_work_of_one_connection_leaves_its_messages_and_the_others_are_served() {
    let world = World::new().await;
    let (ill, well) = (world.tenant().await, world.tenant().await);
    let messages = [world.says(&ill, 0, &[ill.joins(1)]), world.says(&ill, 1, &[ill.joins(2)])];
    world.says(&well, 0, &[well.joins(1)]);
    capture::panic_at(&["TikTok took a mapping call", &ill.advertiser]);
    let named = world.invoke().await;
    assert_eq!(BTreeSet::from_iter(named), BTreeSet::from(messages), "they come back");
    assert_eq!(world.members(&well).await, [1]);
    assert_eq!(world.queued().len(), 2, "the other's message is acknowledged");
    let [line] = &*capture::lines("a fault in the uploader; the changes of a connection wait") else {
        panic!("{}", capture::text())
    };
    assert_eq!((&line["advertiser"], &line["messages"]), (&ill.advertiser.as_str().into(), &2.into()));

    world.drain().await;
    assert_eq!(world.members(&ill).await, [1, 2]);
    assert!(world.letters().is_empty());
}

#[tokio::test]
async fn a_panic_while_a_connection_is_settled_leaves_its_messages_and_the_others_are_served() {
    let world = World::new().await;
    let (ill, well) = (world.tenant().await, world.tenant().await);
    let message = world.says(&ill, 0, &[ill.joins(1)]);
    world.says(&well, 0, &[well.joins(1)]);
    capture::panic_at(&["the messages of a connection are settled", &ill.advertiser]);
    assert_eq!(world.invoke().await, [message], "it is named to Lambda, though it is gone");
    assert_eq!(world.members(&well).await, [1]);
    let fault = "a fault in the uploader; the messages of a connection come back when their visibility ends";
    assert_eq!(capture::lines(fault).len(), 1);
    world.drain().await;
    assert_eq!(world.members(&ill).await, [1]);
}

#[tokio::test]
async fn a_throttled_advertiser_is_left_alone_for_a_while_and_the_others_are_served() {
    let world = World::new().await;
    let (throttled, well) = (world.tenant().await, world.tenant().await);
    let fault = Fault::code(40132, "Too many requests").on(MAPPING).advertiser(&throttled.advertiser);
    let fault = world.tiktok.fault(fault).await.unwrap();
    for round in 0..3 {
        world.says(&throttled, u8::try_from(round).unwrap(), &[throttled.joins(round)]);
        world.says(&well, 0, &[well.joins(round)]);
        world.invoke().await;
    }
    assert_eq!(world.calls(&throttled).await.len(), 1, "its pause lasts over several invocations");
    assert_eq!(world.members(&well).await, [0, 1, 2]);
    world.tiktok.clear_fault(fault).await.unwrap();
    world.drain().await;
    assert_eq!(world.members(&throttled).await, [0, 1, 2]);
}

#[tokio::test]
async fn with_few_calls_for_all_each_connection_is_served_again_and_again() {
    let world = World::with(|config| {
        config.calls_per_second = 1.0;
        config.limits.rows = 1;
    })
    .await;
    let mut tenants = Vec::new();
    for _ in 0..12 {
        let tenant = world.tenant().await;
        for lane in 0..3 {
            let rows: Vec<_> = (0..30).map(|n| tenant.joins(u32::from(lane) * 30 + n)).collect();
            world.says(&tenant, lane, &rows);
        }
        tenants.push(tenant);
    }
    let mut before = vec![0; tenants.len()];
    for invocation in 0..3 {
        tokio::select! {
            _ = world.invoke_for(&world.app, Duration::from_mins(1)) => {}
            () = advance_quickly(&world) => {}
        }
        let calls = counts(&world, &tenants).await;
        let made: Vec<_> = calls.iter().zip(&before).map(|(now, before)| now - before).collect();
        let (least, most) = (made.iter().min().unwrap(), made.iter().max().unwrap());
        assert!(*least >= 2 && most - least <= 2, "invocation {invocation}: {made:?}");
        before = calls;
        skip(Duration::from_secs(30)).await;
    }
    assert_eq!(world.letters().len(), 0);
}

/// Once all is in hand, seconds take 20 ms.
async fn advance_quickly(world: &World) {
    eventually("all is in hand", || world.sqs.in_flight(QUEUE) == 36).await;
    loop {
        sleep(Duration::from_millis(20)).await;
        skip(Duration::from_millis(980)).await;
    }
}

async fn counts(world: &World, tenants: &[Tenant]) -> Vec<usize> {
    let mut counts = Vec::new();
    for tenant in tenants {
        counts.push(world.calls(tenant).await.len());
    }
    counts
}

#[tokio::test]
async fn a_connection_in_trouble_does_not_make_the_uploader_receive_without_pause() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.tiktok.fault(Fault::hang(600_000).on(MAPPING)).await.unwrap();
    world.says(&tenant, 0, &[tenant.joins(1)]);
    tokio::join!(world.invoke(), async {
        world.until_called(&tenant).await;
        world.sqs.set_down(true);
        let before = world.sqs.calls(QUEUE, "ReceiveMessage");
        sleep(Duration::from_millis(500)).await;
        let made = world.sqs.calls(QUEUE, "ReceiveMessage") - before;
        assert!(made <= 2, "{made} receives in half a second while SQS fails");
        world.sqs.set_down(false);
        skip(Duration::from_secs(31)).await;
    });
}
