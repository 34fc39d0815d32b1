//! What those who run the function see of a request: one line and its counts, and nothing private in either.

use sandbox::Fault;
use serde_json::{Value, json};

use crate::capture::{Counts, heard, listen};
use crate::sender::MESSAGE_ID;
use crate::world::{FIREHOSE_TOKEN, LAMBDA_REQUEST_ID, World, http_event};

/// A world whose connection is known.
async fn connected() -> World {
    let world = World::new().await;
    world.direct(&world.sender.membership(1)).await;
    world
}

#[tokio::test]
async fn every_request_is_one_line_without_anything_private() {
    let world = connected().await;
    listen();
    world.direct(&world.sender.membership(3)).await;
    world.http(&world.sender.with_token("two words").membership(3)).await;
    world.http_event(&http_event(&world.sender.membership(3), Some("Token wrong"))).await;
    world.tiktok.fault(Fault::code(40_101, "blocked").on("/dmp/custom_audience/list/")).await.unwrap();
    world.http(&world.sender.subscription("add", "New Users", None)).await;

    let lines = heard(&[&world.sender.token, FIREHOSE_TOKEN, "66b728c2", "New Users", "Buyers"]);
    let answers: Vec<_> = lines.iter().map(|line| line["answer"].as_str().unwrap()).collect();
    assert_eq!(answers, ["ok", "invalid_setting", "unauthorized", "tiktok_unavailable"], "{lines:?}");
    let levels: Vec<_> = lines.iter().map(|line| line["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["INFO", "WARN", "WARN", "ERROR"]);
    let first = &lines[0];
    assert_eq!((&first["kind"], &first["transport"]), (&json!("membership"), &json!("direct")));
    assert_eq!((&first["advertiser"], &first["account"]), (&json!(world.sender.advertiser), &json!("123456")));
    assert_eq!((&first["users"], &first["changes"], &first["connection"]), (&json!(3), &json!(3), &json!("active")));
    assert_eq!(
        (&first["firehose_message_id"], &first["lambda_request_id"]),
        (&json!(MESSAGE_ID), &json!(LAMBDA_REQUEST_ID))
    );
    assert!(first["duration_us"].is_u64());
    let request_id = lines[3]["tiktok_request_id"].as_str().unwrap();
    assert!(lines[3]["reason"].as_str().unwrap().contains(request_id));
}

#[tokio::test]
async fn a_failure_of_aws_is_told_with_its_cause() {
    let world = connected().await;
    world.sqs.set_down(true);
    listen();
    world.direct(&world.sender.membership(1)).await;
    let line = heard(&[]).pop().unwrap();
    assert_eq!(line["answer"], "queue_unavailable");
    assert!(line["cause"].as_str().unwrap().starts_with("SQS "), "{line}");
}

#[tokio::test]
async fn requests_and_what_they_hold_are_counted() {
    let world = connected().await;
    let counts = Counts::default();
    let _guard = metrics::set_default_local_recorder(&counts);
    world.direct(&world.sender.membership(1)).await;
    assert_eq!(
        counts.take(),
        json!({"requests type=membership answer=ok": 1, "users_received": 1, "changes_queued": 1, "messages_queued": 1})
    );

    let mut message: Value = serde_json::from_str(&world.sender.membership(1)).unwrap();
    let mut profile = message["user_profiles"][0].clone();
    profile["mpid"] = json!({});
    profile["device_identities"].as_array_mut().unwrap().extend([
        json!({"type": "android_id", "encoding": "raw", "value": "x"}),
        json!({"type": "google_advertising_id", "encoding": "rot13", "value": "x"}),
        json!({"type": "google_advertising_id", "encoding": "raw"}),
        json!({"type": "google_advertising_id", "encoding": "raw", "value": "é"}),
        json!(7),
    ]);
    let audiences = profile["audiences"].as_array_mut().unwrap();
    audiences.extend([
        json!({"audience_id": 1, "action": "attribute_update"}),
        json!({"audience_id": 1}),
        json!({"action": "add"}),
    ]);
    audiences.push(audiences[0].clone());
    message["user_profiles"] = json!([profile, {}, null, {"audiences": [audiences_of(&profile)]}]);
    world.direct(&message.to_string()).await;
    assert_eq!(
        counts.take(),
        json!({
            "requests type=membership answer=ok": 1, "users_received": 4, "changes_queued": 1, "messages_queued": 1,
            "dropped reason=identity_type": 1, "dropped reason=encoding": 1, "dropped reason=no_value": 1,
            "dropped reason=malformed": 1, "dropped reason=odd_value": 1, "dropped reason=odd_mpid": 1,
            "dropped reason=odd_profile": 1, "dropped reason=attribute_update": 1, "dropped reason=unknown_action": 1,
            "dropped reason=no_audience_id": 1, "dropped reason=superseded": 1, "dropped reason=no_change": 1,
            "dropped reason=no_id": 1,
        })
    );

    world.direct("{}").await;
    world.secrets.set("firehose", "nonsense");
    world.http(&world.sender.membership(1)).await;
    assert_eq!(
        counts.take(),
        json!({
            "requests type=unknown answer=invalid_field": 1,
            "requests type=unknown answer=secrets_unavailable": 1,
            "operator_faults": 1,
        })
    );
}

fn audiences_of(profile: &Value) -> &Value {
    &profile["audiences"][0]
}
