//! Tokens belong to those who brought them: what others type spoils nothing, and what died is healed by its own user alone.

use std::time::Duration;

use ids::TokenFingerprint;
use secrecy::SecretString;
use secrets::{Record, Secrets, Source};
use serde_json::json;

use crate::world::{ADVERTISER, TOKEN, World, direct, membership, subscription};

/// Changes the record as the uploader or the authorisation page would.
async fn change(world: &World, change: impl Fn(&mut Record)) {
    let secrets = Secrets::new(world.cloud.secrets_manager(), "test/advertiser/".to_owned(), Duration::ZERO);
    secrets.update(ADVERTISER.parse().unwrap(), change).await.unwrap();
}

fn verified(token: &str, user: &str, at_ms: i64) -> impl Fn(&mut Record) {
    let (token, user) = (SecretString::from(token), user.to_owned());
    move |record| record.verify(&token, Source::Authorisation, Some(&user), at_ms)
}

fn dead(token: &str) -> impl Fn(&mut Record) {
    let fingerprint = TokenFingerprint::of(token);
    move |record| record.bury(fingerprint, "40105 revoked", 99)
}

/// Whether an instance with empty caches asks mParticle to suspend the connection made with `token`; its change is queued either way.
async fn suspended(world: &World, token: &str) -> bool {
    let before = world.queued_rows().len();
    let answer = direct(&world.other_instance(), &membership(token, 1)).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_eq!(world.queued_rows().len(), before + 1);
    answer.json["suspend_subscription"].as_bool().unwrap()
}

