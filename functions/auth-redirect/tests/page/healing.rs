//! What the authorization does to connections that there are already.

use std::time::Duration;

use ids::TokenFingerprint;
use sandbox::Fault;
use sandbox::control::{AdvertiserChange, NewGrant};
use sandbox::world::{Person, Role};
use secrets::in_memory::Fault as AwsFault;

use crate::world::{AUDIENCE, World, number};

/// A person with one account, whose connection 123 has a token of this person's.
async fn connected(names: &[&str]) -> (World, Person, String) {
    let world = World::new().await;
    let person = world.person(names).await;
    let token = world.tiktok.token(&person.key).await.unwrap().access_token;
    for id in &person.advertisers {
        world.connect(id, 123, &token, &person.core_user_id);
    }
    (world, person, token)
}

#[tokio::test]
async fn a_refused_token_of_the_same_login_is_replaced() {
    for (stopped, dead) in [(false, false), (true, false), (true, true)] {
        let (world, person, token) = connected(&["Northwind"]).await;
        let id = &person.advertisers[0];
        if stopped {
            world.stop(id, 123, dead);
        }
        world.tiktok.revoke(&token).await.unwrap();
        let page = world.authorize(&person).await;
        assert_eq!(world.connection(id, 123), ("active", TokenFingerprint::of(&page.token())), "{stopped} {dead}");
        assert_eq!(world.record(id).unwrap().get(number(123)).unwrap().source.word(), "page");
        if dead {
            page.says("Connected again; now resume it in mParticle").says("choose Resume").says("wait 24 hours");
        } else {
            page.says("Connected again").says("sent to TikTok by themselves").does_not_say("resume");
        }
    }
}

#[tokio::test]
async fn where_a_connection_works_again_the_steps_are_for_another_one() {
    for disabled in [false, true] {
        let (world, person, token) = connected(&["One", "Two"]).await;
        world.tiktok.revoke(&token).await.unwrap();
        if disabled {
            let change = AdvertiserChange { status: Some("STATUS_DISABLE".to_owned()), ..AdvertiserChange::default() };
            for id in &person.advertisers {
                world.tiktok.change_advertiser(id, &change).await.unwrap();
            }
        }
        let page = world.authorize(&person).await;
        let heading = if disabled { "The token is ready, but no account is yet" } else { "2 connections work again" };
        page.says(heading).says("Paste nothing into a connection that works again").says("need not paste anything");
        page.says("In mParticle, for another connection").does_not_say("go from here into mParticle");
    }
    let (world, person, _) = connected(&["Living"]).await;
    let page = world.authorize(&person).await;
    page.says("go from here into mParticle").says("</span>In mParticle</h2>").does_not_say("Paste nothing");
}

#[tokio::test]
async fn a_living_token_stays() {
    let (world, person, token) = connected(&["Northwind"]).await;
    let page = world.authorize(&person).await;
    page.does_not_say("class=\"notice").says("mParticle configuration 123: works.");
    assert_eq!(world.connection(&person.advertisers[0], 123), ("active", TokenFingerprint::of(&token)));
    assert_eq!(world.aws.calls("PutSecretValue"), 0);
}

#[tokio::test]
async fn a_token_that_tiktok_accepts_again_is_revived() {
    let (world, person, token) = connected(&["Northwind"]).await;
    let id = &person.advertisers[0];
    world.stop(id, 123, true);
    world.authorize(&person).await.says("now resume it in mParticle");
    assert_eq!(world.connection(id, 123), ("active", TokenFingerprint::of(&token)));
}

#[tokio::test]
async fn connections_of_another_login_are_never_touched() {
    let (world, person, token) = connected(&["Northwind"]).await;
    let id = &person.advertisers[0];
    world.tiktok.revoke(&token).await.unwrap();
    world.stop(id, 123, true);
    let before = world.record(id);
    let colleague = world.login("Cole", Role::Admin, &person.advertisers).await;
    let page = world.authorize(&colleague).await;
    page.says("A connection of another TikTok login is stopped").says("Ask that person to authorize again");
    page.says("stopped; another TikTok login authorized it").does_not_say("onnected again");
    assert_eq!(world.record(id), before);
    let of_stored = TokenFingerprint::of(&token).to_string();
    let asked = world.tiktok.journal().await.unwrap();
    assert!(asked.iter().all(|call| call.token.as_ref().is_none_or(|token| !of_stored.starts_with(token.as_str()))));
}

