//! Tokens that TikTok refuses: nobody dies in haste, and whoever is accepted again lives.

use std::time::Duration;

use connections::{Record, Refusal, Source};
use sandbox::control::NewGrant;
use secrets::in_memory::Fault as SecretsFault;
use startup::clock::now_ms;

use crate::capture;
use crate::world::{HOUR_MS, MAPPING, QUEUE, Tenant, World, hash, skip};

const GRACE: Duration = Duration::from_hours(1);

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The record says that the token was refused first two hours ago.
fn refused_two_hours_ago(tenant: &Tenant) -> impl FnOnce(&mut Record) {
    let fingerprint = tenant.accepted().fingerprint();
    let account = tenant.connection.account;
    move |record| {
        let first_ms = now_ms() - 2 * HOUR_MS;
        let refusal = Refusal { fingerprint, code: Some(40105), first_ms };
        record.refuse(account, &refusal, first_ms, GRACE, false);
    }
}

#[tokio::test]
async fn a_refused_token_is_asked_about_once_a_minute_and_makes_no_mapping_call_meanwhile() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.tiktok.revoke(&tenant.token).await.unwrap();
    world.says(&tenant, 0, &[tenant.joins(1)]);
    world.invoke().await;
    assert_eq!((world.state(&tenant), world.probes().await), ("refused", 1), "confirmed by a harmless call");
    world.says(&tenant, 1, &[tenant.joins(2)]);
    world.invoke().await;
    assert_eq!(world.probes().await, 1, "not within a minute");
    skip(seconds(130)).await;
    world.invoke().await;
    assert_eq!((world.probes().await, world.calls(&tenant).await.len()), (2, 1));
    assert_eq!((world.state(&tenant), world.letters().len(), world.queued().len()), ("refused", 0, 2));
}

#[tokio::test]
async fn it_is_dead_when_a_harmless_call_confirms_the_refusal_after_the_grace() {
    let world = World::new().await;
    let (tenant, well) = (world.tenant().await, world.tenant().await);
    world.set_record(&tenant, refused_two_hours_ago(&tenant));
    world.tiktok.revoke(&tenant.token).await.unwrap();
    world.says(&well, 0, &[well.joins(1)]);
    let message = world.says(&tenant, 0, &[tenant.joins(1)]);
    assert_eq!(world.invoke().await, [message]);
    assert_eq!((world.state(&tenant), world.probes().await), ("dead", 1));
    assert_eq!((world.letters().len(), world.calls(&tenant).await.len()), (0, 0));
    let line = &capture::lines(
        "a connection is dead: TikTok has refused its token for too long; somebody has to authorize again",
    )[0];
    assert_eq!((&line["advertiser"], &line["code"]), (&tenant.advertiser.clone().into(), &40105.into()));
}

#[tokio::test]
async fn a_dead_connection_whose_token_tiktok_accepts_again_is_active_and_delivers() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.set_record(&tenant, |record| {
        refused_two_hours_ago(&tenant)(record);
        let refusal = Refusal { fingerprint: tenant.accepted().fingerprint(), code: Some(40105), first_ms: 0 };
        record.refuse(tenant.connection.account, &refusal, now_ms(), GRACE, false);
    });
    assert_eq!(world.state(&tenant), "dead");
    world.says(&tenant, 0, &[tenant.joins(1)]);
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!((world.state(&tenant), world.members(&tenant).await), ("active", vec![1]));
    assert_eq!(world.probes().await, 1);
}

#[tokio::test]
async fn a_token_that_tiktok_refused_for_a_while_heals_by_itself() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let fault = world.tiktok.refuse_tokens().await.unwrap();
    world.says(&tenant, 0, &[tenant.joins(1)]);
    world.invoke().await;
    assert_eq!(world.state(&tenant), "refused");
    world.tiktok.clear_fault(fault).await.unwrap();
    world.drain().await;
    assert_eq!((world.state(&tenant), world.members(&tenant).await), ("active", vec![1]));
    assert_eq!(capture::lines("a connection works again: TikTok accepts its token").len(), 1);
}

#[tokio::test]
async fn what_comes_back_finds_what_another_process_wrote_of_its_connection() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.says(&tenant, 0, &[tenant.joins(1)]);
    world.invoke().await;
    // Another process saw TikTok refuse the token, and gave the message back.
    world.set_record(&tenant, refused_two_hours_ago(&tenant));
    world.says(&tenant, 0, &[tenant.joins(2)]);
    assert_eq!(world.sqs.receive(QUEUE, seconds(1)).len(), 1);
    skip(seconds(12)).await;
    world.invoke().await;
    assert_eq!((world.state(&tenant), world.members(&tenant).await), ("active", vec![1, 2]));
}

