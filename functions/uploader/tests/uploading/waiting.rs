//! How long a change waits, and when it is given up.

use std::time::Duration;

use sandbox::Fault;

use crate::world::{HOUR_MS, MAPPING, QUEUE, Tenant, World, body, hash, skip};

const DAY_MS: i64 = 24 * HOUR_MS;

/// Everything on the queue is so much older, and was received so often before.
fn age(world: &World, by_ms: i64, receives: u32) {
    world.sqs.change(QUEUE, |message| {
        message.sent_ms -= by_ms;
        message.receive_count = receives;
    });
}

async fn blocked(world: &World) -> Tenant {
    let tenant = world.tenant().await;
    world.tiktok.revoke(&tenant.token).await.unwrap();
    tenant
}

#[tokio::test]
async fn before_sqs_would_take_a_message_it_becomes_a_letter_with_its_cause() {
    for (older_ms, receives) in [(0, 899), (13 * DAY_MS, 0)] {
        let world = World::new().await;
        let tenant = blocked(&world).await;
        let text = body(tenant.connection, &[tenant.joins(1), tenant.leaves(2)]);
        world.sends(&tenant, 0, &text, &[("firehose_message_id", "f-1")]);
        age(&world, older_ms, receives);
        assert_eq!(world.invoke().await, [""; 0]);
        let letters = world.letters();
        assert_eq!((world.causes(), letters[0].rows().len()), (vec!["token".to_owned()], 2));
        assert_eq!(letters[0].rows()[0]["id"], serde_json::json!(["idfa", "md5", hash(1)]));
        assert_eq!(letters[0].attributes["firehose_message_id"], "f-1");
        assert_eq!(world.queued(), []);
    }
}

#[tokio::test]
async fn a_day_is_the_limit_for_a_cause_of_its_own_and_not_for_everybodys() {
    let world = World::new().await;
    let (own, throttled) = (blocked(&world).await, world.tenant().await);
    world
        .tiktok
        .fault(Fault::code(40100, "Too many requests").on(MAPPING).advertiser(&throttled.advertiser))
        .await
        .unwrap();
    world.says(&own, 0, &[own.joins(1)]);
    age(&world, DAY_MS + 1, 2);
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!(world.causes(), ["token"]);

    let message = world.says(&throttled, 0, &[throttled.joins(1)]);
    age(&world, 7 * DAY_MS, 2);
    assert_eq!(world.invoke().await, [message]);
    skip(Duration::from_mins(20)).await;
    age(&world, DAY_MS, 2);
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!(world.causes(), ["token", "app_throttled"]);
}

#[tokio::test]
async fn a_message_that_was_not_received_three_times_is_not_too_old_unless_its_connection_fails_for_longer() {
    let world = World::new().await;
    let tenant = blocked(&world).await;
    let message = world.says(&tenant, 0, &[tenant.joins(1)]);
    age(&world, 2 * DAY_MS, 0);
    assert_eq!(world.invoke().await, [message]);
    world.set_record(&tenant, |record| {
        let (fingerprint, first_ms) = (tenant.accepted().fingerprint(), startup::clock::now_ms() - 2 * DAY_MS);
        record.accept(tenant.connection.account, &tenant.accepted(), connections::Source::Connect, first_ms);
        let refusal = connections::Refusal { fingerprint, code: None, first_ms };
        record.refuse(tenant.connection.account, &refusal, first_ms, Duration::from_hours(1), false);
    });
    skip(Duration::from_mins(3)).await;
    world.sqs.change(QUEUE, |message| message.receive_count = 0);
    world.invoke_for(&world.another_process(), Duration::from_mins(2)).await;
    assert_eq!((world.causes(), world.queued()), (vec!["token".to_owned()], vec![]));
}

#[tokio::test]
async fn a_message_that_was_received_often_comes_back_seldom_so_that_900_receives_last_for_days() {
    let world = World::new().await;
    let tenant = blocked(&world).await;
    let message = world.says(&tenant, 0, &[tenant.joins(1)]);
    age(&world, 0, 100);
    world.invoke().await;
    assert!(world.comes_back_in(&message) > Duration::from_mins(14), "{:?}", world.comes_back_in(&message));
}

