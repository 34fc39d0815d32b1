//! A token that a connection does not know yet: when it takes the place of the one in use.

use connections::State;
use ids::TokenFingerprint;
use sandbox::{RateLimits, Rules};
use secrets::in_memory::Fault;

use crate::capture::{Counts, heard, listen};
use crate::connections::{account, call_dead, calls, connected, state};
use crate::world::{World, direct};

#[tokio::test]
async fn a_refused_token_is_asked_about_once_a_minute_and_suspends_nobody() {
    let world = connected().await;
    let wrong = world.sender.with_token("wrong-one");
    let before = calls(&world).await;
    let counts = Counts::default();
    let _guard = metrics::set_default_local_recorder(&counts);
    for _ in 0..5 {
        assert!(!world.direct(&wrong.membership(1)).await.suspend());
    }
    assert_eq!(calls(&world).await, before + 1);
    let counted = counts.take();
    assert_eq!((&counted["token_probes outcome=refused"], &counted["refused_new_tokens"]), (&1.into(), &1.into()));
    assert!(!world.direct(&world.sender.membership(1)).await.suspend());
    assert_eq!(state(&world), Some(State::Active));
}

#[tokio::test]
async fn a_pasted_new_token_takes_the_place_of_the_old_and_the_old_one_then_changes_nothing() {
    let world = connected().await;
    let newer = world.sender.with_token(&world.second_token().await);
    world.direct(&newer.membership(1)).await;
    assert_eq!(world.record().unwrap().get(account()).unwrap().fingerprint, TokenFingerprint::of(&newer.token));
    let before = calls(&world).await;
    world.direct(&world.sender.membership(1)).await;
    assert_eq!(world.record().unwrap().get(account()).unwrap().fingerprint, TokenFingerprint::of(&newer.token));
    assert_eq!(calls(&world).await, before, "a replaced token beside a living one is not asked about");
}

#[tokio::test]
async fn a_token_that_may_not_change_audiences_connects_nothing_and_takes_no_living_ones_place() {
    let world = World::with(Rules { analyst_reads_audiences: true, ..Rules::default() }, |_| ()).await;
    direct(&world.other_instance(), &world.sender.membership(1)).await;
    let audience = world.direct(&world.sender.subscription("add", "New Users", None)).await.audience();
    let analyst = world.sender.with_token(&world.token_of_an_analyst().await);
    let subscriptions =
        [("add", "Others", None), ("add", "New Users", None), ("update", "New Users", Some(&*audience))];
    for (action, name, kept) in subscriptions {
        let answer = world.direct(&analyst.subscription(action, name, kept)).await;
        assert_eq!((answer.status, answer.code()), (400, "token_refused"), "{action} {name}");
    }
    assert_eq!(world.record().unwrap().get(account()).unwrap().fingerprint, TokenFingerprint::of(&world.sender.token));
}

#[tokio::test]
async fn nor_does_one_that_a_message_brings() {
    let world = connected().await;
    let analyst = world.sender.with_token(&world.token_of_an_analyst().await);
    let counts = Counts::default();
    let _guard = metrics::set_default_local_recorder(&counts);
    let before = calls(&world).await;
    for _ in 0..3 {
        assert!(!world.direct(&analyst.membership(1)).await.suspend());
    }
    let counted = counts.take();
    assert_eq!((&counted["token_probes outcome=refused"], &counted["refused_new_tokens"]), (&1.into(), &1.into()));
    assert_eq!(calls(&world).await, before + 1, "it is asked about again in a minute");
    assert_eq!(world.record().unwrap().get(account()).unwrap().fingerprint, TokenFingerprint::of(&world.sender.token));
}

#[tokio::test]
async fn a_connection_that_cannot_be_made_leaves_no_record() {
    let world = World::new().await;
    let analyst = world.sender.with_token(&world.token_of_an_analyst().await);
    assert_eq!(world.direct(&analyst.subscription("add", "New Users", None)).await.code(), "token_refused");
    assert_eq!(world.record(), None);
}