#[tokio::test]
async fn one_token_of_many_accounts_is_asked_about_once() {
    let (world, person, token) = connected(&["One", "Two", "Three", "Four", "Five", "Six"]).await;
    world.tiktok.revoke(&token).await.unwrap();
    let page = world.authorize(&person).await;
    page.says("All 6 accounts: connected again");
    let new = TokenFingerprint::of(&page.token());
    assert!(person.advertisers.iter().all(|id| world.connection(id, 123) == ("active", new)));
    assert_eq!(world.calls("/user/info/").await, 2, "the new token's and the stored one's");
}

#[tokio::test]
async fn an_account_that_the_stored_token_lost_is_healed_alone() {
    let (world, person, token) = connected(&["One", "Two"]).await;
    let [one, two] = [&person.advertisers[0], &person.advertisers[1]];
    let narrow = world.tiktok.token_with(&NewGrant::of(&person.key).advertisers(&[one])).await.unwrap().access_token;
    for id in [one, two] {
        world.connect(id, 123, &narrow, &person.core_user_id);
    }
    let page = world.authorize(&person).await;
    assert_eq!(world.connection(one, 123), ("active", TokenFingerprint::of(&narrow)));
    assert_eq!(world.connection(two, 123), ("active", TokenFingerprint::of(&page.token())));
    assert_ne!(token, narrow);
}

#[tokio::test]
async fn a_token_without_the_permission_replaces_nothing() {
    let (world, person, token) = connected(&["Northwind"]).await;
    let id = &person.advertisers[0];
    world.tiktok.revoke(&token).await.unwrap();
    world.stop(id, 123, false);
    let before = world.record(id);
    let page = world.authorize_with(&NewGrant::of(&person.key).scopes(&[1, 4])).await;
    page.says("A connection is still stopped").says("nothing got worse");
    assert_eq!(world.record(id), before);
}

#[tokio::test]
async fn without_knowing_whose_the_token_is_no_connection_changes() {
    let (world, person, token) = connected(&["Northwind"]).await;
    let id = &person.advertisers[0];
    world.tiktok.revoke(&token).await.unwrap();
    world.stop(id, 123, false);
    let before = world.record(id);
    world.tiktok.fault(Fault::code(50_000, "trouble").on("/user/info/")).await.unwrap();
    world.authorize(&person).await.says("A stopped connection is not healed yet");
    assert_eq!(world.record(id), before);
}

#[tokio::test]
async fn a_token_that_cannot_be_saved_is_said_to_be_pasted() {
    let (world, person, token) = connected(&["Northwind"]).await;
    let id = &person.advertisers[0];
    world.tiktok.revoke(&token).await.unwrap();
    world.stop(id, 123, true);
    world.aws.fail_next("PutSecretValue", AwsFault::Refused("LimitExceededException"));
    let page = world.authorize(&person).await;
    page.says("the new token could not be saved").says("paste the new token").does_not_say("onnected again");
    assert_eq!(page.token().len(), 40);
}

#[tokio::test]
async fn all_calls_of_an_authorization_keep_the_pace() {
    let (mut world, person, token) = connected(&["One", "Two", "Three", "Four"]).await;
    // Calls that arrive late are no matter of this test.
    world.config.time_limits.checks = Duration::from_mins(5);
    world.tiktok.revoke(&token).await.unwrap();
    world.authorize(&person).await;
    let calls = world.tiktok.journal().await.unwrap();
    let (exchange, probes) = calls.split_at(4);
    assert!(probes.len() > 6, "{} calls", probes.len());
    for (before, call) in (0..).zip(probes) {
        // The pace begins after the exchange arrived, so a call that arrives late only makes this easier.
        let seconds = (call.at_ms - exchange[0].at_ms) / 1_000;
        assert!(before <= seconds + 5, "{before} calls before one after {seconds} s");
    }
    assert!(world.calls(AUDIENCE).await >= 4);
}
