//! What a dead letter holds.

use std::collections::BTreeSet;
use std::time::Duration;

use envelope::{Row, SentId};
use ids::{Encoding, IdType};
use sandbox::Fault;
use sandbox::control::NewAudience;
use serde_json::json;

use crate::world::{HOUR_MS, MAPPING, QUEUE, Tenant, World, body, hash, skip};

const IDFA: &str = "EA7583CD-A667-48BC-B806-42ECB2B48606";

fn raw(row: Row<'static>) -> Row<'static> {
    Row { id: SentId(IdType::Idfa, Encoding::Raw, IDFA.into()), ..row }
}

#[tokio::test]
async fn a_letter_says_why_whose_and_where_and_holds_hashed_ids_only() {
    let world = World::new().await;
    world.hide(IDFA);
    let tenant = world.tenant().await;
    let md5 = hashed_id::HashedId::parse(IdType::Idfa, Encoding::Raw, IDFA).unwrap().to_string();
    world.hide(&md5);
    world.tiktok.poison(&md5, 40002, &format!("bad\u{0}{{{md5}}}\u{7}")).await.unwrap();
    let text = body(tenant.connection, &[raw(tenant.joins(1)), tenant.joins(2)]);
    world.sends(&tenant, 0, &text, &[("firehose_message_id", "f-1")]);
    assert_eq!(world.invoke().await, [""; 0]);

    let letter = &world.letters()[0];
    let names: BTreeSet<_> = letter.attributes.keys().map(String::as_str).collect();
    let all = ["account", "advertiser", "cause", "code", "firehose_message_id", "id", "message", "request_id"];
    assert_eq!(names, all.into());
    let expected = [
        ("account", tenant.connection.account.to_string()),
        ("advertiser", tenant.advertiser.clone()),
        ("cause", "rejected".to_owned()),
        ("code", "40002".to_owned()),
        ("firehose_message_id", "f-1".to_owned()),
        ("id", letter.group.clone()),
    ];
    for (name, value) in expected {
        assert_eq!(letter.attributes[name], value, "{name}");
    }
    let message = &letter.attributes["message"];
    assert!(message.contains("bad") && message.contains("[hash]") && !message.contains(&md5), "{message}");
    assert_eq!(letter.rows().len(), 1);
    assert_eq!(letter.rows()[0]["id"], json!(["idfa", "md5", md5]));
    assert_eq!(letter.rows()[0]["adds"], json!([tenant.audience.to_string()]));
    assert!(!letter.body.contains(IDFA));
    let call = world.calls(&tenant).await;
    assert!(call.iter().any(|call| call.request_id == letter.attributes["request_id"]));
}

#[tokio::test]
async fn changes_without_an_audience_become_a_letter_and_the_others_are_delivered() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let mut unmapped = tenant.joins(1);
    unmapped.unmapped_adds = [4711].into_iter().collect();
    world.says(&tenant, 0, &[unmapped, tenant.joins(2)]);
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!(world.members(&tenant).await, [1, 2]);
    let letter = &world.letters()[0];
    assert_eq!((letter.cause(), &letter.rows()[0]["unmapped_adds"]), ("no_audience", &json!([4711])));
    assert_eq!(letter.rows()[0]["id"], json!(["idfa", "md5", hash(1)]));
}

#[tokio::test]
async fn a_letter_without_an_audience_that_is_sent_again_finds_the_audience_by_its_mark() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let mut unmapped = tenant.joins(1);
    unmapped.adds.clear();
    unmapped.unmapped_adds = [4711, 4712].into_iter().collect();
    world.says(&tenant, 0, &[unmapped]);
    world.invoke().await;
    assert_eq!((world.causes(), world.calls(&tenant).await.len()), (vec!["no_audience".to_owned()], 0));

    let mark = connections::Mark { account: tenant.connection.account, audience: 4711 };
    let name = format!("Connected meanwhile {mark}");
    let new = |audience_type: Option<&str>| NewAudience {
        advertiser_id: tenant.advertiser.clone(),
        name: name.clone(),
        audience_type: audience_type.map(str::to_owned),
    };
    // Older, and of a kind that takes no ids: somebody gave it the name of the other.
    world.tiktok.create_audience(&new(Some("Lookalike Audience"))).await.unwrap();
    let audience = world.tiktok.create_audience(&new(None)).await.unwrap().parse().unwrap();
    let again = world.letters()[0].body.clone();
    // Sooner than that SQS would take it for a repetition.
    skip(Duration::from_mins(6)).await;
    world.sends(&tenant, 0, &again, &[("redriven", "1")]);
    world.invoke().await;
    assert_eq!(world.members(&Tenant { audience, ..tenant }).await, [1]);
    let letters = world.letters();
    assert_eq!(
        (letters.len(), &letters[1].rows()[0]["unmapped_adds"]),
        (2, &json!([4712])),
        "that one is not there yet"
    );
}

