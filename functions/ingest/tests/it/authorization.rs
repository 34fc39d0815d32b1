//! Who is let in, and which way.

use std::time::Duration;

use base64::Engine;
use serde_json::json;

use crate::sender::MESSAGE_ID;
use crate::world::{FIREHOSE_TOKEN, LAMBDA_REQUEST_ID, World, http_event};

fn registration() -> String {
    json!({"type": "module_registration_request", "id": MESSAGE_ID, "timestamp_ms": 1, "firehose_version": "3.2.0"})
        .to_string()
}

#[tokio::test]
async fn a_message_by_http_needs_the_token() {
    let world = World::new().await;
    for wrong in [
        None,
        Some(""),
        Some("Token"),
        Some("Token "),
        Some("Token wrong"),
        Some(FIREHOSE_TOKEN),
        Some("Bearer the-firehose-token"),
    ] {
        for body in [world.sender.membership(1), "{".to_owned(), "{}".to_owned(), String::new()] {
            let answer = world.http_event(&http_event(&body, wrong)).await;
            assert_eq!((answer.status, answer.code()), (401, "unauthorized"), "{wrong:?}");
        }
    }
    assert!(world.queued_rows().is_empty());
    for right in ["Token the-firehose-token", "token the-firehose-token", "TOKEN  the-firehose-token "] {
        let event = http_event(&world.sender.membership(1), Some(right));
        assert_eq!(world.http_event(&event).await.status, 200, "{right}");
    }
}

#[tokio::test]
async fn registration_is_answered_without_a_token_and_without_secrets() {
    let world = World::new().await;
    world.secrets.set_down(true);
    for authorization in [None, Some("Token wrong")] {
        let answer = world.http_event(&http_event(&registration(), authorization)).await;
        assert_eq!((answer.status, &answer.json["type"]), (200, &json!("module_registration_response")));
    }
}

