//! Disconnecting an audience deletes it at TikTok, or says in TikTok's words why not.

use serde_json::json;

use crate::tiktok::{Audience, Fault};
use crate::world::{ADVERTISER, TOKEN, World, subscription};

async fn connected() -> (World, String) {
    let world = World::new().await;
    let advertiser = ADVERTISER.to_owned();
    let audience = Audience { id: 77, advertiser, name: "New Users [mp-456]".to_owned(), kind: "Partner Audience" };
    world.tiktok.with(|state| state.audiences.push(audience));
    (world, subscription(TOKEN, "remove", "New Users", Some(77)))
}

fn left(world: &World) -> usize {
    world.tiktok.with(|state| state.audiences.len())
}

#[tokio::test]
async fn it_is_deleted_and_asking_again_is_no_error() {
    let (world, request) = connected().await;
    for _ in 0..2 {
        let answer = world.http(&request).await;
        assert_eq!((answer.status, &answer.json["audience_subscription_settings"]), (200, &json!({})));
        assert_eq!(left(&world), 0);
    }
}

#[tokio::test]
async fn one_that_a_campaign_uses_stays_and_the_customer_is_told() {
    let (world, request) = connected().await;
    world.tiktok.with(|state| state.in_use.push(77));
    let answer = world.direct(&request).await;
    assert_eq!((answer.status, &answer.json["error"]["code"]), (400, &json!("tiktok_refused")));
    let words = "refused by TikTok code 40002: The audience is used by an active ad group. (request_id req-1)";
    assert_eq!(answer.json["error"]["message"], words);
    assert_eq!(left(&world), 1);
}

#[tokio::test]
async fn a_deletion_that_was_not_answered_is_tried_again() {
    let (world, request) = connected().await;
    world.tiktok.with(|state| state.faults.push_back(("/segment/audience/", Fault::AnswerLost)));
    assert_eq!(world.direct(&request).await.status, 200);
    assert_eq!(left(&world), 0);
}

#[tokio::test]
async fn a_setting_keeps_audiences_at_tiktok() {
    let world = World::with(|config| config.delete_audience_on_disconnect = false).await;
    let answer = world.direct(&subscription(TOKEN, "remove", "New Users", Some(77))).await;
    assert_eq!((answer.status, &answer.json["audience_subscription_settings"]), (200, &json!({})));
    assert_eq!(world.tiktok.with(|state| state.calls.len()), 0);
}

#[tokio::test]
async fn nobody_deletes_with_a_token_that_does_not_reach_the_advertiser() {
    let (world, _) = connected().await;
    let elsewhere = vec!["7000000000000000002".to_owned()];
    world.tiktok.with(|state| state.grants.push(("token-of-mallory".to_owned(), "mallory".to_owned(), elsewhere)));
    for token in ["token-of-mallory", "made-up"] {
        let answer = world.http(&subscription(token, "remove", "New Users", Some(77))).await;
        assert_eq!((answer.status, &answer.json["error"]["code"]), (400, &json!("token_refused")), "{token}");
        assert_eq!(answer.json["error"]["field"], "account.account_settings.tiktokAccessToken");
    }
    assert_eq!((left(&world), world.record()), (1, None));
}