#[tokio::test]
async fn a_token_that_was_replaced_in_the_record_is_used_at_once() {
    for already_refused in [false, true] {
        let world = World::new().await;
        let tenant = world.tenant().await;
        if already_refused {
            world.set_record(&tenant, refused_two_hours_ago(&tenant));
            world.tiktok.revoke(&tenant.token).await.unwrap();
        }
        world.says(&tenant, 0, &[tenant.joins(1)]);
        world.invoke().await;

        // The record in the cache is some seconds old.
        let token = world.tiktok.token_with(&NewGrant::of(&tenant.person)).await.unwrap().access_token;
        world.hide(&token);
        let renewed = Tenant { token, ..tenant.clone() };
        let mut record = world.record(&tenant);
        record.accept(tenant.connection.account, &renewed.accepted(), Source::Page, now_ms());
        world.secrets.set(&tenant.record_name(), &record.to_json().unwrap());
        if !already_refused {
            world.tiktok.revoke(&tenant.token).await.unwrap();
        }
        world.says(&tenant, 1, &[tenant.joins(2)]);
        if already_refused {
            skip(seconds(130)).await;
        }
        assert_eq!(world.invoke().await, [""; 0]);
        assert_eq!((world.members(&tenant).await, world.state(&tenant)), (vec![1, 2], "active"));
    }
}

#[tokio::test]
async fn the_lanes_of_a_connection_without_a_record_come_back_later_and_later_until_there_is_one() {
    let world = World::new().await;
    let tenant = world.stranger().await;
    let message = world.says(&tenant, 0, &[tenant.joins(1)]);
    let mut delays = Vec::new();
    for _ in 0..5 {
        assert_eq!(world.invoke().await.len(), 1);
        delays.push(world.comes_back_in(&message).as_secs());
        skip(world.comes_back_in(&message) + seconds(1)).await;
    }
    assert!(delays.is_sorted() && delays[4] > 100, "{delays:?}");
    world.set_record(&tenant, |_| {});
    world.drain().await;
    assert_eq!((world.members(&tenant).await, world.letters().len()), (vec![1], 0));
}

#[tokio::test]
async fn while_most_users_are_refused_no_connection_is_dead_and_it_is_the_operators_fault() {
    let world = World::with(|config| config.token_grace = seconds(1)).await;
    let mut tenants = Vec::new();
    for _ in 0..4 {
        tenants.push(world.tenant().await);
    }
    let fault = world.tiktok.refuse_tokens().await.unwrap();
    for tenant in &tenants {
        world.says(tenant, 0, &[tenant.joins(1)]);
    }
    world.invoke().await;
    tokio::time::sleep(seconds(1)).await;
    for _ in 0..2 {
        skip(seconds(130)).await;
        world.invoke().await;
    }
    for tenant in &tenants {
        assert_eq!(world.state(tenant), "refused");
    }
    let lines =
        capture::lines("TikTok refuses the tokens of most TikTok users: no connection is given up while that lasts");
    assert!(lines.len() > 4, "{}", lines.len());
    world.tiktok.clear_fault(fault).await.unwrap();
    world.drain().await;
    for tenant in &tenants {
        assert_eq!((world.members(tenant).await, world.state(tenant)), (vec![1], "active"));
    }
}

#[tokio::test]
async fn a_call_that_is_not_permitted_with_a_token_that_tiktok_accepts_is_divided() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.tiktok.poison(&hash(41), 40001, "No permission").await.unwrap();
    world.says(&tenant, 0, &(0..100).map(|user| tenant.joins(user)).collect::<Vec<_>>());
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!(world.members(&tenant).await.len(), 99);
    let letters = world.letters();
    assert_eq!((world.causes(), letters[0].attributes["code"].as_str()), (vec!["rejected".to_owned()], "40001"));
    assert_eq!((letters[0].rows().len(), world.state(&tenant)), (1, "active"));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_waited_for_and_never_written() {
    let world = World::new().await;
    let (down, damaged) = (world.tenant().await, world.tenant().await);
    world.secrets.set(&damaged.record_name(), "{\"odd\":");
    world.secrets.fail_next("GetSecretValue", SecretsFault::Broken);
    world.says(&down, 0, &[down.joins(1)]);
    world.says(&damaged, 0, &[damaged.joins(1)]);
    world.invoke().await;
    assert_eq!(world.secrets.text(&damaged.record_name()).unwrap(), "{\"odd\":");
    let waiting = capture::lines("changes of a connection wait; its lanes are blocked");
    assert!(waiting.iter().all(|line| line["cause"] == "secrets"), "{waiting:?}");
    world.set_record(&damaged, |_| {});
    world.drain().await;
    assert_eq!((world.members(&down).await, world.members(&damaged).await), (vec![1], vec![1]));
}

#[tokio::test]
async fn a_stranger_to_the_advertiser_is_refused_without_a_mapping_call_that_counts() {
    let world = World::new().await;
    let (tenant, other) = (world.tenant().await, world.tenant().await);
    let stolen = Tenant { token: other.token.clone(), person: other.person.clone(), ..tenant.clone() };
    world.set_record(&stolen, |_| {});
    world.says(&tenant, 0, &[tenant.joins(1)]);
    world.says(&other, 0, &[other.joins(1)]);
    world.invoke().await;
    assert_eq!((world.state(&tenant), world.members(&tenant).await.len()), ("refused", 0));
    assert_eq!(world.members(&other).await, [1]);
    let calls = world.calls(&tenant).await;
    assert!(calls.iter().all(|call| call.path == MAPPING && !call.applied), "{calls:?}");
}