#[tokio::test]
async fn without_a_token_no_large_body_is_looked_at() {
    let world = World::new().await;
    let padded = |bytes: usize| registration().replacen('{', &format!(r#"{{"x":"{}","#, "x".repeat(bytes)), 1);
    assert_eq!(world.http_event(&http_event(&padded(15_000), None)).await.status, 200);
    assert_eq!(world.http_event(&http_event(&padded(17_000), None)).await.status, 401);
    let authorized = http_event(&padded(17_000), Some("Token the-firehose-token"));
    assert_eq!(world.http_event(&authorized).await.status, 200);
}

#[tokio::test]
async fn both_tokens_are_valid_while_they_are_changed() {
    let world = World::new().await;
    world.secrets.set("firehose", &json!({"current": "newer\n", "previous": FIREHOSE_TOKEN}).to_string());
    for token in ["newer", FIREHOSE_TOKEN] {
        let event = http_event(&world.sender.membership(1), Some(&format!("Token {token}")));
        assert_eq!(world.http_event(&event).await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_changed_seconds_ago_is_known_and_strangers_cost_no_calls() {
    let world = World::new().await;
    assert_eq!(world.http(&world.sender.verification()).await.status, 200);
    world.secrets.set("firehose", r#"{"current": "newer"}"#);
    tokio::time::advance(Duration::from_secs(11)).await;
    let newer = http_event(&world.sender.verification(), Some("Token newer"));
    assert_eq!(world.http_event(&newer).await.status, 200);

    let before = world.secrets.calls("GetSecretValue");
    for _ in 0..50 {
        let event = http_event(&world.sender.verification(), Some("Token stranger"));
        assert_eq!(world.http_event(&event).await.status, 401);
    }
    assert!(world.secrets.calls("GetSecretValue") <= before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_known_token_is_enough_while_secrets_manager_fails() {
    let world = World::new().await;
    assert_eq!(world.http(&world.sender.verification()).await.status, 200);
    world.secrets.set_down(true);
    tokio::time::advance(Duration::from_mins(30)).await;
    assert_eq!(world.http(&world.sender.membership(1)).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_may_be_a_new_one_is_sent_again_while_secrets_manager_fails() {
    let world = World::new().await;
    assert_eq!(world.http(&world.sender.verification()).await.status, 200);
    world.secrets.set("firehose", &json!({"current": "newer", "previous": FIREHOSE_TOKEN}).to_string());
    world.secrets.set_down(true);
    let newer = http_event(&world.sender.membership(1), Some("Token newer"));
    // Read lately enough to be served; too old for a token that is not in it; too old for all.
    for minutes in [1, 30] {
        tokio::time::advance(Duration::from_mins(minutes)).await;
        for _ in 0..2 {
            let answer = world.http_event(&newer).await;
            assert_eq!((answer.status, answer.code()), (503, "secrets_unavailable"), "{minutes}");
        }
        assert_eq!(world.http(&world.sender.membership(1)).await.status, 200, "{minutes}");
    }
    world.secrets.set_down(false);
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(world.http_event(&newer).await.status, 200);
}

#[tokio::test]
async fn without_the_secret_nobody_is_let_in_and_mparticle_sends_again() {
    for broken in ["not json", "{}", r#"{"current": " \n"}"#] {
        let world = World::new().await;
        world.secrets.set("firehose", broken);
        let answer = world.http(&world.sender.membership(1)).await;
        assert_eq!((answer.status, answer.code()), (503, "secrets_unavailable"), "{broken}");
    }
}

#[tokio::test]
async fn no_http_body_passes_for_a_direct_invocation() {
    let world = World::new().await;
    let inner = world.sender.membership(1);
    let as_event = json!({"type": "audience_membership_change_request", "requestContext": null, "body": inner});
    for body in [inner.clone(), as_event.to_string(), format!("\"{inner}\"")] {
        assert_eq!(world.http_event(&http_event(&body, None)).await.status, 401);
    }
    let mut event = http_event(&inner, None);
    event["headers"]["type"] = "audience_membership_change_request".into();
    event["queryStringParameters"] = json!({"type": "audience_membership_change_request"});
    assert_eq!(world.http_event(&event).await.status, 401);
    assert!(world.queued_rows().is_empty());
}

#[tokio::test]
async fn a_direct_message_is_one_whatever_unknown_fields_it_has() {
    let world = World::new().await;
    let kind = r#""type":"audience_membership_change_request""#;
    let rest = world.sender.membership(1).replacen(kind, r#""requestContext":{"http":{"method":"POST"}}"#, 1);
    let message = rest.replacen('{', &format!("{{{kind},"), 1);
    assert_eq!(world.direct(&message).await.status, 200, "{message}");
    assert_eq!(world.direct(&format!("\u{feff}{}", world.sender.membership(1))).await.status, 200);
}

#[tokio::test]
async fn header_names_are_of_either_case_and_bodies_in_base64_are_decoded() {
    let world = World::new().await;
    let mut event = http_event("", None);
    event["headers"]["AUTHORIZATION"] = "Token the-firehose-token".into();
    event["isBase64Encoded"] = true.into();
    let message = world.sender.membership(500);
    event["body"] = base64::prelude::BASE64_STANDARD.encode(format!("\u{feff}{message}")).into();
    assert_eq!(world.http_event(&event).await.status, 200);
    assert_eq!(world.queued_rows().len(), 500);

    event["body"] = "/w==".into();
    let answer = world.http_event(&event).await;
    assert_eq!((answer.status, answer.code()), (400, "not_json"));
    event["body"] = "?".into();
    let answer = world.http_event(&event).await;
    assert_eq!((answer.status, answer.code()), (400, "invalid_body"));
}

#[tokio::test]
async fn a_body_is_decoded_with_all_its_escapes() {
    let world = World::new().await;
    let message = world.sender.membership(1).replace("Buyers", r#"B\u00fcyers \"\\\ud83d\ude00\ud83d 漢"#);
    assert_eq!(world.http(&message).await.status, 200);
    assert_eq!(world.direct(&message).await.status, 200);
    assert_eq!(world.queued_rows().len(), 1, "what comes twice is queued once");
}

#[tokio::test]
async fn other_paths_methods_and_events_are_refused() {
    let world = World::new().await;
    let mut event = http_event("", None);
    event["rawPath"] = "/v1/auth".into();
    assert_eq!(world.http_event(&event).await.status, 404);
    let mut event = http_event("", None);
    event["requestContext"]["http"]["method"] = "GET".into();
    assert_eq!(world.http_event(&event).await.status, 405);
    let version_1 =
        json!({"httpMethod": "POST", "path": "/v1/firehose", "requestContext": {"stage": "prod"}, "body": ""});
    assert_eq!(world.http_event(&version_1).await.code(), "invalid_event");
}

#[tokio::test]
async fn what_lambda_would_not_take_is_too_large() {
    let world = World::new().await;
    let large = world.sender.membership(25_000);
    assert!(large.len() > 6 * 1024 * 1024, "{}", large.len());
    assert_eq!(world.direct(&large).await.code(), "too_large");
    assert_eq!(world.http(&large).await.status, 413);
}

#[tokio::test]
async fn by_http_as_much_fits_as_leaves_room_for_its_escapes() {
    let world = World::new().await;
    let body = world.sender.membership(19_500);
    let event = http_event(&body, Some("Token the-firehose-token"));
    assert!((6_100_000..6_291_456).contains(&event.to_string().len()), "{}", event.to_string().len());
    assert!(body.len() > 5_400_000, "{}", body.len());
    assert_eq!(world.http_event(&event).await.status, 200);
}

#[tokio::test]
async fn a_message_without_a_usable_id_is_answered_under_lambdas() {
    let world = World::new().await;
    let message = world.sender.membership(1).replace(MESSAGE_ID, "mine");
    assert_eq!(world.direct(&message).await.json["id"], LAMBDA_REQUEST_ID);
    assert_eq!(world.queued()[0].attributes["firehose_message_id"], LAMBDA_REQUEST_ID);
}
