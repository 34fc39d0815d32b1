//! Connecting and updating: each of mParticle's audiences gets exactly one at TikTok, however often, from wherever and in whatever
//! state of TikTok's it is asked for.

use std::collections::BTreeSet;

use connections::Source;
use ids::AccountId;
use sandbox::control::{AudienceChange, AudienceView, NewAudience};
use sandbox::{Fault, NameUnit, RateLimits, Rules};
use serde_json::json;

use crate::world::{ACCOUNT, World, direct};

/// Without the limit of one creation a second, for tests of something else.
fn unlimited() -> Rules {
    Rules { audience_limits: RateLimits::none(), app_limits: RateLimits::none(), ..Rules::default() }
}

pub(crate) async fn world() -> World {
    World::with(unlimited(), |_| {}).await
}

pub(crate) async fn connect(world: &World) -> String {
    world.direct(&world.sender.subscription("add", "New Users", None)).await.audience()
}

async fn update(world: &World, kept: &str) -> String {
    world.direct(&world.sender.subscription("update", "New Users", Some(kept))).await.audience()
}

pub(crate) async fn make(world: &World, name: &str, kind: Option<&str>) -> String {
    let new = NewAudience {
        advertiser_id: world.sender.advertiser.clone(),
        name: name.to_owned(),
        audience_type: kind.map(str::to_owned),
    };
    world.tiktok.create_audience(&new).await.unwrap()
}

fn names(audiences: &[AudienceView]) -> Vec<&str> {
    audiences.iter().map(|audience| audience.name.as_str()).collect()
}

