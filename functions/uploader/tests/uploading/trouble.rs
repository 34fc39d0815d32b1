//! TikTok in trouble: what waits, for how long, and what is tried meanwhile.

use std::time::Duration;

use sandbox::Fault;

use crate::capture;
use crate::world::{MAPPING, World, hash, skip};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_once_more_at_once() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.tiktok.fault(Fault::cut().on(MAPPING).next(1)).await.unwrap();
    world.says(&tenant, 0, &[tenant.joins(1)]);
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!((world.members(&tenant).await, world.calls(&tenant).await.len()), (vec![1], 2));
}

#[tokio::test]
async fn what_tiktok_fails_at_is_tried_twice_waits_and_is_delivered_later() {
    for fault in [Fault::status(503), Fault::cut(), Fault::text("<html>"), Fault::new(sandbox::fault::Kind::Truncated)]
    {
        let world = World::new().await;
        let tenant = world.tenant().await;
        let fault = world.tiktok.fault(fault.on(MAPPING)).await.unwrap();
        let head = world.says(&tenant, 0, &[tenant.joins(1), tenant.joins(3)]);
        let behind = world.says(&tenant, 0, &[tenant.leaves(1), tenant.joins(2)]);
        assert_eq!(world.invoke().await, [head.clone(), behind.clone()]);
        assert_eq!(world.calls(&tenant).await.len(), 2, "once, and one quick retry");
        assert!(world.comes_back_in(&head) > seconds(4), "{:?}", world.comes_back_in(&head));
        assert_eq!(world.comes_back_in(&behind), Duration::ZERO, "it waits behind the head");
        world.tiktok.clear_fault(fault).await.unwrap();
        world.drain().await;
        assert_eq!((world.members(&tenant).await, world.letters().len()), (vec![2, 3], 0));
    }
}

#[tokio::test]
async fn after_a_longer_outage_lanes_come_back_later_and_later_and_each_time_one_call_is_tried() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let fault = world.tiktok.fault(Fault::cut().on(MAPPING)).await.unwrap();
    let messages: Vec<_> = (0..4).map(|lane| world.says(&tenant, lane, &[tenant.joins(lane.into())])).collect();
    let mut delays = Vec::new();
    for round in 1..=6 {
        world.invoke().await;
        assert_eq!(world.calls(&tenant).await.len(), 2 * round, "a trial and its quick retry");
        let delay = world.comes_back_in(&messages[0]);
        for message in &messages {
            let other = world.comes_back_in(message);
            assert!(other.abs_diff(delay) < seconds(2), "all lanes come back together: {other:?} and {delay:?}");
        }
        delays.push(delay.as_secs());
        skip(delay + seconds(1)).await;
    }
    assert!(delays.is_sorted() && delays[5] > 120, "{delays:?}");
    world.tiktok.clear_fault(fault).await.unwrap();
    world.drain().await;
    assert_eq!(world.members(&tenant).await, [0, 1, 2, 3]);
}

#[tokio::test]
async fn a_trial_that_tiktok_refuses_ends_the_pause_and_is_divided_at_once() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.tiktok.poison(&hash(3), 40002, "a bad id").await.unwrap();
    world.tiktok.fault(Fault::code(40132, "Too many requests").on(MAPPING).next(1)).await.unwrap();
    world.says(&tenant, 0, &(0..8).map(|user| tenant.joins(user)).collect::<Vec<_>>());
    assert_eq!(world.invoke().await.len(), 1);
    skip(seconds(10)).await;
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!(world.members(&tenant).await, [0, 1, 2, 4, 5, 6, 7]);
    assert_eq!(world.causes(), ["rejected"]);
}

#[tokio::test]
async fn an_app_wide_throttle_pauses_everybody_and_is_over_with_one_trial() {
    let world = World::new().await;
    let tenants = [world.tenant().await, world.tenant().await, world.tenant().await];
    let fault = world.tiktok.fault(Fault::code(40100, "Too many requests").on(MAPPING)).await.unwrap();
    world.says(&tenants[0], 0, &[tenants[0].joins(1)]);
    world.invoke().await;
    let all = || async {
        let mut calls = 0;
        for tenant in &tenants {
            calls += world.calls(tenant).await.len();
        }
        calls
    };
    assert_eq!(all().await, 1);
    for tenant in &tenants {
        world.says(tenant, 1, &[tenant.joins(2)]);
    }
    world.invoke().await;
    assert_eq!(all().await, 1, "the pause is everybody's");
    skip(seconds(20)).await;
    world.invoke().await;
    assert_eq!(all().await, 2, "one trial for all");
    world.tiktok.clear_fault(fault).await.unwrap();
    world.drain().await;
    for tenant in &tenants {
        assert!(world.members(tenant).await.contains(&2));
    }
}

#[tokio::test]
async fn the_operators_fault_is_later_for_everybody_and_divides_nothing() {
    for code in [40113, 40118, 40104] {
        let world = World::new().await;
        let tenants = [world.tenant().await, world.tenant().await];
        world.tiktok.fault(Fault::code(code, "The app is blocked.").on(MAPPING)).await.unwrap();
        for tenant in &tenants {
            world.says(tenant, 0, &(0..20).map(|user| tenant.joins(user)).collect::<Vec<_>>());
        }
        assert_eq!(world.invoke().await.len(), 2);
        for tenant in &tenants {
            assert!(world.calls(tenant).await.len() <= 1, "nothing is divided");
            assert_eq!(world.state(tenant), "active");
        }
        assert_eq!((world.letters().len(), world.probes().await), (0, 0));
        let waiting = capture::lines("changes of a connection wait; its lanes are blocked");
        assert!(waiting.iter().all(|line| line["cause"] == "operator"), "{waiting:?}");
    }
}

