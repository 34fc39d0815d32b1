//! People who ask to be forgotten, and e-mail addresses beside device ids.

use std::time::Duration;

use envelope::{Row, SentId};
use ids::{AudienceId, Encoding, IdType};
use sandbox::control::NewAudience;
use sandbox::{Fault, IdKind, Rules};
use tokio::time::sleep;

use crate::tenant::{hash, row};
use crate::world::{MAPPING, Tenant, World, body, skip};

const LIST: &str = "/dmp/custom_audience/list/";
const HOUR: Duration = Duration::from_hours(1);

/// Another audience of the tenant's at TikTok, of mParticle's audience `n`, with its mark.
async fn marked(world: &World, tenant: &Tenant, n: i64) -> AudienceId {
    named(world, tenant, &format!("People [mp-{}-{n}]", tenant.connection.account)).await
}

async fn named(world: &World, tenant: &Tenant, name: &str) -> AudienceId {
    let (advertiser_id, name) = (tenant.advertiser.clone(), name.to_owned());
    let new = NewAudience { advertiser_id, name, audience_type: None };
    world.tiktok.create_audience(&new).await.unwrap().parse().unwrap()
}

fn forgotten(user: u32) -> Row<'static> {
    Row { erase: true, mpid: None, ..row(user, &[], &[]) }
}

fn by_email(user: u32, adds: &[AudienceId]) -> Row<'static> {
    Row { id: SentId(IdType::Email, Encoding::Sha256, hash(user).repeat(2).into()), ..row(user, adds, &[]) }
}

/// How many ids of that kind an audience holds.
async fn held(world: &World, audience: AudienceId, kind: IdKind) -> usize {
    world.tiktok.members(&audience.to_string()).await.unwrap().get(&kind).map_or(0, Vec::len)
}

#[tokio::test]
async fn an_id_leaves_every_audience_with_the_mark_and_those_that_are_made_lately_and_no_others() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let (listed, other) = (marked(&world, &tenant, 1).await, named(&world, &tenant, "x [mp-9-1]").await);
    let young = named(&world, &tenant, "not marked").await;
    let now = startup::clock::now_ms();
    world.set_record(&tenant, |record| record.note_created(tenant.connection.account, young, now));
    let all = [listed, other, young];
    world.says(&tenant, 0, &[row(1, &all, &[]), row(2, &all, &[])]);
    world.invoke().await;
    world.says(&tenant, 0, &[forgotten(1)]);
    world.invoke().await;
    assert_eq!((world.queued(), world.letters().len()), (vec![], 0));
    for (audience, left) in [(listed, 1), (young, 1), (other, 2)] {
        assert_eq!(held(&world, audience, IdKind::IdfaMd5).await, left, "{audience}");
    }
    world.says(&tenant, 0, &[forgotten(1)]);
    world.invoke().await;
    assert_eq!((world.queued(), held(&world, listed, IdKind::IdfaMd5).await), (vec![], 1), "once more does no harm");
}

#[tokio::test]
async fn what_waits_before_it_is_not_put_in_and_what_is_said_after_it_wins() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let (one, two) = (marked(&world, &tenant, 1).await, marked(&world, &tenant, 2).await);
    let fault = Fault::code(40133, "slowly").on(MAPPING).advertiser(&tenant.advertiser);
    let fault = world.tiktok.fault(fault).await.unwrap();
    world.says(&tenant, 0, &[row(1, &[one, two, tenant.audience], &[])]);
    world.invoke().await;
    world.says(&tenant, 0, &[forgotten(1)]);
    world.says(&tenant, 0, &[row(1, &[two], &[])]);
    skip(HOUR).await;
    world.invoke().await;
    world.tiktok.clear_fault(fault).await.unwrap();
    world.drain().await;
    let held = [held(&world, one, IdKind::IdfaMd5).await, held(&world, two, IdKind::IdfaMd5).await];
    assert_eq!((held, world.members(&tenant).await), ([0, 1], vec![]));
}

#[tokio::test]
async fn where_tiktok_does_not_list_the_audiences_the_erasure_waits_and_the_others_are_served() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let audience = marked(&world, &tenant, 1).await;
    world.says(&tenant, 0, &[row(1, &[audience], &[])]);
    world.invoke().await;
    let fault = world.tiktok.fault(Fault::status(500).on(LIST)).await.unwrap();
    let erasure = world.says(&tenant, 0, &[forgotten(1)]);
    world.says(&tenant, 1, &[row(2, &[audience], &[])]);
    assert_eq!(world.invoke().await, [erasure]);
    assert_eq!(held(&world, audience, IdKind::IdfaMd5).await, 2);
    world.tiktok.clear_fault(fault).await.unwrap();
    world.drain().await;
    assert_eq!((held(&world, audience, IdKind::IdfaMd5).await, world.letters().len()), (1, 0));
}

