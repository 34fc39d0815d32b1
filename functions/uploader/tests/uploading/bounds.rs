//! Time: nothing starts that cannot end, and the answer comes before the deadline.

use std::time::Duration;

use sandbox::{CarriedOut, Fault, Rules};
use tokio::time::{Instant, sleep};

use crate::world::{MAPPING, World, eventually, skip};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test]
async fn with_little_time_left_nothing_starts_and_all_is_named() {
    for left in [4, 16, 19] {
        let world = World::new().await;
        let tenant = world.tenant().await;
        let messages = [world.says(&tenant, 0, &[tenant.joins(1)]), world.says(&tenant, 1, &[tenant.joins(2)])];
        let start = Instant::now();
        assert_eq!(world.invoke_for(&world.app, seconds(left)).await, messages);
        assert!(start.elapsed() < seconds(4), "{:?}", start.elapsed());
        assert_eq!(world.calls(&tenant).await.len(), 0);
        skip(seconds(130)).await;
        world.invoke().await;
        assert_eq!((world.members(&tenant).await, world.letters().len()), (vec![1, 2], 0));
    }
}

#[tokio::test]
async fn a_call_ends_in_time_for_settling() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.tiktok.fault(Fault::hang(600_000).on(MAPPING)).await.unwrap();
    let message = world.says(&tenant, 0, &[tenant.joins(1)]);
    let ends = Instant::now() + seconds(25);
    let (named, ()) = tokio::join!(world.invoke_for(&world.app, seconds(25)), async {
        world.until_called(&tenant).await;
        skip(seconds(10)).await;
    });
    assert_eq!(named, [message.as_str()]);
    assert!(Instant::now() + seconds(10) < ends, "settling takes no time here");
    assert_eq!(world.comes_back_in(&message), Duration::ZERO, "it was settled");
}

#[tokio::test]
async fn a_call_that_the_end_of_the_invocation_cuts_short_says_nothing_of_tiktok() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.tiktok.fault(Fault::hang(600_000).on(MAPPING).next(1)).await.unwrap();
    let message = world.says(&tenant, 0, &[tenant.joins(1)]);
    let (named, ()) = tokio::join!(world.invoke_for(&world.app, seconds(40)), async {
        world.until_called(&tenant).await;
        skip(seconds(25)).await;
    });
    assert_eq!(named, [message]);
    assert_eq!(world.invoke().await, [""; 0], "the advertiser is not paused");
    assert_eq!(world.members(&tenant).await, [1]);
}

#[tokio::test]
async fn where_the_records_hang_the_answer_comes_in_time_all_the_same() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.secrets.set_latency(seconds(7_200));
    let message = world.says(&tenant, 0, &[tenant.joins(1)]);
    let (named, ()) = tokio::join!(world.invoke_for(&world.app, seconds(60)), async {
        sleep(Duration::from_millis(300)).await;
        skip(seconds(46)).await;
    });
    assert_eq!(named, [message]);
    assert_eq!(world.calls(&tenant).await.len(), 0);
}

#[tokio::test]
async fn where_sqs_hangs_the_answer_comes_in_time_all_the_same() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let message = world.says(&tenant, 0, &[tenant.joins(1)]);
    world.sqs.set_latency(seconds(7_200));
    let (named, ()) = tokio::join!(world.invoke_for(&world.app, seconds(60)), async {
        sleep(Duration::from_millis(100)).await;
        skip(Duration::from_millis(58_950)).await;
    });
    assert_eq!(named, [message]);
}

#[tokio::test]
async fn what_tiktok_does_too_slowly_waits_and_is_acknowledged_once_it_is_fast_enough() {
    let world = World::with(|config| config.tiktok_timeout = seconds(3)).await;
    let tenant = world.tenant().await;
    let slow =
        Rules { answer_after_ms: 20_000, carried_out: CarriedOut::BeforeWait, ..world.tiktok.rules().await.unwrap() };
    world.tiktok.set_rules_of(&tenant.advertiser, &slow).await.unwrap();
    let message = world.says(&tenant, 0, &[tenant.joins(1)]);
    let (named, ()) = tokio::join!(world.invoke(), async {
        world.until_called(&tenant).await;
        skip(seconds(4)).await;
    });
    assert_eq!(named, [message]);
    assert_eq!(world.members(&tenant).await, [1], "TikTok did it, and nobody was told");
    assert_eq!(world.calls(&tenant).await.len(), 1);
    world.tiktok.clear_rules_of(&tenant.advertiser).await.unwrap();
    world.drain().await;
    assert_eq!((world.members(&tenant).await, world.letters().len()), (vec![1], 0));
}

#[tokio::test]
async fn what_is_in_hand_when_the_time_ends_comes_back_by_itself() {
    let world = World::with(|config| {
        config.calls_per_second = 1.0;
        config.limits.rows = 1;
    })
    .await;
    let tenant = world.tenant().await;
    world.says(&tenant, 0, &(0..60).map(|user| tenant.joins(user)).collect::<Vec<_>>());
    let (_, ()) = tokio::join!(world.invoke_for(&world.app, seconds(23)), async {
        sleep(Duration::from_millis(500)).await;
        skip(seconds(4)).await;
    });
    assert_eq!((world.queued().len(), world.letters().len()), (1, 0));
    eventually("the message is not kept longer than need be", || {
        world.comes_back_in(&world.queued()[0].message_id) < seconds(30)
    })
    .await;
}
