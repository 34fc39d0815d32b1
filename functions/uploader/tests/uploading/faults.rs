//! TikTok in trouble: what is retried in place, and that nobody else notices.

use std::time::{Duration, Instant};

use sandbox::Fault;
use sandbox::fault::Kind;

use crate::world::{DEAD_LETTERS, World, adding, envelope, hashes, returned, row};

#[tokio::test]
async fn trouble_that_passes_is_not_noticed() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    let passing = [
        Fault::code(50002, "system error"),
        Fault::code(40100, "too many requests"),
        Fault::code(40133, "too many requests for the advertiser"),
        Fault::code(51010, "time-out"),
        Fault::status(502),
        Fault::status(429),
        Fault::cut(),
        Fault::cut().applied(),
        Fault::text("<html>busy</html>"),
        Fault::new(Kind::Truncated),
        Fault::new(Kind::Oversized { bytes: 5_000_000 }),
    ];
    for (n, fault) in passing.into_iter().enumerate() {
        world.tiktok.clear_faults().await.unwrap();
        world.tiktok.fault(fault.next(1)).await.unwrap();
        let response = world.upload(&[adding(&customer, [n])]).await;
        assert_eq!(response.failures, [], "fault {n}");
    }
    assert_eq!(world.members(customer.audience).await, hashes(0..11));
    assert!(world.sent_to(DEAD_LETTERS).is_empty());
}

#[tokio::test]
async fn one_advertisers_trouble_is_that_advertisers_alone() {
    let world = World::new().await;
    let (sick, healthy) = (world.connect("sick").await, world.connect("healthy").await);
    world.tiktok.fault(Fault::status(503).advertiser(sick.advertiser())).await.unwrap();
    let started = Instant::now();
    let response = world.upload(&[adding(&sick, 0..10), adding(&healthy, 0..10)]).await;
    assert_eq!(returned(&response), ["m0"]);
    assert_eq!(world.members(healthy.audience).await, hashes(0..10));
    assert!(started.elapsed() < Duration::from_secs(30), "in-place retries end after 20 s: {:?}", started.elapsed());
    let [(receipt, seconds)] = world.aws.lock().postponed.clone().try_into().unwrap();
    assert!(receipt == "r0" && (22..=30).contains(&seconds), "{receipt} {seconds}");
}

#[tokio::test]
async fn retries_end_before_the_invocation_does() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    world.tiktok.fault(Fault::hang(60_000)).await.unwrap();
    let started = Instant::now();
    let response = world.upload_within(&[adding(&customer, 0..10)], Duration::from_secs(4)).await;
    assert_eq!(returned(&response), ["m0"]);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_only_the_operator_can_mend_is_neither_divided_nor_lost() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    let faults = [
        Fault::code(40113, "app blocked"),
        Fault::code(40118, "not on the allow-list"),
        Fault::status(404),
        Fault::new(Kind::Redirect { location: None }),
    ];
    for fault in faults {
        world.tiktok.clear_faults().await.unwrap();
        world.tiktok.clear_journal().await.unwrap();
        world.tiktok.fault(fault).await.unwrap();
        let response = world.upload(&[adding(&customer, 0..100)]).await;
        assert_eq!(returned(&response), ["m0"]);
        assert_eq!(world.calls(customer.advertiser()).await, 1);
    }
    assert!(world.sent_to(DEAD_LETTERS).is_empty());
    let journal = world.tiktok.journal().await.unwrap();
    assert!(!journal.iter().any(|entry| entry.path.contains("redirected")), "redirects are not followed");
}

#[tokio::test]
async fn with_faults_in_a_third_of_the_calls_the_newest_change_still_wins() {
    let world = World::with(&[("TIKTOK_MAX_ROWS", "100")]).await;
    let customer = world.connect("ann").await;
    world.tiktok.fault(Fault::code(50000, "no").share(0.15)).await.unwrap();
    world.tiktok.fault(Fault::cut().applied().share(0.15)).await.unwrap();
    let audience = [customer.audience];
    // Every fifth user leaves and joins again within the batch, its messages out of order.
    let toggling: Vec<_> = (0..5_000).step_by(5).collect();
    let again: Vec<_> = toggling.iter().map(|user| row(*user, &audience, &[])).collect();
    let away: Vec<_> = toggling.iter().map(|user| row(*user, &[], &audience)).collect();
    let messages = [
        envelope(&customer, 30, &again[..500]),
        adding(&customer, 0..2_500),
        envelope(&customer, 20, &away),
        adding(&customer, 2_500..5_000),
    ];
    assert_eq!(world.upload(&messages).await.failures, []);
    let out: Vec<_> = toggling[500..].to_vec();
    assert_eq!(world.members(customer.audience).await, hashes((0..5_000).filter(|user| !out.contains(user))));
}
