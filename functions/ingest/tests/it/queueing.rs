//! Envelopes reach the queue whole, in lanes, in as few calls as can be, or mParticle is told to send again.

use std::collections::BTreeMap;
use std::time::Duration;

use ingest::App;
use queue::in_memory::Fault;
use sandbox::Rules;
use secrets::in_memory::InMemory;
use serde_json::Value;

use crate::sender::{MESSAGE_ID, Sender};
use crate::world::{ACCOUNT, QUEUE_URL, World, config, direct, rows};

async fn world(max_bytes: usize) -> World {
    World::with(Rules::default(), |config| config.division.max_bytes = max_bytes).await
}

fn mpids_of(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["mpid"].as_str().unwrap().parse().unwrap()).collect()
}

fn mpids(rows: &[Value]) -> Vec<u64> {
    let mut all = mpids_of(rows);
    all.sort_unstable();
    all
}

#[tokio::test]
async fn a_request_takes_one_message_a_lane_and_one_call() {
    let world = world(1_000_000).await;
    assert_eq!(world.direct(&world.sender.membership(1_000)).await.status, 200);
    assert_eq!(world.sqs.calls(QUEUE_URL, "SendMessageBatch"), 1);
    let groups: Vec<_> = world.queued().iter().map(|message| message.group.clone()).collect();
    let expected: Vec<_> = (0..4).map(|lane| format!("{}.{ACCOUNT}.{lane}", world.sender.advertiser)).collect();
    assert_eq!(groups, expected);
    assert!(world.queued().iter().all(|message| message.attributes["firehose_message_id"] == MESSAGE_ID));
    assert_eq!(mpids(&world.queued_rows()), (1..=1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_id_is_always_in_the_same_lane_however_it_is_written() {
    let world = world(60_000).await;
    let message = world.sender.membership(1);
    let digest = "3b4d0e0e40f9c4b40c6b3c4e1d8c3a10";
    for value in [digest.to_owned(), digest.to_uppercase()] {
        let message = message.replace(r#""raw""#, r#""md5""#).replace("66b728c2-f9a4-4d87-82ef-000000000001", &value);
        world.direct(&message).await;
    }
    world.direct(&message).await;
    world.direct(&message.replace("66b728c2-f9a4", "66B728C2-F9A4")).await;
    let groups: Vec<_> = world.queued().iter().map(|message| message.group.clone()).collect();
    assert_eq!((&groups[0], &groups[2]), (&groups[1], &groups[3]));
}

#[tokio::test]
async fn a_verification_queues_nothing() {
    let world = world(60_000).await;
    assert!(!world.direct(&world.sender.verification()).await.suspend());
    assert_eq!(world.sqs.calls(QUEUE_URL, "SendMessageBatch"), 0);
}

#[tokio::test]
async fn the_parts_of_a_lane_are_queued_in_the_order_of_the_request() {
    let world = world(1_000).await;
    assert_eq!(world.direct(&world.sender.membership(200)).await.status, 200);
    let mut lanes: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for message in world.queued() {
        assert!(message.body.len() <= 1_000);
        lanes.entry(message.group).or_default().extend(mpids_of(&rows(&message.body)));
    }
    assert!(lanes.values().all(|mpids| mpids.is_sorted()));
    assert_eq!(mpids(&world.queued_rows()), (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_largest_request_is_queued_whole() {
    let world = world(60_000).await;
    let request = world.sender.membership(22_000);
    assert!((6_000_000..6_291_456).contains(&request.len()), "{}", request.len());
    assert_eq!(world.direct(&request).await.status, 200);
    assert_eq!(world.queued_rows().len(), 22_000);
}

#[tokio::test]
async fn without_a_usable_time_that_of_arrival_counts() {
    let world = world(60_000).await;
    let mut message: Value = serde_json::from_str(&world.sender.membership(1)).unwrap();
    message["timestamp_ms"] = Value::Null;
    world.direct(&message.to_string()).await;
    let body: Value = serde_json::from_str(&world.queued()[0].body).unwrap();
    let now_ms = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    assert!(now_ms - u128::from(body["changed_ms"].as_u64().unwrap()) < 60_000);
}

#[tokio::test]
async fn entries_that_sqs_refused_are_sent_again_and_only_they() {
    let world = world(1_000).await;
    world.sqs.refuse_entries("SendMessageBatch", r#""mpid":"7""#, "InternalError", false, 3);
    assert_eq!(world.direct(&world.sender.membership(20)).await.status, 200);
    assert_eq!(mpids(&world.queued_rows()), (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn calls_that_fail_are_repeated() {
    let world = world(60_000).await;
    for fault in [Fault::Refused("RequestThrottled"), Fault::NotReached, Fault::AnswerLost] {
        world.sqs.fail_next("SendMessageBatch", fault);
    }
    assert_eq!(world.direct(&world.sender.membership(1)).await.status, 200);
    assert_eq!((world.sqs.calls(QUEUE_URL, "SendMessageBatch"), world.queued_rows().len()), (4, 1));
}

#[tokio::test]
async fn what_the_queue_never_took_is_for_mparticle_to_send_again() {
    let world = world(1_000).await;
    let message = world.sender.membership(80);
    world.sqs.refuse_entries("SendMessageBatch", r#""mpid":"7""#, "InternalError", false, u32::MAX);
    let answer = world.http(&message).await;
    assert_eq!((answer.status, answer.code()), (503, "queue_unavailable"));

    let answer = world.direct(&message).await;
    assert_eq!((answer.status, answer.code()), (503, "queue_unavailable"), "told either way");
}

#[tokio::test]
async fn what_mparticle_sends_again_is_queued_once() {
    let world = world(1_000).await;
    let message = world.sender.membership(80);
    world.sqs.set_down(true);
    assert_eq!(world.http(&message).await.status, 503);
    world.sqs.set_down(false);
    for _ in 0..2 {
        assert_eq!(world.http(&message).await.status, 200);
    }
    assert_eq!(mpids(&world.queued_rows()), (1..=80).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_sqs_that_does_not_answer_is_given_up_in_time() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sqs = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .endpoint_url(format!("http://{}", silent.local_addr().unwrap()))
        .region(aws_sdk_sqs::config::Region::from_static("us-east-1"))
        .credentials_provider(aws_sdk_sqs::config::Credentials::new("key", "secret", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let config = config("http://127.0.0.1:9");
    let app = App::new(&config, &aws_sdk_sqs::Client::from_conf(sqs), &InMemory::default().client()).unwrap();
    let sender = Sender { advertiser: "7".to_owned(), account: 1, token: "t".to_owned() };
    let message = sender.membership(1);
    // Without a limit it would wait for ever.
    let answer = tokio::time::timeout(Duration::from_mins(2), direct(&app, &message)).await.unwrap();
    assert_eq!(answer.code(), "queue_unavailable");
}
