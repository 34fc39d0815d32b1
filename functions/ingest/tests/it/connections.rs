//! Connections: what TikTok accepted is kept, what it did not is not, and only the dead are suspended.

use std::time::Duration;

use connections::{Record, Refusal, RevivedBy, Source, State};
use ids::{AccountId, TokenFingerprint};
use sandbox::{Fault, RateLimits, Rules};

use crate::capture::{Counts, heard, listen};
use crate::sender::Sender;
use crate::world::{ACCOUNT, World, direct};

fn account() -> AccountId {
    AccountId::new(ACCOUNT).unwrap()
}

fn state(world: &World) -> Option<State> {
    Some(world.record()?.get(account())?.state)
}

fn source(world: &World) -> Source {
    world.record().unwrap().get(account()).unwrap().source
}

/// The customer is connected; the instance that did it is not the one that the test goes on with.
async fn connected() -> World {
    let mut world = World::new().await;
    assert!(!direct(&world.other_instance(), &world.sender.membership(1)).await.suspend());
    assert_eq!(state(&world), Some(State::Active));
    world.forget_queue();
    world
}

/// As the uploader does after the grace.
fn call_dead(token: &str) -> impl Fn(&mut Record) + use<> {
    let refusal = Refusal { fingerprint: TokenFingerprint::of(token), code: Some(40105), first_ms: 1 };
    let now_ms = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    move |record| {
        record.refuse(account(), &refusal, now_ms, Duration::ZERO, false);
    }
}

async fn calls(world: &World) -> usize {
    world.calls("/user/info/").await
}

#[tokio::test]
async fn the_first_message_connects_and_the_next_ones_cost_no_call() {
    let world = World::new().await;
    assert!(!world.direct(&world.sender.membership(1)).await.suspend());
    assert_eq!((state(&world), source(&world)), (Some(State::Active), Source::Membership));
    let before = (world.secrets.calls("GetSecretValue"), calls(&world).await);
    for _ in 0..5 {
        assert!(!world.direct(&world.sender.membership(1)).await.suspend());
    }
    assert_eq!((world.secrets.calls("GetSecretValue"), calls(&world).await), before);
    assert_eq!(world.queued_rows().len(), 6);
}

#[tokio::test]
async fn invented_accounts_and_tokens_create_nothing() {
    let world = World::new().await;
    for n in 0..50 {
        let stranger = world.sender.with_account(n + 1).with_token(&format!("made-up-{n}"));
        assert!(!world.direct(&stranger.membership(1)).await.suspend());
        let elsewhere = stranger.with_advertiser(&format!("70000000000000001{n:02}"));
        assert!(!world.http(&elsewhere.membership(1)).await.suspend());
    }
    assert_eq!(world.secrets.names(), ["firehose"]);
    assert_eq!(world.queued_rows().len(), 100, "they are queued all the same");
    assert!(calls(&world).await <= 10, "one a second, and a burst of five: {}", calls(&world).await);
}

#[tokio::test]
async fn a_valid_token_of_another_advertiser_enters_no_record() {
    let world = connected().await;
    let mallory = world.another().await;
    let attack = world.sender.with_account(666).with_token(&mallory.token);
    assert!(!world.direct(&attack.membership(1)).await.suspend());
    assert_eq!(world.record().unwrap().connections().count(), 1);
}

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
    let world = connected().await;
    world.secrets.mark_for_deletion(&world.record_name(), true);
    let (instance, before) = (world.other_instance(), calls(&world).await);
    for _ in 0..4 {
        assert!(!direct(&instance, &world.sender.membership(1)).await.suspend());
    }
    assert_eq!((world.queued_rows().len(), calls(&world).await), (4, before + 1));
}

#[tokio::test]
async fn two_configurations_of_one_advertiser_have_states_of_their_own() {
    let world = connected().await;
    let other = world.sender.with_account(2).with_token(&world.token_of_another_person().await);
    world.direct(&other.membership(1)).await;
    world.change_record(call_dead(&world.sender.token)).await;
    world.tiktok.revoke(&world.sender.token).await.unwrap();
    let instance = world.other_instance();
    assert!(direct(&instance, &world.sender.membership(1)).await.suspend());
    assert!(!direct(&instance, &other.membership(1)).await.suspend());
}

#[tokio::test]
async fn only_a_dead_connection_is_suspended_and_its_changes_are_queued() {
    let world = connected().await;
    world.tiktok.revoke(&world.sender.token).await.unwrap();
    assert!(!world.direct(&world.sender.membership(1)).await.suspend(), "nobody has called it dead");
    assert!(!world.direct(&world.sender.verification()).await.suspend(), "nor does a verification");
    world.change_record(call_dead(&world.sender.token)).await;
    let instance = world.other_instance();
    assert!(direct(&instance, &world.sender.membership(1)).await.suspend());
    assert!(direct(&instance, &world.sender.verification()).await.suspend());
    assert_eq!(world.queued_rows().len(), 2);
    assert!(matches!(state(&world), Some(State::Dead { .. })));
}