#[tokio::test]
async fn the_list_is_read_once_for_many_who_asked_before_it_was_read() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let audience = marked(&world, &tenant, 1).await;
    let rows: Vec<_> = (0..40).map(|user| row(user, &[audience], &[])).collect();
    world.says(&tenant, 0, &rows);
    world.invoke().await;
    for user in 0..40 {
        world.says(&tenant, u8::try_from(user).unwrap(), &[forgotten(user)]);
    }
    sleep(Duration::from_millis(5)).await;
    world.invoke().await;
    assert_eq!((held(&world, audience, IdKind::IdfaMd5).await, world.queued()), (0, vec![]));
    let lists = world.tiktok.calls(&sandbox::journal::Query::path(LIST)).await.unwrap().len();
    assert_eq!(lists, 1);
}

#[tokio::test]
async fn a_dead_connections_erasure_is_given_up_after_eight_days_and_its_letter_names_the_request() {
    let world = World::new().await;
    let tenant = world.stranger().await;
    let body = body(tenant.connection, &[forgotten(1)]);
    let message = world.sends(&tenant, 0, &body, &[("subject_request_id", "r-1")]);
    let age = |days: i64| {
        world.sqs.change(crate::world::QUEUE, |held| {
            held.sent_ms = startup::clock::now_ms() - days * 24 * crate::world::HOUR_MS;
            held.receive_count = 5;
        });
    };
    age(7);
    assert_eq!(world.invoke().await, [message]);
    age(8);
    skip(HOUR).await;
    world.invoke().await;
    let letters = world.letters();
    assert_eq!((letters.len(), letters[0].cause()), (1, "token"));
    assert_eq!(letters[0].attributes["subject_request_id"], "r-1");
    assert_eq!(letters[0].rows()[0]["erase"], true);
}

#[tokio::test]
async fn addresses_and_device_ids_share_an_audience_where_tiktok_lets_them() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let mixed = Rules { one_hash_family: false, ..world.tiktok.rules().await.unwrap() };
    world.tiktok.set_rules(&mixed).await.unwrap();
    world.says(&tenant, 0, &[tenant.joins(1), by_email(1, &[tenant.audience]), by_email(2, &[tenant.audience])]);
    world.invoke().await;
    assert_eq!(held(&world, tenant.audience, IdKind::EmailSha256).await, 2);
    assert_eq!((world.members(&tenant).await, world.letters().len()), (vec![1], 0));
    assert_eq!(world.calls(&tenant).await.len(), 2, "one for each hash");
}

#[tokio::test]
async fn where_tiktok_refuses_the_addresses_they_become_letters_and_the_device_ids_arrive() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.says(&tenant, 0, &[tenant.joins(1)]);
    world.invoke().await;
    world.says(&tenant, 0, &[tenant.joins(2), by_email(1, &[tenant.audience])]);
    world.invoke().await;
    assert_eq!((world.members(&tenant).await, world.causes()), (vec![1, 2], vec!["rejected".to_owned()]));
    assert_eq!(world.letters()[0].rows()[0]["id"][0], "email");
}

#[tokio::test]
async fn it_waits_where_the_record_cannot_be_read_as_it_is_now() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.says(&tenant, 0, &[tenant.joins(7)]);
    world.invoke().await;
    // TikTok's list does not show it yet, and the record in memory knows nothing of it.
    let young = named(&world, &tenant, "not listed").await;
    let now_ms = startup::clock::now_ms();
    world.set_record(&tenant, |record| record.note_created(tenant.connection.account, young, now_ms));
    world.says(&tenant, 0, &[row(1, &[young], &[])]);
    world.invoke().await;
    world.secrets.set_down(true);
    skip(Duration::from_secs(30)).await;
    world.says(&tenant, 0, &[forgotten(1)]);
    sleep(Duration::from_millis(5)).await;
    world.invoke().await;
    assert_eq!((held(&world, young, IdKind::IdfaMd5).await, world.queued().len()), (1, 1));
    world.secrets.set_down(false);
    skip(Duration::from_secs(1_000)).await;
    world.invoke().await;
    assert_eq!((held(&world, young, IdKind::IdfaMd5).await, world.queued().len()), (0, 0));
}

#[tokio::test]
async fn it_is_one_however_its_json_is_spaced() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let audience = marked(&world, &tenant, 1).await;
    world.says(&tenant, 0, &[row(1, &[audience], &[])]);
    world.invoke().await;
    let spaced = body(tenant.connection, &[forgotten(1)]).replace("\"erase\":true", "\"erase\" : true");
    world.sends(&tenant, 0, &spaced, &[]);
    sleep(Duration::from_millis(5)).await;
    world.invoke().await;
    assert_eq!((held(&world, audience, IdKind::IdfaMd5).await, world.queued().len()), (0, 0));
}

#[tokio::test]
async fn one_that_was_overlooked_waits() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let audience = marked(&world, &tenant, 1).await;
    world.says(&tenant, 0, &[row(1, &[audience], &[])]);
    world.invoke().await;
    let escaped = body(tenant.connection, &[forgotten(1)]).replace("\"erase\"", "\"\\u0065rase\"");
    world.sends(&tenant, 0, &escaped, &[]);
    sleep(Duration::from_millis(5)).await;
    world.invoke().await;
    assert_eq!((held(&world, audience, IdKind::IdfaMd5).await, world.queued().len()), (1, 1));
}