#[tokio::test]
async fn in_a_crowd_full_lanes_of_a_dead_connection_are_given_up_and_the_others_are_served() {
    let world = World::with(|config| {
        config.max_waiting = 0;
        config.token_grace = Duration::ZERO;
    })
    .await;
    let (dead, well) = (blocked(&world).await, world.tenant().await);
    for user in 0..10 {
        world.says(&dead, 0, &[dead.joins(user)]);
    }
    let few = world.says(&dead, 1, &[dead.joins(99)]);
    world.says(&well, 0, &[well.joins(1)]);
    world.invoke().await;
    assert_eq!((world.state(&dead), world.members(&well).await), ("dead", vec![1]));
    assert_eq!(world.causes(), ["crowded"; 10]);
    assert_eq!(world.queued().iter().map(|message| message.message_id.clone()).collect::<Vec<_>>(), [few]);
}

/// Three advertisers are throttled, which pauses the app. A fourth one is not.
#[tokio::test]
async fn a_pause_of_the_app_is_no_trouble_of_a_connection_that_did_nothing() {
    let world = World::new().await;
    let throttled = [world.tenant().await, world.tenant().await, world.tenant().await];
    let innocent = world.tenant().await;
    for tenant in &throttled {
        let fault = Fault::code(40133, "Too many requests").on(MAPPING).advertiser(&tenant.advertiser);
        world.tiktok.fault(fault).await.unwrap();
        world.says(tenant, 0, &[tenant.joins(1)]);
    }
    world.invoke().await;
    skip(Duration::from_secs(30)).await;
    world.invoke().await;
    let old = world.says(&innocent, 0, &[innocent.joins(1)]);
    world.sqs.change(QUEUE, |message| {
        if message.message_id == old {
            message.sent_ms -= DAY_MS + 1;
            message.receive_count = 5;
        }
    });
    world.invoke().await;
    assert_eq!(world.letters().len(), 0, "it was not throttled, and will be served in some seconds");
    assert_eq!(world.calls(&innocent).await.len(), 0, "the app is paused");
}

/// One advertiser fails a moment before another one's last success. Then TikTok is down for everybody, for long.
#[tokio::test]
async fn an_outage_that_begins_with_one_advertiser_is_everybodys_all_the_same() {
    let world = World::new().await;
    let (first, second) = (world.tenant().await, world.tenant().await);
    let fault = world.tiktok.fault(Fault::status(500).on(MAPPING).advertiser(&first.advertiser)).await.unwrap();
    world.says(&first, 0, &[first.joins(1)]);
    world.invoke().await;
    world.says(&second, 0, &[second.joins(1)]);
    world.invoke().await;
    assert_eq!(world.members(&second).await, [1]);
    world.tiktok.clear_fault(fault).await.unwrap();
    world.tiktok.fault(Fault::status(500).on(MAPPING)).await.unwrap();
    world.says(&second, 0, &[second.joins(2)]);
    age(&world, DAY_MS + 1, 1);
    for _ in 0..6 {
        skip(Duration::from_secs(1_000)).await;
        world.invoke().await;
    }
    assert_eq!((world.letters().len(), world.queued().len()), (0, 2), "it is waited for for eight days");
}

/// All that was said during an outage is old when it ends.
#[tokio::test]
async fn what_waited_out_an_outage_is_not_given_up_when_its_advertiser_is_throttled_soon_after_it() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let outage = world.tiktok.fault(Fault::code(40100, "Too many requests").on(MAPPING)).await.unwrap();
    world.says(&tenant, 0, &[tenant.joins(1)]);
    age(&world, DAY_MS + 1, 5);
    world.invoke().await;
    world.tiktok.clear_fault(outage).await.unwrap();
    let throttle = || Fault::code(40133, "Too many requests").on(MAPPING);
    world.tiktok.fault(throttle().next(1)).await.unwrap();
    skip(Duration::from_mins(10)).await;
    world.invoke().await;
    assert_eq!((world.calls(&tenant).await.len(), world.causes()), (2, vec![]));

    world.tiktok.fault(throttle()).await.unwrap();
    skip(Duration::from_mins(70)).await;
    world.invoke().await;
    assert_eq!((world.calls(&tenant).await.len(), world.causes()), (3, vec!["advertiser_throttled".to_owned()]));
}