#[tokio::test]
async fn a_yes_that_cannot_be_written_is_asked_for_again_after_a_minute() {
    let world = World::new().await;
    world.secrets.fail_next("CreateSecret", Fault::Refused("AccessDeniedException"));
    for _ in 0..4 {
        assert!(!world.direct(&world.sender.membership(1)).await.suspend());
    }
    assert_eq!((world.queued_rows().len(), calls(&world).await, world.record()), (4, 1, None));
}

#[tokio::test]
async fn where_the_record_cannot_be_read_as_it_is_now_nothing_is_asked() {
    let world = connected().await;
    world.secrets.mark_for_deletion(&world.record_name(), true);
    let (instance, before) = (world.other_instance(), calls(&world).await);
    for _ in 0..4 {
        assert!(!direct(&instance, &world.sender.membership(1)).await.suspend());
    }
    assert_eq!((world.queued_rows().len(), calls(&world).await), (4, before));
}

#[tokio::test]
async fn a_new_token_beside_one_that_was_just_found_refused_need_not_be_allowed_to_displace_it() {
    let world = connected().await;
    let newer = world.sender.with_token(&world.second_token().await);
    world.direct(&world.sender.membership(1)).await;
    world.change_record(call_dead(&world.sender.token)).await;
    world.tiktok.fault(sandbox::Fault::code(40133, "Too loud").on("/segment/audience/")).await.unwrap();
    world.direct(&newer.membership(1)).await;
    assert_eq!(world.record().unwrap().get(account()).unwrap().fingerprint, TokenFingerprint::of(&newer.token));
}

#[tokio::test]
async fn a_new_token_heals_a_dead_connection_whatever_brings_it() {
    for how in ["membership", "update", "connect"] {
        let world = connected().await;
        world.change_record(call_dead(&world.sender.token)).await;
        world.tiktok.revoke(&world.sender.token).await.unwrap();
        let healed = world.sender.with_token(&world.second_token().await);
        listen();
        let instance = world.other_instance();
        let message = match how {
            "membership" => healed.membership(1),
            "update" => healed.subscription("update", "New Users", None),
            _ => healed.subscription("add", "New Users", None),
        };
        assert_eq!(direct(&instance, &message).await.status, 200);
        assert_eq!(heard(&[&healed.token])[0]["how"], how);
        assert_eq!(state(&world), Some(State::Active));
        assert!(
            !direct(&instance, &world.sender.membership(1)).await.suspend(),
            "also for what the old token comes with"
        );
    }
}

#[tokio::test]
async fn an_audience_is_connected_with_the_token_that_replaced_the_one_in_the_settings() {
    let world = World::with(Rules { audience_limits: RateLimits::none(), ..Rules::default() }, |_| {}).await;
    let connect = |id: i64| world.sender.subscription_of(id, "add", "New Users", None);
    assert_eq!(world.direct(&connect(1)).await.status, 200);
    let newer = world.second_token().await;
    world.direct(&world.sender.with_token(&newer).membership(1)).await;
    world.tiktok.revoke(&world.sender.token).await.unwrap();
    let answer = world.http(&connect(2)).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    // A token that never was the connection's is refused, and so is the old one when the newer one has ended too.
    let stranger = world.sender.with_token("a-token-that-tiktok-does-not-know").subscription("add", "Other", None);
    assert_eq!(world.direct(&stranger).await.code(), "token_refused");
    world.tiktok.revoke(&newer).await.unwrap();
    assert_eq!(world.direct(&connect(3)).await.code(), "token_refused");
}

#[tokio::test]
async fn a_token_that_may_have_been_replaced_is_answered_503_while_the_record_cannot_be_read() {
    let world = World::with(Rules { audience_limits: RateLimits::none(), ..Rules::default() }, |_| {}).await;
    world.direct(&world.sender.membership(1)).await;
    world.direct(&world.sender.with_token(&world.second_token().await).membership(1)).await;
    world.tiktok.revoke(&world.sender.token).await.unwrap();
    world.secrets.set_down(true);
    let connect = world.sender.subscription("add", "New Users", None);
    let answer = direct(&world.other_instance(), &connect).await;
    assert_eq!((answer.status, answer.code()), (503, "secrets_unavailable"));
    world.secrets.set_down(false);
    assert_eq!(direct(&world.other_instance(), &connect).await.status, 200);
}