#[tokio::test]
async fn connecting_creates_an_audience_and_keeps_the_token() {
    let world = world().await;
    let id = world.http(&world.sender.subscription("add", "New Users", None)).await.audience();
    let audiences = world.audiences().await;
    assert_eq!((names(&audiences), &audiences[0].audience_id), (vec!["New Users [mp-123456-456]"], &id));
    let record = world.record().unwrap();
    let (account, connection) = record.connections().next().unwrap();
    assert_eq!(connection.source, Source::Connect);
    assert_eq!(record.created_by(account, connection.since_ms).map(|id| id.to_string()).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn a_repeated_request_finds_what_the_first_one_made() {
    let world = world().await;
    let first = connect(&world).await;
    assert_eq!(connect(&world).await, first);
    assert_eq!(world.direct(&world.sender.subscription("add", "Old Users", None)).await.audience(), first);
    assert_eq!(update(&world, &first).await, first);
    assert_eq!(world.audiences().await.len(), 1);
}

#[tokio::test]
async fn two_configurations_of_one_advertiser_have_an_audience_each() {
    let world = world().await;
    let one = connect(&world).await;
    let other = world.sender.with_account(2);
    let two = world.direct(&other.subscription("add", "New Users", None)).await.audience();
    assert_ne!(one, two);
    assert_eq!(world.direct(&other.subscription("remove", "New Users", Some(&two))).await.status, 200);
    assert_eq!(update(&world, &one).await, one);
    assert_eq!(world.direct(&other.subscription("update", "New Users", Some(&one))).await.status, 200);
    assert_eq!(world.audiences().await.len(), 2, "the other one's is not taken over");
}

#[tokio::test]
async fn the_audience_is_found_however_its_type_is_spelled_and_whatever_stands_beside_it() {
    for spelling in ["Partner Audience", "Partner", "PARTNER_AUDIENCE", "Segment", ""] {
        let world = World::with(Rules { partner_audience_type: spelling.to_owned(), ..unlimited() }, |_| {}).await;
        let odd = make(&world, "odd", None).await;
        let shown_as = Some(json!({"name": null, "audience_id": 7_123_456_789_012_345_678_u64, "is_valid": null}));
        world.tiktok.change_audience(&odd, &AudienceChange { shown_as, ..AudienceChange::default() }).await.unwrap();
        let row = make(&world, "no row at all", None).await;
        let shown_as = Some(json!(7));
        world.tiktok.change_audience(&row, &AudienceChange { shown_as, ..AudienceChange::default() }).await.unwrap();
        let first = connect(&world).await;
        assert_eq!(connect(&world).await, first, "{spelling}");
        assert_eq!(world.audiences().await.len(), 3, "{spelling}");
    }
}

#[tokio::test]
async fn of_several_audiences_the_oldest_that_can_be_fed_is_taken() {
    let world = world().await;
    make(&world, "New Users [mp-123456-456]", Some("Customer File Audience")).await;
    let shared = make(&world, "New Users [mp-123456-456]", None).await;
    let change = AudienceChange { shared: Some(true), ..AudienceChange::default() };
    world.tiktok.change_audience(&shared, &change).await.unwrap();
    make(&world, "Other [mp-123456-45]", None).await;
    make(&world, "New Users [mp-123456-4567]", None).await;
    let oldest = make(&world, "Once New [mp-123456-456]", None).await;
    make(&world, "New Users [mp-123456-456]", None).await;
    assert_eq!(connect(&world).await, oldest);
}

#[tokio::test]
async fn an_audience_on_a_later_page_is_found() {
    let world = world().await;
    let first = make(&world, "New Users [mp-123456-456]", None).await;
    for n in 0..150 {
        make(&world, &format!("another {n}"), None).await;
    }
    assert_eq!(connect(&world).await, first);
    assert_eq!(update(&world, &first).await, first);
}

#[tokio::test]
async fn the_mark_survives_tiktoks_cut_whatever_it_counts() {
    for unit in [NameUnit::Characters, NameUnit::Utf16Units, NameUnit::Bytes] {
        let world = World::with(Rules { names_counted_in: unit, ..unlimited() }, |_| {}).await;
        for (id, name) in [
            (1, format!(" {}\n{} ", "é".repeat(40), "漢".repeat(58))),
            (2, "😀".repeat(60)),
            (3, "x".repeat(100)),
            (4, String::new()),
        ] {
            let add = world.sender.subscription_of(id, "add", &name, None);
            let first = world.direct(&add).await.audience();
            assert_eq!(world.direct(&add).await.audience(), first, "{unit:?}");
        }
        for audience in world.audiences().await {
            assert!(audience.name.contains("[mp-123456-") && audience.name.ends_with(']'), "{}", audience.name);
        }
    }
}

#[tokio::test]
async fn a_name_that_ends_in_half_an_emoji_connects() {
    let world = world().await;
    let message = world.sender.subscription("add", "HALF", None).replace("HALF", r"New \ud83d");
    world.http(&message).await.audience();
    assert_eq!(names(&world.audiences().await), ["New [mp-123456-456]"]);
}

#[tokio::test]
async fn concurrent_requests_agree_on_one_audience_also_when_the_list_lags_behind() {
    for lag in [0, 2_500] {
        let world = World::with(
            Rules { creation_shows_after_ms: lag, app_limits: RateLimits::none(), ..Rules::default() },
            |_| {},
        )
        .await;
        let instances: Vec<_> = (0..4).map(|_| world.other_instance()).collect();
        let request = world.sender.subscription("add", "New Users", None);
        let answers = futures::future::join_all(instances.iter().map(|app| direct(app, &request))).await;
        let ids: BTreeSet<_> = answers.iter().map(crate::world::Answer::audience).collect();
        let left = world.audiences().await;
        assert_eq!((ids.len(), left.len()), (1, 1), "lag {lag}: {ids:?}");
        assert_eq!(&left[0].audience_id, ids.first().unwrap());
    }
}

#[tokio::test]
async fn ten_audiences_connected_together_by_as_many_instances_all_succeed() {
    let world = World::new().await;
    let instances: Vec<_> = (0..10).map(|_| world.other_instance()).collect();
    let connected = instances.iter().enumerate().map(|(n, app)| {
        let request = world.sender.subscription_of(i64::try_from(n).unwrap(), "add", "New Users", None);
        async move { direct(app, &request).await.audience() }
    });
    let ids: BTreeSet<_> = futures::future::join_all(connected).await.into_iter().collect();
    assert_eq!((ids.len(), world.audiences().await.len()), (10, 10));
}

#[tokio::test]
async fn an_audience_whose_creation_was_not_answered_is_found() {
    let world = world().await;
    world.tiktok.fault(Fault::status(502).on("/segment/audience/").next(1).applied()).await.unwrap();
    connect(&world).await;
    assert_eq!((world.audiences().await.len(), world.calls("/segment/audience/").await), (1, 1));
}

#[tokio::test]
async fn disconnecting_and_connecting_again_never_finds_what_was_deleted() {
    let world = World::with(Rules { deletion_shows_after_ms: 60_000_000, ..unlimited() }, |_| {}).await;
    let mut before = BTreeSet::new();
    for _ in 0..3 {
        let id = connect(&world).await;
        assert!(before.insert(id.clone()), "{id} was deleted");
        assert_eq!(world.direct(&world.sender.subscription("remove", "New Users", Some(&id))).await.status, 200);
    }
    let id = connect(&world).await;
    for gone in &before {
        assert_eq!(update(&world, gone).await, id, "an update does not return to it either");
    }
}

#[tokio::test]
async fn an_update_looks_for_the_audience_and_connects_where_it_is_not_usable() {
    let world = world().await;
    let first = connect(&world).await;
    world.tiktok.delete_audience(&first).await.unwrap();
    world.change_record(|record| *record = connections::Record::default()).await;
    let second = update(&world, &first).await;
    assert_ne!(second, first, "it is gone");

    world.tiktok.expire_audience(&second).await.unwrap();
    let third = update(&world, &second).await;
    assert_ne!(third, second, "it has expired");
    assert_eq!(connect(&world).await, third);

    let another = world.another().await;
    let there = world.direct(&another.subscription("update", "New Users", Some(&third))).await.audience();
    assert_ne!(there, third, "it is another advertiser's");
    assert_eq!(update(&world, &third).await, third, "too small to be valid is not expired");
}

#[tokio::test]
async fn an_update_keeps_an_audience_that_the_list_does_not_show_yet() {
    let world = World::with(Rules { creation_shows_after_ms: 60_000_000, ..unlimited() }, |_| {}).await;
    let id = make(&world, "New Users [mp-123456-456]", None).await;
    world.direct(&world.sender.membership(1)).await;
    let now_ms = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let audience = id.parse().unwrap();
    world.change_record(|record| record.note_created(connections_account(), audience, now_ms)).await;
    assert_eq!(update(&world, &id).await, id);
}

fn connections_account() -> AccountId {
    AccountId::new(ACCOUNT).unwrap()
}

#[tokio::test]
async fn one_that_another_connection_deleted_before_the_list_showed_it_is_made_anew() {
    let world = World::new().await;
    let kept = world.direct(&world.sender.subscription("add", "New Users", None)).await.audience();
    let id = kept.parse().unwrap();
    world.tiktok.delete_audience(&kept).await.unwrap();
    world.change_record(|record| record.note_deleted(AccountId::new(ACCOUNT + 1).unwrap(), id, 1)).await;
    let answer = direct(&world.other_instance(), &world.sender.subscription("update", "New Users", Some(&kept))).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_ne!(answer.audience(), kept);
}
