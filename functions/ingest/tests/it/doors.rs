//! Who is let in, and by which door.

use serde_json::json;

use crate::world::{FIREHOSE_TOKEN, REQUEST_ID, TOKEN, World, http_event, membership};

fn registration() -> String {
    json!({"type": "module_registration_request", "id": REQUEST_ID, "timestamp_ms": 1, "firehose_version": "3.2.0"})
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
        for body in [membership(TOKEN, 1), "{".to_owned(), "{}".to_owned(), String::new()] {
            let answer = world.http_event(&http_event(&body, wrong)).await;
            assert_eq!((answer.status, &answer.json["error"]["code"]), (401, &json!("unauthorised")), "{wrong:?}");
        }
    }
    assert!(world.queued_rows().is_empty());
    for right in ["Token the-firehose-token", "token the-firehose-token", "TOKEN  the-firehose-token "] {
        assert_eq!(world.http_event(&http_event(&membership(TOKEN, 1), Some(right))).await.status, 200, "{right}");
    }
}

#[tokio::test]
async fn registration_is_answered_without_a_token_and_without_secrets() {
    let world = World::new().await;
    world.cloud.with(|state| state.secrets_down = true);
    let answer = world.http_event(&http_event(&registration(), None)).await;
    assert_eq!((answer.status, &answer.json["type"]), (200, &json!("module_registration_response")));
}

#[tokio::test]
async fn both_tokens_are_valid_while_they_are_rotated() {
    let world = World::new().await;
    let both = json!({"current": "newer", "previous": FIREHOSE_TOKEN}).to_string();
    world.cloud.with(|state| state.secrets.insert("firehose".to_owned(), both));
    for token in ["newer", FIREHOSE_TOKEN] {
        let event = http_event(&membership(TOKEN, 1), Some(&format!("Token {token}")));
        assert_eq!(world.http_event(&event).await.status, 200);
    }
}

#[tokio::test]
async fn without_the_secret_nobody_is_let_in_and_mparticle_sends_again() {
    for broken in [None, Some("not json"), Some("{}")] {
        let world = World::new().await;
        world.cloud.with(|state| match broken {
            Some(text) => state.secrets.insert("firehose".to_owned(), text.to_owned()),
            None => state.secrets.remove("firehose"),
        });
        let answer = world.http(&membership(TOKEN, 1)).await;
        assert_eq!((answer.status, &answer.json["error"]["code"]), (503, &json!("secrets_unavailable")), "{broken:?}");
    }
}

#[tokio::test]
async fn no_http_body_opens_the_other_door() {
    let world = World::new().await;
    let inner = membership(TOKEN, 1);
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
    let rest = membership(TOKEN, 1).replacen(kind, r#""requestContext":{"http":{"method":"POST"}}"#, 1);
    let message = rest.replacen('{', &format!("{{{kind},"), 1);
    assert_eq!(world.direct(&message).await.status, 200, "{message}");
}

#[tokio::test]
async fn header_names_are_of_either_case_and_bodies_in_base64_are_decoded() {
    let world = World::new().await;
    let mut event = http_event("", None);
    event["headers"]["AUTHORIZATION"] = "Token the-firehose-token".into();
    event["isBase64Encoded"] = true.into();
    event["body"] = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, membership(TOKEN, 1)).into();
    assert_eq!(world.http_event(&event).await.status, 200);

    event["body"] = "/w==".into();
    let answer = world.http_event(&event).await;
    assert_eq!((answer.status, &answer.json["error"]["code"]), (400, &json!("not_json")));
    event["body"] = "?".into();
    let answer = world.http_event(&event).await;
    assert_eq!((answer.status, &answer.json["error"]["code"]), (400, &json!("invalid_body")));
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
    assert_eq!(world.http_event(&version_1).await.json["error"]["code"], "invalid_event");
}

#[tokio::test]
async fn what_lambda_would_not_take_is_too_large() {
    let world = World::new().await;
    let large = membership(TOKEN, 25_000);
    assert!(large.len() > 6 * 1024 * 1024, "{}", large.len());
    assert_eq!(world.direct(&large).await.json["error"]["code"], "too_large");
    assert_eq!(world.http(&large).await.status, 413);
}

#[tokio::test]
async fn by_http_as_much_fits_as_leaves_room_for_its_escapes() {
    let world = World::new().await;
    let body = membership(TOKEN, 19_500);
    let event = http_event(&body, Some("Token the-firehose-token"));
    assert!((6_100_000..6_291_456).contains(&event.to_string().len()), "{}", event.to_string().len());
    assert!(body.len() > 5_400_000, "{}", body.len());
    assert_eq!(world.http_event(&event).await.status, 200);
}