#[tokio::test]
async fn a_row_that_makes_tiktok_fail_is_found_after_three_failures_and_waits_alone() {
    let world = World::new().await;
    let (ill, well) = (world.tenant().await, world.tenant().await);
    world.tiktok.poison(&hash(3), 50000, "Internal error").await.unwrap();
    let bad = world.says(&ill, 3, &[ill.joins(3)]);
    for user in [0, 1, 2, 4, 5, 6] {
        world.says(&ill, 0, &[ill.joins(user)]);
    }
    for round in 0..6 {
        world.says(&well, 0, &[well.joins(100 + round)]);
        world.invoke().await;
        assert!(world.members(&well).await.contains(&(100 + round)), "the other one is served");
        skip(seconds(400)).await;
    }
    assert_eq!(world.members(&ill).await, [0, 1, 2, 4, 5, 6]);
    assert_eq!((world.queued().len(), world.queued()[0].message_id.as_str()), (1, bad.as_str()));
    assert_eq!(world.letters().len(), 0);
}

#[tokio::test]
async fn dividing_stops_where_tiktok_fails_at_every_part_and_the_connection_pauses() {
    let world = World::new().await;
    let (ill, well) = (world.tenant().await, world.tenant().await);
    world.tiktok.fault(Fault::status(500).on(MAPPING).advertiser(&ill.advertiser)).await.unwrap();
    let head = world.says(&ill, 0, &(0..500).map(|user| ill.joins(user)).collect::<Vec<_>>());
    let (mut calls, mut delay) = (0, Duration::ZERO);
    for round in 0..6 {
        world.says(&well, 0, &[well.joins(100 + round)]);
        world.invoke().await;
        let now = world.calls(&ill).await.len();
        assert!(now - calls <= 20, "{} calls in round {round}", now - calls);
        assert!(world.comes_back_in(&head) > delay.mul_f64(1.5), "{:?}", world.comes_back_in(&head));
        (calls, delay) = (now, world.comes_back_in(&head));
        skip(delay + seconds(1)).await;
    }
    assert!(calls > 16, "it was divided: {calls}");
    assert_eq!((world.members(&ill).await.len(), world.letters().len()), (0, 0));
}

/// After three failures TikTok recovers for one call, which it refuses because of one bad row, and fails again while that call is divided.
#[tokio::test]
async fn a_server_error_while_a_refused_call_is_divided_rejects_no_row() {
    let world = World::new().await;
    let (ill, well) = (world.tenant().await, world.tenant().await);
    let down = || Fault::status(500).on(MAPPING).advertiser(&ill.advertiser);
    let fault = world.tiktok.fault(down()).await.unwrap();
    world.says(&ill, 0, &(0..100).map(|user| ill.joins(user)).collect::<Vec<_>>());
    for round in 0..3 {
        world.says(&well, 0, &[well.joins(100 + round)]);
        world.invoke().await;
        skip(seconds(400)).await;
    }
    world.tiktok.clear_fault(fault).await.unwrap();
    world.tiktok.poison(&hash(3), 40002, "a bad id").await.unwrap();
    let fault = world.tiktok.fault(down().after(1)).await.unwrap();
    world.invoke().await;
    assert_eq!(world.letters().len(), 0, "TikTok refused none of them alone");
    world.tiktok.clear_fault(fault).await.unwrap();
    world.drain().await;
    assert_eq!((world.members(&ill).await.len(), world.causes()), (99, vec!["rejected".to_owned()]));
}

#[tokio::test]
async fn trouble_is_over_when_tiktok_answers_although_it_refuses_all_that_it_is_told() {
    let world = World::new().await;
    let (ill, well) = (world.tenant().await, world.tenant().await);
    let down = || Fault::status(500).on(MAPPING).advertiser(&ill.advertiser);
    let fault = world.tiktok.fault(down()).await.unwrap();
    world.says(&ill, 0, &[ill.joins(1)]);
    for _ in 0..4 {
        world.invoke().await;
        skip(seconds(400)).await;
    }
    world.tiktok.clear_fault(fault).await.unwrap();
    world.tiktok.poison(&hash(1), 40002, "a bad id").await.unwrap();
    world.says(&well, 0, &[well.joins(100)]);
    world.invoke().await;
    assert_eq!((world.causes(), world.members(&well).await), (vec!["rejected".to_owned()], vec![100]));
    let calls = world.calls(&ill).await.len();
    world.tiktok.fault(down()).await.unwrap();
    world.says(&ill, 0, &(2..22).map(|user| ill.joins(user)).collect::<Vec<_>>());
    world.invoke().await;
    assert_eq!(world.calls(&ill).await.len() - calls, 2, "it is the first failure: nothing is divided");
}

#[tokio::test]
async fn a_call_whose_second_try_waits_for_its_turn_is_not_made_when_the_connection_stops_meanwhile() {
    let world = World::with(|config| {
        config.calls_per_second = 2.0;
        config.limits.rows = 1;
    })
    .await;
    let tenant = world.tenant().await;
    world.tiktok.fault(Fault::status(500).on(MAPPING).after(1).next(1)).await.unwrap();
    world.tiktok.fault(Fault::code(40132, "Too many requests").on(MAPPING).after(1)).await.unwrap();
    world.says(&tenant, 0, &(0..5).map(|user| tenant.joins(user)).collect::<Vec<_>>());
    world.invoke().await;
    assert_eq!(
        world.calls(&tenant).await.len(),
        3,
        "one is delivered, TikTok fails at one, and the next one stops all"
    );
}
