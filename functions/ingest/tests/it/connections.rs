//! Connections: what TikTok accepted is kept, what it did not is not, and only the dead are suspended.

use std::time::Duration;

use connections::{Record, Refusal, RevivedBy, Source, State};
use ids::{AccountId, TokenFingerprint};
use sandbox::Fault;

use crate::capture::{Counts, heard, listen};
use crate::sender::Sender;
use crate::world::{ACCOUNT, World, direct};

pub(crate) fn account() -> AccountId {
    AccountId::new(ACCOUNT).unwrap()
}

pub(crate) fn state(world: &World) -> Option<State> {
    Some(world.record()?.get(account())?.state)
}

fn source(world: &World) -> Source {
    world.record().unwrap().get(account()).unwrap().source
}

/// The customer is connected; the instance that did it is not the one that the test goes on with.
pub(crate) async fn connected() -> World {
    let mut world = World::new().await;
    assert!(!direct(&world.other_instance(), &world.sender.membership(1)).await.suspend());
    assert_eq!(state(&world), Some(State::Active));
    world.forget_queue();
    world
}

/// As the uploader does after the grace.
pub(crate) fn call_dead(token: &str) -> impl Fn(&mut Record) + use<> {
    let refusal = Refusal { fingerprint: TokenFingerprint::of(token), code: Some(40105), first_ms: 1 };
    let now_ms = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    move |record| {
        record.refuse(account(), &refusal, now_ms, Duration::ZERO, false);
    }
}

pub(crate) async fn calls(world: &World) -> usize {
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
