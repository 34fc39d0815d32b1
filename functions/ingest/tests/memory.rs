//! How much memory a message takes: what is thrown away takes none. A process of its own, since the kernel counts by process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;

use ingest::{App, Config, Division, IdentityEncoding, RegistrationConfig};
use secrets::in_memory::InMemory;
use serde_json::json;
use tracing::level_filters::LevelFilter;

/// The largest event that Lambda takes, less some room.
const BODY_BYTES: usize = 6_000_000;
/// What handling it may take besides the event itself, in KB.
const MOST_KB: usize = 3_000;

/// The peak of this process's memory since it was last reset, and its memory now, in KB.
fn memory_kb(what: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn app() -> App {
    let secrets = InMemory::default();
    secrets.set("firehose", r#"{"current":"right"}"#);
    let config = Config {
        queue_url: "http://127.0.0.1:9/queue.fifo".to_owned(),
        firehose_token_secret_id: "firehose".to_owned(),
        advertiser_secret_prefix: "test/advertiser/".to_owned(),
        tiktok_api_base_url: "http://127.0.0.1:9".to_owned(),
        division: Division { lanes: 16, max_bytes: 60_000 },
        delete_audience_on_disconnect: true,
        registration: RegistrationConfig {
            identity_encoding: IdentityEncoding::Raw,
            bulk: None,
            email_identities: false,
            forward_erasure: true,
            erasure_domain: None,
        },
        metrics_namespace: "test".to_owned(),
        log_level: LevelFilter::OFF,
    };
    let sqs = aws_sdk_sqs::Config::builder().with_test_defaults_v2().endpoint_url("http://127.0.0.1:9").build();
    App::new(&config, &aws_sdk_sqs::Client::from_conf(sqs), &secrets.client()).unwrap()
}

/// A membership change with as many of `profile` as fit into so many bytes.
fn message(profile: &str, bytes: usize) -> String {
    let head = r#"{"type":"audience_membership_change_request","id":"1317071d-3342-4e1e-a691-84bd7e762bda","account":{"account_id":1,"account_settings":{"tiktokAccountId":"7","tiktokAccessToken":"t"}},"user_profiles":["#;
    let profiles = format!("{profile},").repeat(bytes / (profile.len() + 1));
    format!("{head}{}]}}", profiles.trim_end_matches(','))
}

fn over_http(body: &str, token: &str) -> String {
    let context = json!({"http": {"method": "POST"}});
    let headers = json!({"authorization": format!("Token {token}")});
    let event = json!({"rawPath": "/v1/firehose", "headers": headers, "requestContext": context, "isBase64Encoded": false, "body": body});
    event.to_string()
}

#[tokio::test]
async fn what_is_thrown_away_takes_no_memory() {
    let app = app();
    // What is allocated once, such as the clients with their certificates, is not the message's.
    for event in [message("{}", 9), over_http("{}", "right")] {
        app.handle(event.into(), "id").await.unwrap();
    }
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    let lists = r#"{"device_identities":[{},7,[]],"audiences":[{},7,[]],"mpid":{}}"#;
    for profile in ["{}", "7", r#"{"mpid":"1"}"#, lists, &deep] {
        // As a text within a text every quote has a backslash.
        let half = message(profile, BODY_BYTES / 2);
        let answered = [
            (message(profile, BODY_BYTES), r#""suspend_subscription":false"#),
            (over_http(&half, "right"), r#""statusCode":200"#),
            (over_http(&half, "wrong"), r#""statusCode":401"#),
        ];
        for (event, expected) in answered {
            let event: bytes::Bytes = event.into();
            fs::write("/proc/self/clear_refs", "5").unwrap();
            let before = memory_kb("VmRSS:");
            let answer = serde_json::to_string(&app.handle(event, "id").await.unwrap()).unwrap();
            assert!(answer.contains(expected), "{answer}");
            let took = memory_kb("VmHWM:").saturating_sub(before);
            assert!(took < MOST_KB, "{took} KB for {} times {:.60}", BODY_BYTES / profile.len(), profile);
        }
    }
}