fn tokens(world: &World) -> Vec<String> {
    let record = world.record().unwrap();
    let tokens = record["tokens"].as_array().unwrap();
    tokens.iter().map(|token| token["token"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_token_is_written_once_and_then_costs_no_call() {
    let world = World::new().await;
    assert_eq!(world.direct(&membership(TOKEN, 1)).await.json["suspend_subscription"], false);
    let calls = world.cloud.with(|state| (state.secret_reads, state.secret_writes));
    assert_eq!(calls.1, 1);
    for _ in 0..5 {
        world.direct(&membership(TOKEN, 1)).await;
    }
    assert_eq!(world.cloud.with(|state| (state.secret_reads, state.secret_writes)), calls);
    assert!(!suspended(&world, TOKEN).await);
    assert_eq!(world.cloud.with(|state| (state.secret_reads, state.secret_writes)), (calls.0 + 1, 1));
    assert!(world.record().unwrap()["tokens"][0]["verified_ms"].is_null(), "nobody vouches for it yet");
}

#[tokio::test]
async fn a_bogus_token_for_someone_elses_advertiser_changes_nothing_for_the_rightful_one() {
    let world = World::new().await;
    assert_eq!(world.direct(&subscription(TOKEN, "add", "New Users", None)).await.status, 200);
    let rightful = world.record().unwrap()["tokens"][0].clone();
    for n in 0..6 {
        assert!(!suspended(&world, &format!("bogus-{n}")).await, "it has not been tried yet");
    }
    change(&world, dead("bogus-5")).await;
    assert!(suspended(&world, "bogus-5").await);
    assert!(!suspended(&world, TOKEN).await);
    assert_eq!(world.record().unwrap()["tokens"][0], rightful);
    assert_eq!(tokens(&world).len(), 4);
}

#[tokio::test]
async fn a_valid_token_that_does_not_reach_the_advertiser_gets_nothing_of_it() {
    let world = World::new().await;
    let elsewhere = vec!["7000000000000000002".to_owned()];
    world.tiktok.with(|state| state.grants.push(("token-of-mallory".to_owned(), "mallory".to_owned(), elsewhere)));
    for action in ["add", "update", "remove"] {
        let answer = world.http(&subscription("token-of-mallory", action, "New Users", Some(77))).await;
        assert_eq!((answer.status, &answer.json["error"]["code"]), (400, &json!("token_refused")), "{action}");
    }
    assert_eq!(world.record(), None);
    assert_eq!(world.tiktok.with(|state| state.audiences.len()), 0);
}

#[tokio::test]
async fn two_tokens_of_one_advertiser_live_and_die_apart() {
    let world = World::new().await;
    change(&world, verified(TOKEN, "ann", 1)).await;
    change(&world, verified("token-of-bob", "bob", 2)).await;
    change(&world, dead("token-of-bob")).await;
    assert!(!suspended(&world, TOKEN).await);
    assert!(suspended(&world, "token-of-bob").await);
}

#[tokio::test]
async fn a_former_agency_is_not_healed_by_its_client_but_by_itself() {
    let world = World::new().await;
    change(&world, verified("token-of-agency", "agency", 1)).await;
    change(&world, dead("token-of-agency")).await;
    change(&world, verified("token-of-client", "client", 2)).await;
    assert!(suspended(&world, "token-of-agency").await);
    change(&world, verified("second-token-of-agency", "agency", 3)).await;
    assert!(!suspended(&world, "token-of-agency").await, "the same person authorised again");
}

#[tokio::test]
async fn a_new_token_ends_the_suspension() {
    let world = World::new().await;
    change(&world, verified(TOKEN, "ann", 1)).await;
    change(&world, dead(TOKEN)).await;
    assert!(suspended(&world, TOKEN).await);
    assert!(!suspended(&world, "newer-token-of-ann").await);

    assert_eq!(world.direct(&subscription(TOKEN, "update", "New Users", Some(77))).await.status, 200);
    assert!(!suspended(&world, TOKEN).await, "TikTok accepts it again");
}

#[tokio::test]
async fn two_instances_that_see_two_new_tokens_at_once_keep_both() {
    let world = World::new().await;
    let [one, other] = [world.other_instance(), world.other_instance()];
    let [mine, yours] = [membership("mine", 1), membership("yours", 1)];
    let (first, second) = tokio::join!(direct(&one, &mine), direct(&other, &yours));
    assert_eq!((first.status, second.status), (200, 200));
    let mut both = tokens(&world);
    both.sort_unstable();
    assert_eq!(both, ["mine", "yours"]);
}

#[tokio::test]
async fn a_record_that_somebody_broke_by_hand_is_mended() {
    for nonsense in ["", "not json", "[]", r#"{"tokens": [7, {"token": 5}]}"#] {
        let world = World::new().await;
        world.cloud.with(|state| state.secrets.insert(format!("test/advertiser/{ADVERTISER}"), nonsense.to_owned()));
        assert!(!suspended(&world, TOKEN).await);
        assert_eq!(tokens(&world), [TOKEN], "{nonsense}");
    }
}

#[tokio::test]
async fn a_record_full_of_verified_tokens_takes_no_other_and_costs_no_calls() {
    let world = World::new().await;
    for n in 0..4 {
        change(&world, verified(&format!("verified-{n}"), &format!("user-{n}"), n)).await;
    }
    let before = world.cloud.with(|state| (state.secret_reads, state.secret_writes));
    for _ in 0..5 {
        assert_eq!(world.direct(&membership("one-more", 1)).await.json["suspend_subscription"], true);
    }
    assert_eq!(world.cloud.with(|state| (state.secret_reads, state.secret_writes)), (before.0 + 1, before.1));
    assert_eq!(world.queued_rows().len(), 5);

    let reaches = vec![ADVERTISER.to_owned()];
    world.tiktok.with(|state| state.grants.push(("one-more".to_owned(), "eve".to_owned(), reaches)));
    assert_eq!(world.direct(&subscription("one-more", "add", "New Users", None)).await.status, 200);
    assert!(!suspended(&world, "one-more").await, "TikTok accepts it, so it finds room");
}

#[tokio::test]
async fn a_token_that_cannot_be_kept_is_for_mparticle_to_send_again() {
    let world = World::new().await;
    world.cloud.with(|state| state.secrets_down = true);
    let answer = world.direct(&membership(TOKEN, 1)).await;
    assert_eq!((answer.status, &answer.json["error"]["code"]), (503, &json!("secrets_unavailable")));
    assert!(world.queued_rows().is_empty());

    world.cloud.with(|state| state.secrets_down = false);
    assert_eq!(world.direct(&membership(TOKEN, 1)).await.status, 200);
    world.cloud.with(|state| state.secrets_down = true);
    assert_eq!(world.direct(&membership(TOKEN, 1)).await.status, 200, "a known token needs no call");
}
