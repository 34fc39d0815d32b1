//! What the authorisation does to advertisers that are connected already.

use std::time::Duration;

use ids::TokenFingerprint;
use serde_json::{Value, json};

use crate::support::{Account, CALLBACK, TOKEN, World, account, refused};

fn token(name: &str, user: &str, dead: bool) -> Value {
    let dead = dead.then(|| json!({"at_ms": 2, "why": "40105"}));
    json!({"token": name, "source": "firehose", "user": user, "first_seen_ms": 1, "verified_ms": 1, "dead": dead})
}

fn connect(world: &World, advertiser: u64, tokens: &[Value]) {
    let record = json!({"version": 1, "tokens": tokens}).to_string();
    world.vault.lock().unwrap().insert(format!("audiences/advertiser/{advertiser}"), record);
}

/// The new token in the record, if it is there.
fn entry(world: &World, advertiser: u64) -> Option<Value> {
    let record: Value = serde_json::from_str(&world.stored(advertiser)?).unwrap();
    record["tokens"].as_array().unwrap().iter().find(|entry| entry["token"] == TOKEN).cloned()
}

#[tokio::test]
async fn a_stopped_connection_of_the_same_user_flows_again() {
    let world = World::granting(&[account(7001, "Northwind"), account(7002, "Contoso")], &[3]).await;
    connect(&world, 7001, &[token("old", "ann", true)]);
    let page = world.get(CALLBACK).await;
    page.says("1 of 2 accounts: connected again").says("flow again by themselves");
    let new = entry(&world, 7001).unwrap();
    assert_eq!((&new["source"], &new["user"]), (&json!("authorisation"), &json!("ann")));
    assert!(new["verified_ms"].is_i64());
    assert_eq!(new["fingerprint"], TokenFingerprint::of(TOKEN).to_string());
    assert_eq!(world.stored(7002), None);
}

#[tokio::test]
async fn a_stopped_connection_of_another_user_needs_pasting() {
    let world = World::granting(&[account(7001, "Northwind")], &[3]).await;
    connect(&world, 7001, &[token("theirs", "bob", true)]);
    world
        .get(CALLBACK)
        .await
        .says("still needs a new token")
        .says("paste the new token")
        .keeps_quiet_about("connected again");
    assert!(entry(&world, 7001).is_some());
}

#[tokio::test]
async fn a_living_connection_gets_the_token_and_no_notice() {
    let world = World::granting(&[account(7001, "Northwind")], &[3]).await;
    connect(&world, 7001, &[token("old", "ann", false)]);
    world.get(CALLBACK).await.keeps_quiet_about("class=\"notice");
    assert!(entry(&world, 7001).is_some());
}

#[tokio::test]
async fn a_token_that_may_not_manage_audiences_displaces_nothing() {
    let analyst = Account { probe: 40001, ..account(7001, "Northwind") };
    for (accounts, scopes) in [([analyst], [3]), ([account(7001, "Northwind")], [30])] {
        let world = World::granting(&accounts, &scopes).await;
        connect(&world, 7001, &[token("old", "ann", false)]);
        let before = world.stored(7001);
        world.get(CALLBACK).await.says("onnected, and left as it was").says("keeps the token that it has");
        assert_eq!(world.stored(7001), before);
    }
}

#[tokio::test]
async fn a_full_record_takes_the_token_only_if_that_costs_nobody_else() {
    // Whether mine and theirs are dead; whether mine flows again, the new one is stored, something has to be pasted.
    let table = [
        (true, true, [true, true, true]),
        (true, false, [false, true, true]),
        (false, true, [false, false, true]),
        (false, false, [false, false, false]),
    ];
    for (mine, theirs, expected) in table {
        let world = World::granting(&[account(7001, "Northwind")], &[3]).await;
        let others = [token("c", "cy", false), token("d", "dee", false)];
        connect(&world, 7001, &[&[token("mine", "ann", mine), token("theirs", "bob", theirs)][..], &others].concat());
        let page = world.get(CALLBACK).await;
        let says = |text: &str| page.html.contains(text);
        let got = [says("Connected again"), entry(&world, 7001).is_some(), says("onnection still needs a new token")];
        assert_eq!(got, expected, "{mine} {theirs}");
    }
}

#[tokio::test]
async fn the_token_heals_nobody_while_its_user_is_unknown() {
    let world = World::new().await;
    world.answer("GET", "/user/info/", refused(50000, "trouble")).await;
    world.exchange(crate::support::granted(&[account(7001, "")], &[3])).await;
    let page = json!({"list": [], "page_info": {"total_page": 0}});
    world.answer("GET", "/dmp/custom_audience/list/", crate::support::done(&page)).await;
    connect(&world, 7001, &[token("old", "ann", true)]);
    world.get(CALLBACK).await.says(TOKEN).says("still needs a new token");
    assert_eq!(entry(&world, 7001).unwrap()["user"], Value::Null);
}

#[tokio::test]
async fn connected_accounts_are_looked_at_before_all_others() {
    let accounts: Vec<_> = (1..=60).map(|n| account(7000 + n, &format!("Franchise {n:03}"))).collect();
    let world = World::granting(&accounts, &[3]).await;
    for n in 36..=60 {
        connect(&world, 7000 + n, &[token("old", "ann", true)]);
    }
    world.get(CALLBACK).await.says("25 of 60 accounts: connected again");
    assert_eq!(world.calls("/dmp/custom_audience/list/").await, 25);
}

#[tokio::test]
async fn a_connection_for_which_there_is_no_time_is_not_passed_over() {
    let mut world = World::granting(&[account(7001, "Northwind"), account(7002, "Contoso")], &[3]).await;
    world.config.patience.checks = Duration::from_secs(2);
    world.config.patience.pace = Duration::from_mins(1);
    for (advertiser, dead) in [(7001, false), (7002, true)] {
        connect(&world, advertiser, &[token("old", "ann", dead)]);
    }
    let page = world.get(CALLBACK).await;
    page.says("1 of 2 accounts: connected again")
        .says("1 of 2 accounts: connected, but the new token could not be saved");
    assert!(entry(&world, 7002).is_some(), "the stopped one comes first");
    assert_eq!(entry(&world, 7001), None);
}
