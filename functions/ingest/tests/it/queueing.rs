//! Envelopes reach the queue whole, in as few calls as can be, or mParticle is told to send again.

use std::time::{Duration, Instant};

use ingest::App;
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::world::{ADVERTISER, TOKEN, World, config, direct, membership};

fn mpids(rows: &[Value]) -> Vec<u64> {
    let mut all: Vec<u64> = rows.iter().map(|row| row["mpid"].as_str().unwrap().parse().unwrap()).collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn a_request_takes_one_call_where_one_suffices() {
    let world = World::new().await;
    assert_eq!(world.direct(&membership(TOKEN, 1_000)).await.status, 200);
    world.cloud.with(|state| {
        assert_eq!(state.batches, [1]);
        assert_eq!(state.queue[0].0, ADVERTISER, "the message group is the advertiser");
    });
    assert_eq!(mpids(&world.queued_rows()), (1..=1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_verification_queues_nothing() {
    let world = World::new().await;
    assert_eq!(world.direct(&membership(TOKEN, 0)).await.json["suspend_subscription"], false);
    assert!(world.cloud.with(|state| state.batches.is_empty()));
}

#[tokio::test]
async fn more_than_ten_envelopes_go_in_several_calls() {
    let world = World::with(|config| config.envelope_max_bytes = 1_000).await;
    assert_eq!(world.direct(&membership(TOKEN, 200)).await.status, 200);
    assert_eq!(world.cloud.with(|state| state.batches.len()), 3);
    assert!(world.cloud.with(|state| state.queue.iter().all(|(_, body)| body.len() <= 1_000)));
    assert_eq!(mpids(&world.queued_rows()), (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_largest_request_goes_in_calls_below_1_mib() {
    for envelope_max_bytes in [240_000, 1_048_576] {
        let world = World::with(|config| config.envelope_max_bytes = envelope_max_bytes).await;
        let request = membership(TOKEN, 22_000);
        assert!((6_000_000..6_291_456).contains(&request.len()), "{}", request.len());
        assert_eq!(world.direct(&request).await.status, 200);
        assert_eq!(world.queued_rows().len(), 22_000);
        assert!(world.cloud.with(|state| state.batches.len() >= 3));
    }
}

#[tokio::test(start_paused = true)]
async fn entries_that_sqs_refused_are_sent_again_and_only_they() {
    let world = World::with(|config| config.envelope_max_bytes = 1_000).await;
    world.cloud.with(|state| state.partial_refusals = 3);
    assert_eq!(world.direct(&membership(TOKEN, 20)).await.status, 200);
    assert_eq!(mpids(&world.queued_rows()), (1..=20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_are_repeated() {
    let world = World::new().await;
    world.cloud.with(|state| state.queue_failures = 3);
    assert_eq!(world.direct(&membership(TOKEN, 1)).await.status, 200);
    assert_eq!(world.cloud.with(|state| (state.batches.len(), state.queue.len())), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn what_the_queue_never_took_is_for_mparticle_to_send_again() {
    let world = World::with(|config| config.envelope_max_bytes = 1_000).await;
    world.cloud.with(|state| state.partial_refusals = usize::MAX);
    let answer = world.http(&membership(TOKEN, 80)).await;
    assert_eq!((answer.status, &answer.json["error"]["code"]), (503, &json!("queue_unavailable")));
    let answer = world.direct(&membership(TOKEN, 80)).await;
    assert_eq!((answer.status, &answer.json["error"]["code"]), (503, &json!("queue_unavailable")));

    world.cloud.with(|state| state.partial_refusals = 0);
    assert_eq!(world.http(&membership(TOKEN, 80)).await.status, 200);
    let mut delivered = mpids(&world.queued_rows());
    delivered.dedup();
    assert_eq!(delivered, (1..=80).collect::<Vec<_>>());
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
    let app = App::new(&config, aws_sdk_sqs::Client::from_conf(sqs), Cloud::default().secrets_manager()).unwrap();
    let started = Instant::now();
    assert_eq!(direct(&app, &membership(TOKEN, 1)).await.json["error"]["code"], "queue_unavailable");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}
