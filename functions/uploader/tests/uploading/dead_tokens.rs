//! Tokens that die: confirmed, marked, healed by the same user's and by no other's, and nobody else's trouble.

use ids::TokenFingerprint;
use sandbox::Fault;
use sandbox::control::NewGrant;

use crate::world::{DEAD_LETTERS, World, adding, envelope, hashes, message, returned, row};
use std::time::Duration;

#[tokio::test]
async fn one_revoked_advertiser_among_five_waits_and_the_others_do_not() {
    let world = World::new().await;
    let mut customers = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        customers.push(world.connect(name).await);
    }
    world.tiktok.revoke(customers[2].token()).await.unwrap();
    let messages: Vec<_> = customers.iter().map(|customer| adding(customer, 0..50)).collect();
    assert_eq!(returned(&world.upload(&messages).await), ["m2"]);
    for (n, customer) in customers.iter().enumerate() {
        let expected = if n == 2 { hashes([]) } else { hashes(0..50) };
        assert_eq!(world.members(customer.audience).await, expected, "{n}");
    }
    let dead = &world.stored(customers[2].advertiser())["tokens"][0]["dead"];
    assert!(dead["why"].as_str().unwrap().contains("40105") && dead["at_ms"].is_i64(), "{dead}");

    world.tiktok.clear_journal().await.unwrap();
    let again = vec![message(0, &messages[2], &serde_json::json!({"ApproximateReceiveCount": "9"}))];
    assert_eq!(returned(&world.deliver(&again, Duration::from_mins(1)).await), ["m0"]);
    assert_eq!(world.tiktok.journal().await.unwrap().len(), 0, "no more calls for it");
    let seconds = world.aws.lock().postponed.last().unwrap().1;
    assert!((200..=300).contains(&seconds), "every few minutes: {seconds}");
    assert!(world.sent_to(DEAD_LETTERS).is_empty());
}

#[tokio::test]
async fn a_refusal_that_a_harmless_call_does_not_confirm_kills_no_token() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    world.tiktok.fault(Fault::code(40105, "invalid").on("/segment/mapping/")).await.unwrap();
    assert_eq!(returned(&world.upload(&[adding(&customer, 0..5)]).await), ["m0"]);
    assert!(world.stored(customer.advertiser())["tokens"][0]["dead"].is_null());
}

#[tokio::test]
async fn a_newer_token_of_the_same_user_heals_within_the_invocation() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    let newer = world.tiktok.token(&customer.customer.person.key).await.unwrap();
    let advertiser = customer.advertiser();
    world.record(advertiser, &[(customer.token(), Some("ann"), true), (&newer.access_token, Some("ann"), true)]);
    world.tiktok.revoke(customer.token()).await.unwrap();
    assert_eq!(world.upload(&[adding(&customer, 0..5)]).await.failures, []);
    assert_eq!(world.members(customer.audience).await, hashes(0..5));
}

#[tokio::test]
async fn a_former_agency_does_not_ride_on_its_clients_new_token() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    let newer = world.tiktok.token(&customer.customer.person.key).await.unwrap();
    let advertiser = customer.advertiser();
    world.record(advertiser, &[(customer.token(), Some("agency"), true), (&newer.access_token, Some("ann"), true)]);
    world.tiktok.revoke(customer.token()).await.unwrap();
    assert_eq!(returned(&world.upload(&[adding(&customer, 0..5)]).await), ["m0"]);
    assert_eq!(world.members(customer.audience).await, hashes([]));
}

#[tokio::test]
async fn a_bogus_token_for_somebody_elses_advertiser_spoils_only_its_own_connection() {
    let world = World::new().await;
    let rightful = world.connect("ann").await;
    let bogus = "bogus-token";
    let advertiser = rightful.advertiser();
    world.record(advertiser, &[(rightful.token(), Some("ann"), true), (bogus, None, false)]);
    // Newer than the rightful change, and about the same user and audience.
    let hostile = envelope(&rightful, 99, &[row(1, &[], &[rightful.audience])])
        .replace(&TokenFingerprint::of(rightful.token()).to_string(), &TokenFingerprint::of(bogus).to_string());
    let response = world.upload(&[adding(&rightful, [1]), hostile]).await;
    assert_eq!(returned(&response), ["m1"]);
    assert_eq!(world.members(rightful.audience).await, hashes([1]));
    let stored = world.stored(advertiser);
    assert!(stored["tokens"][0]["dead"].is_null() && !stored["tokens"][1]["dead"].is_null(), "{stored}");
}

#[tokio::test]
async fn a_token_that_tiktok_accepts_is_noted_as_verified_with_its_user() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    world.record(customer.advertiser(), &[(customer.token(), None, false)]);
    assert_eq!(world.upload(&[adding(&customer, 0..5)]).await.failures, []);
    let token = &world.stored(customer.advertiser())["tokens"][0];
    assert!(token["verified_ms"].is_i64() && token["user"].is_string(), "{token}");
}

#[tokio::test]
async fn an_analysts_token_is_dead_for_the_advertiser() {
    let world = World::new().await;
    let customer = world.connect("ann").await;
    let analyst = NewGrant::of(&customer.customer.person.key).scopes(&[1]);
    let token = world.tiktok.token_with(&analyst).await.unwrap();
    world.record(customer.advertiser(), &[(&token.access_token, None, false)]);
    let message = adding(&customer, 0..5).replace(
        &TokenFingerprint::of(customer.token()).to_string(),
        &TokenFingerprint::of(&token.access_token).to_string(),
    );
    assert_eq!(returned(&world.upload(&[message]).await), ["m0"]);
    assert!(!world.stored(customer.advertiser())["tokens"][0]["dead"].is_null());
}
