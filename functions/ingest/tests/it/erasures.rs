//! A person asks to be forgotten: answered at once, and queued behind whatever waits of the person's ids.

use sandbox::Rules;
use serde_json::{Value, json};

use crate::capture::{Counts, heard, listen};
use crate::sender::MESSAGE_ID;
use crate::world::{ACCOUNT, World};

const REQUEST_ID: &str = "1e2c8cf4-f985-4398-b482-a520860d3bf6";
const IDFA: &str = "66b728c2-f9a4-4d87-82ef-000000000001";

/// The request of the user whom `Sender::membership` makes first.
fn message(world: &World, account: bool) -> String {
    let mut message: Value = serde_json::from_str(&world.sender.membership(0)).unwrap();
    message["type"] = "dsr_processing_request".into();
    message["subject_request_id"] = REQUEST_ID.into();
    message["subject_request_type"] = "erasure".into();
    message["subject_identities"] = json!({
        "ios_advertising_id": {"encoding": "raw", "value": IDFA},
        "android_advertising_id": {"encoding": "raw", "value": "84aae47d-d376-4a35-bde5-c0ee5a808bd3"},
        "email": {"encoding": "raw", "value": " Jane.Doe@Example.com"},
    });
    if !account {
        message.as_object_mut().unwrap().remove("account");
    }
    message.to_string()
}

#[tokio::test]
async fn each_id_goes_behind_what_waits_of_it_in_its_own_lane() {
    let world = World::with(Rules::default(), |config| config.registration.email_identities = true).await;
    world.direct(&world.sender.membership(1)).await;
    let before = world.queued().remove(0);
    for answer in [world.direct(&message(&world, true)).await, world.http(&message(&world, true)).await] {
        assert_eq!((answer.status, &answer.json["type"]), (200, &json!("dsr_processing_response")));
        assert_eq!(answer.json["id"], MESSAGE_ID);
    }
    let erasures = world.queued().split_off(1);
    let rows: Vec<_> = erasures.iter().flat_map(|message| crate::world::rows(&message.body)).collect();
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().all(|row| row["erase"] == true && row["id"][1] != "raw"), "{rows:?}");
    let of_idfa = erasures.iter().filter(|message| message.body.contains(r#""idfa""#)).collect::<Vec<_>>();
    assert!(!of_idfa.is_empty() && of_idfa.iter().all(|message| message.group == before.group));
    for message in &erasures {
        assert_eq!(message.attributes["subject_request_id"], REQUEST_ID);
        assert_eq!(message.attributes["firehose_message_id"], MESSAGE_ID);
    }
}

#[tokio::test]
async fn requests_are_counted_by_what_becomes_of_them_and_traced_in_the_log() {
    let world = World::new().await;
    world.direct(&world.sender.membership(1)).await;
    listen();
    let counts = Counts::default();
    let _guard = metrics::set_default_local_recorder(&counts);
    world.direct(&message(&world, true)).await;
    assert_eq!(counts.take()["erasures outcome=queued"], 1);
    world.direct(&message(&world, false)).await;
    assert_eq!(counts.take(), json!({"requests type=erasure answer=ok": 1, "erasures outcome=no_account": 1}));
    world.direct(&message(&world, true).replace("_advertising_id", "_vendor_id")).await;
    assert_eq!(counts.take()["erasures outcome=no_ids"], 1);
    let mut unusable: Value = serde_json::from_str(&message(&world, true)).unwrap();
    unusable["account"].as_object_mut().unwrap().remove("account_settings");
    assert_eq!(world.direct(&unusable.to_string()).await.status, 400);
    assert_eq!(counts.take()["erasures outcome=no_account"], 1);
    let other = world.sender.with_account(ACCOUNT + 1);
    let of_other = message(&world, true).replace(&ACCOUNT.to_string(), &other.account.to_string());
    let queued = world.queued().len();
    world.direct(&of_other).await;
    assert_eq!(counts.take()["erasures outcome=no_connection"], 1);
    assert!(world.queued().len() > queued, "changes of it may wait already");

    let lines = heard(&[IDFA, "84aae47d", "Jane.Doe", &world.sender.token]);
    let outcomes: Vec<_> = lines.iter().map(|line| line["erasure"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["queued", "no_account", "no_ids", "no_account", "no_connection"]);
    assert!(lines.iter().all(|line| line["subject_request_id"] == REQUEST_ID));
    assert_eq!(lines[1]["level"], "ERROR");
}

#[tokio::test]
async fn without_the_queue_mparticle_is_told_to_send_again_and_without_secrets_manager_it_is_queued() {
    let world = World::new().await;
    world.sqs.set_down(true);
    listen();
    assert_eq!(world.http(&message(&world, true)).await.status, 503);
    assert_eq!(heard(&[])[0]["erasure"], Value::Null, "nothing was queued");
    world.sqs.set_down(false);
    world.secrets.set_down(true);
    assert_eq!(world.direct(&message(&world, true)).await.status, 200);
    assert!(!world.queued().is_empty());
}

#[tokio::test]
async fn where_erasure_is_turned_off_the_type_is_not_registered() {
    let world = World::with(Rules::default(), |config| config.registration.forward_erasure = false).await;
    let answer = world.http(&message(&world, true)).await;
    assert_eq!((answer.status, answer.code()), (400, "type_not_registered"));
    assert_eq!(world.queued().len(), 0);
}