#[tokio::test]
async fn a_verification_revives_a_dead_connection_that_tiktok_accepts_again() {
    let world = connected().await;
    world.change_record(call_dead(&world.sender.token)).await;
    let instance = world.other_instance();
    assert!(direct(&instance, &world.sender.membership(1)).await.suspend(), "its changes make the uploader ask");
    listen();
    assert!(!direct(&instance, &world.sender.verification()).await.suspend());
    let lines = heard(&[&world.sender.token]);
    assert_eq!(lines[0]["how"], RevivedBy::AcceptedAgain.word());
    assert_eq!(
        (lines[0]["advertiser"].as_str().unwrap(), lines[0]["account"].as_str().unwrap()),
        (world.sender.advertiser.as_str(), "123456")
    );
    assert_eq!(state(&world), Some(State::Active));
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
async fn without_tiktok_the_changes_are_queued_and_the_next_minute_asks_again() {
    let world = World::new().await;
    world.tiktok.fault(Fault::status(502).on("/user/info/")).await.unwrap();
    for _ in 0..3 {
        assert!(!world.direct(&world.sender.membership(1)).await.suspend());
    }
    assert_eq!((world.queued_rows().len(), calls(&world).await, world.record()), (3, 1, None));
}

#[tokio::test]
async fn a_tiktok_that_hangs_is_not_waited_for_and_not_asked_again() {
    let world = World::new().await;
    world.tiktok.fault(Fault::hang(600_000).on("/user/info/")).await.unwrap();
    let both = async {
        for _ in 0..2 {
            assert!(!world.direct(&world.sender.membership(1)).await.suspend());
        }
    };
    // Far more than two seconds, and far less than TikTok takes.
    tokio::time::timeout(Duration::from_mins(2), both).await.unwrap();
    assert_eq!((world.queued_rows().len(), calls(&world).await), (2, 1), "a TikTok that hangs is not asked again");
}

#[tokio::test]
async fn without_secrets_manager_the_changes_are_queued_and_nobody_is_suspended() {
    let world = connected().await;
    world.change_record(call_dead(&world.sender.token)).await;
    let suspending = world.other_instance();
    assert!(direct(&suspending, &world.sender.membership(1)).await.suspend());
    world.secrets.set_down(true);
    listen();
    assert!(!world.direct(&world.sender.membership(1)).await.suspend(), "nothing is known");
    let line = heard(&[&world.sender.token]).pop().unwrap();
    assert_eq!(
        (line["level"].as_str().unwrap(), line["cause"].as_str().unwrap()),
        ("WARN", "Secrets Manager: not reached")
    );
    assert_eq!(world.queued_rows().len(), 2);
}

#[tokio::test]
async fn a_record_that_somebody_broke_by_hand_is_left_alone_and_is_the_operators() {
    for nonsense in ["", "not json", "[]", r#"{"version": 7}"#] {
        let world = World::new().await;
        world.secrets.set(&world.record_name(), nonsense);
        let counts = Counts::default();
        let _guard = metrics::set_default_local_recorder(&counts);
        assert!(!world.direct(&world.sender.membership(1)).await.suspend());
        assert_eq!(counts.take()["operator_faults"], 1);
        assert_eq!(world.queued_rows().len(), 1);
        let answer = world.direct(&world.sender.subscription("add", "New Users", None)).await;
        assert_eq!((answer.status, answer.code()), (503, "secrets_unavailable"));
        assert_eq!(world.secrets.text(&world.record_name()).as_deref(), Some(nonsense));
    }
}

#[tokio::test]
async fn a_record_that_is_being_deleted_stops_no_change() {
    let world = connected().await;
    world.secrets.mark_for_deletion(&world.record_name(), true);
    assert!(!world.direct(&world.sender.membership(1)).await.suspend());
    assert_eq!(world.queued_rows().len(), 1);
}

#[tokio::test]
async fn two_instances_that_see_two_new_connections_at_once_keep_both() {
    let world = World::new().await;
    let [one, other] = [world.other_instance(), world.other_instance()];
    let second: Sender = world.sender.with_account(2);
    let [mine, yours] = [world.sender.membership(1), second.membership(1)];
    let (first, second) = tokio::join!(direct(&one, &mine), direct(&other, &yours));
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(world.record().unwrap().connections().count(), 2);
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