#[tokio::test]
async fn an_audience_is_found_by_its_mark_only_in_a_list_that_is_whole() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let mut unmapped = tenant.joins(1);
    unmapped.adds.clear();
    unmapped.unmapped_adds = [4711].into_iter().collect();
    let mark = connections::Mark { account: tenant.connection.account, audience: 4711 };
    for n in 0..150 {
        let name = if n % 149 == 0 { format!("Connected {mark}") } else { format!("another {n}") };
        let new = NewAudience { advertiser_id: tenant.advertiser.clone(), name, audience_type: None };
        world.tiktok.create_audience(&new).await.unwrap();
    }
    world.tiktok.fault(Fault::status(500).on("/dmp/custom_audience/list/").after(1)).await.unwrap();
    world.sends(&tenant, 0, &body(tenant.connection, &[unmapped]), &[("redriven", "1")]);
    world.invoke().await;
    // The page that was not listed may have an older one.
    assert_eq!((world.causes().len(), world.queued().len(), world.calls(&tenant).await.len()), (0, 1, 0), "it waits");
    world.tiktok.clear_faults().await.unwrap();
    skip(Duration::from_mins(5)).await;
    world.invoke().await;
    assert_eq!((world.causes().len(), world.queued().len(), world.calls(&tenant).await.len()), (0, 0, 1));
}

#[tokio::test]
async fn what_was_sent_before_the_customer_was_forgotten_is_dropped() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.says(&tenant, 0, &[tenant.joins(1)]);
    world.sqs.change(QUEUE, |message| message.sent_ms -= HOUR_MS);
    world.set_record(&tenant, |record| {
        record.forget(startup::clock::now_ms() - HOUR_MS / 2);
        record.accept(tenant.connection.account, &tenant.accepted(), connections::Source::Connect, 0);
        record.use_in_week(tenant.connection.account, startup::clock::now_ms());
    });
    world.says(&tenant, 0, &[tenant.joins(2)]);
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!((world.members(&tenant).await, world.letters().len()), (vec![2], 0));
}

#[tokio::test]
async fn ids_that_are_none_are_counted_and_not_uploaded_and_need_no_letter() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let odd =
        |encoding, value: &'static str| Row { id: SentId(IdType::Idfa, encoding, value.into()), ..tenant.joins(1) };
    let rows = [
        odd(Encoding::Raw, "00000000-0000-0000-0000-000000000000"),
        odd(Encoding::Raw, "not an id"),
        odd(Encoding::Md5, "d41d8cd98f00b204e9800998ecf8427e"),
        tenant.joins(2),
    ];
    world.says(&tenant, 0, &rows);
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!((world.members(&tenant).await, world.letters().len()), (vec![2], 0));
}

#[tokio::test]
async fn a_letter_without_an_audience_that_is_sent_again_waits_while_its_connection_makes_no_calls() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let mark = connections::Mark { account: tenant.connection.account, audience: 4711 };
    let new = NewAudience { advertiser_id: tenant.advertiser.clone(), name: format!("x {mark}"), audience_type: None };
    world.tiktok.create_audience(&new).await.unwrap();
    world.tiktok.fault(Fault::code(40133, "slowly").on(MAPPING).next(1)).await.unwrap();
    world.says(&tenant, 1, &[tenant.joins(2)]);
    world.invoke().await;
    let unmapped = Row { adds: Vec::new().into(), unmapped_adds: vec![4711].into(), ..tenant.joins(1) };
    world.sends(&tenant, 0, &body(tenant.connection, &[unmapped]), &[("redriven", "1")]);
    world.invoke().await;
    assert_eq!((world.causes(), world.queued().len()), (Vec::<String>::new(), 2));
}

#[tokio::test]
async fn a_letter_fits_whatever_the_attributes_of_its_message_were() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let (unreadable, id) = ("x".repeat(800_000), "f".repeat(1024 * 1024 - 800_000 - 100));
    world.sends(&tenant, 0, &unreadable, &[("firehose_message_id", &id)]);
    world.invoke().await;
    assert_eq!((world.causes(), world.queued().len()), (vec!["unreadable".to_owned()], 0));
}
