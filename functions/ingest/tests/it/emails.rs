//! E-mail addresses travel only where the stack and the customer of the audience both say so.

use sandbox::Rules;
use serde_json::{Value, json};

use crate::capture::Counts;
use crate::world::World;

const HASHED: &str = "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d";

async fn world(email_identities: bool) -> World {
    World::with(Rules::default(), |config| config.registration.email_identities = email_identities).await
}

/// A user with a device and an address joins three audiences: by e-mail, not by e-mail, and with a setting that says neither.
fn message(world: &World) -> String {
    let mut message: Value = serde_json::from_str(&world.sender.membership(1)).unwrap();
    let profile = &mut message["user_profiles"][0];
    profile["user_identities"] = json!([
        {"type": "customer", "encoding": "raw", "value": "c-1"},
        {"type": "email", "encoding": "sha256", "value": HASHED},
    ]);
    let audience = |id: &str, name: &str, send: Value| {
        let settings = json!({"tiktokAudienceId": id, name: send});
        json!({"audience_id": 1, "action": "add", "audience_subscription_settings": settings})
    };
    profile["audiences"] = json!([
        audience("71", "sendEmail", json!("True")),
        audience("72", "Send Email", json!("false")),
        audience("73", "Send Email", json!("yes")),
        audience("74", "Send Email", json!(true)),
        audience("75", "sendEmail", json!({})),
    ]);
    message.to_string()
}

#[tokio::test]
async fn addresses_are_queued_for_the_audiences_whose_customers_say_so_and_device_ids_for_all() {
    let world = world(true).await;
    let counts = Counts::default();
    let _guard = metrics::set_default_local_recorder(&counts);
    assert_eq!(world.direct(&message(&world)).await.status, 200);
    let rows = world.queued_rows();
    let of = |kind: &str| rows.iter().find(|row| row["id"][0] == kind).cloned().unwrap();
    assert_eq!(of("idfa")["adds"], json!(["71", "72", "73", "74", "75"]));
    assert_eq!(of("email"), json!({"mpid": "1", "id": ["email", "sha256", HASHED], "adds": ["71", "74"]}));
    assert_eq!(rows.len(), 2);
    assert_eq!(counts.take()["dropped reason=odd_send_email"], 2);
}

#[tokio::test]
async fn none_is_queued_where_the_stack_does_not_send_them() {
    let world = world(false).await;
    assert_eq!(world.direct(&message(&world)).await.status, 200);
    assert_eq!(world.queued().len(), 1);
    assert!(!world.queued()[0].body.contains(HASHED));
}

#[tokio::test]
async fn a_user_without_a_device_joins_by_e_mail_alone_and_leaves_in_the_same_lane() {
    let world = world(true).await;
    let mut message: Value = serde_json::from_str(&message(&world)).unwrap();
    message["user_profiles"][0]["device_identities"] = json!([]);
    world.direct(&message.to_string()).await;
    message["timestamp_ms"] = json!(message["timestamp_ms"].as_u64().unwrap() + 1);
    message["user_profiles"][0]["audiences"][0]["action"] = "delete".into();
    message["user_profiles"][0]["user_identities"] =
        json!([{"type": "email", "encoding": "raw", "value": " Jane.Doe@example.com"}]);
    world.direct(&message.to_string()).await;
    let queued = world.queued();
    assert_eq!((queued.len(), &queued[0].group), (2, &queued[1].group));
    assert!(queued[1].body.contains(r#""id":["email","raw"," Jane.Doe@example.com"],"adds":["74"],"deletes":["71"]"#));
}

#[tokio::test]
async fn what_the_customer_set_comes_back_with_the_audience() {
    for (sends, expected) in [(true, json!("true")), (false, Value::Null)] {
        let world = world(sends).await;
        let mut message: Value = serde_json::from_str(&world.sender.subscription("add", "Buyers", None)).unwrap();
        message["audience_subscription_settings"] = json!({"Send Email": "true"});
        let answer = world.direct(&message.to_string()).await;
        assert_eq!(answer.json["audience_subscription_settings"]["sendEmail"], expected);
        assert!(!answer.audience().is_empty());
    }
}
