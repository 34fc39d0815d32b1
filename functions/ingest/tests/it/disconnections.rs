//! Disconnecting an audience deletes it at TikTok, or says in TikTok's words why not; where access is gone it succeeds all the same.

use sandbox::{Fault, RateLimits, Rules};
use secrets::in_memory;
use serde_json::json;

use crate::capture::Counts;
use crate::world::{ACCOUNT, World, direct};

async fn connected() -> (World, String) {
    let world = World::with(Rules { audience_limits: RateLimits::none(), ..Rules::default() }, |_| {}).await;
    let id = world.direct(&world.sender.subscription("add", "New Users", None)).await.audience();
    let request = world.sender.subscription("remove", "New Users", Some(&id));
    (world, request)
}

#[tokio::test]
async fn it_is_deleted_and_asking_again_is_no_error() {
    let (world, request) = connected().await;
    for _ in 0..2 {
        let answer = world.http(&request).await;
        assert_eq!((answer.status, &answer.json["audience_subscription_settings"]), (200, &json!({})));
        assert!(world.audiences().await.is_empty());
    }
}

#[tokio::test]
async fn another_configurations_audience_stays_though_its_id_is_in_the_settings() {
    let (world, _) = connected().await;
    let id = world.audiences().await[0].audience_id.clone();
    let other = world.sender.with_account(ACCOUNT + 1);
    for request in [
        other.subscription("remove", "New Users", Some(&id)),
        world.sender.subscription_of(999, "remove", "Another audience", Some(&id)),
    ] {
        assert_eq!(world.direct(&request).await.status, 200);
        assert_eq!(world.audiences().await.len(), 1);
        assert!(!world.record().unwrap().was_deleted(id.parse().unwrap()));
    }
}

#[tokio::test]
async fn one_that_a_campaign_uses_stays_and_the_customer_is_told() {
    let (world, request) = connected().await;
    let id = world.audiences().await[0].audience_id.clone();
    world.tiktok.set_in_use(&id, true).await.unwrap();
    let answer = world.direct(&request).await;
    assert_eq!((answer.status, answer.code()), (400, "tiktok_refused"));
    assert!(answer.message().contains("is used by an active campaign"), "{}", answer.message());
    assert_eq!(world.audiences().await.len(), 1);
    assert!(!world.record().unwrap().was_deleted(id.parse().unwrap()));
}

#[tokio::test]
async fn a_deletion_that_was_not_answered_is_tried_again_and_remembered() {
    let (world, request) = connected().await;
    let id = world.audiences().await[0].audience_id.parse().unwrap();
    world.tiktok.fault(Fault::status(502).on("/segment/audience/").next(1).applied()).await.unwrap();
    assert_eq!(world.direct(&request).await.status, 200);
    assert!(world.audiences().await.is_empty());
    assert!(world.record().unwrap().was_deleted(id));
}

#[tokio::test]
async fn a_setting_keeps_audiences_at_tiktok() {
    let world = World::with(Rules::default(), |config| config.delete_audience_on_disconnect = false).await;
    let answer = world.direct(&world.sender.subscription("remove", "New Users", Some("77"))).await;
    assert_eq!((answer.status, &answer.json["audience_subscription_settings"]), (200, &json!({})));
    assert_eq!(world.calls("/segment/audience/").await, 0);
}

#[tokio::test]
async fn without_access_it_succeeds_and_is_counted() {
    for gone in ["revoked", "advertiser"] {
        let (world, request) = connected().await;
        if gone == "revoked" {
            world.tiktok.revoke(&world.sender.token).await.unwrap();
        } else {
            world.tiktok.remove_advertiser(&world.sender.advertiser).await.unwrap();
        }
        let counts = Counts::default();
        let _guard = metrics::set_default_local_recorder(&counts);
        let answer = world.direct(&request).await;
        assert_eq!((answer.status, &answer.json["audience_subscription_settings"]), (200, &json!({})), "{gone}");
        assert_eq!(counts.take()["disconnected_without_access"], 1);
    }
}

#[tokio::test]
async fn a_refused_token_gives_way_to_the_one_in_use() {
    let (world, request) = connected().await;
    let newer = world.sender.with_token(&world.second_token().await);
    world.direct(&newer.membership(1)).await;
    world.tiktok.revoke(&world.sender.token).await.unwrap();
    assert_eq!(world.direct(&request).await.status, 200);
    assert!(world.audiences().await.is_empty());
}

#[tokio::test]
async fn a_refused_token_is_answered_503_while_the_one_in_use_cannot_be_read() {
    let (world, request) = connected().await;
    let newer = world.sender.with_token(&world.second_token().await);
    world.direct(&newer.membership(1)).await;
    world.tiktok.revoke(&world.sender.token).await.unwrap();
    world.secrets.set_down(true);
    let answer = direct(&world.other_instance(), &request).await;
    assert_eq!((answer.status, answer.code()), (503, "secrets_unavailable"));
    world.secrets.set_down(false);
    assert_eq!(direct(&world.other_instance(), &request).await.status, 200);
    assert!(world.audiences().await.is_empty());
}

#[tokio::test]
async fn a_record_that_somebody_broke_by_hand_fails_no_disconnection() {
    let (world, request) = connected().await;
    world.tiktok.revoke(&world.sender.token).await.unwrap();
    world.secrets.set(&world.record_name(), "not json");
    assert_eq!(direct(&world.other_instance(), &request).await.status, 200);
}

#[tokio::test]
async fn nobody_deletes_with_a_token_that_does_not_reach_the_advertiser() {
    let (world, _) = connected().await;
    let id = world.audiences().await[0].audience_id.clone();
    let mallory = world.another().await;
    for token in [mallory.token.as_str(), "made-up"] {
        let stranger = world.sender.with_account(666).with_token(token);
        assert_eq!(world.http(&stranger.subscription("remove", "New Users", Some(&id))).await.status, 200);
    }
    assert_eq!(world.audiences().await.len(), 1);
    assert!(!world.record().unwrap().was_deleted(id.parse().unwrap()));
}

#[tokio::test]
async fn a_stranger_who_disconnects_creates_no_record() {
    let world = World::new().await;
    let stranger = world.sender.with_advertiser("7000000000000000009");
    assert_eq!(world.http(&stranger.subscription("remove", "New Users", Some("77"))).await.status, 200);
    assert_eq!(world.secrets.names(), ["firehose"]);
}

#[tokio::test]
async fn a_full_quota_of_secrets_manager_fails_no_disconnection() {
    let (world, request) = connected().await;
    world.secrets.fail_next("PutSecretValue", in_memory::Fault::Refused("LimitExceededException"));
    assert_eq!(world.direct(&request).await.status, 200);
    assert!(world.audiences().await.is_empty());
}

#[tokio::test]
async fn a_deletion_that_could_not_be_noted_is_noted_when_the_request_is_repeated() {
    let (world, request) = connected().await;
    let id = world.audiences().await[0].audience_id.parse().unwrap();
    world.secrets.set_down(true);
    let answer = world.direct(&request).await;
    assert_eq!((answer.status, answer.code()), (503, "secrets_unavailable"));
    world.secrets.set_down(false);
    assert_eq!(world.direct(&request).await.status, 200);
    assert!(world.record().unwrap().was_deleted(id));
}
