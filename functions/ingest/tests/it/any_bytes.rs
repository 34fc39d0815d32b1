//! Whatever comes in, by whichever way: a response or a refusal that is defined, and no panic.

use std::sync::LazyLock;

use ingest::{App, Reply};
use proptest::prelude::*;
use serde_json::Value;

use secrets::in_memory::InMemory;

use crate::sender::Sender;
use crate::world::{FIREHOSE_TOKEN, LAMBDA_REQUEST_ID, config, http_event};

const CODES: [&str; 17] = [
    "not_json",
    "invalid_field",
    "unknown_type",
    "type_not_registered",
    "missing_setting",
    "invalid_setting",
    "invalid_event",
    "invalid_body",
    "unauthorized",
    "not_found",
    "method_not_allowed",
    "too_large",
    "token_refused",
    "audience_limit",
    "tiktok_refused",
    "tiktok_unavailable",
    "secrets_unavailable",
];

/// One for all cases: building the clients takes longer than a case.
static APP: LazyLock<App> = LazyLock::new(|| {
    let secrets = InMemory::default();
    secrets.set("firehose", &format!(r#"{{"current":"{FIREHOSE_TOKEN}"}}"#));
    App::new(&config("http://127.0.0.1:9"), &queue::in_memory::InMemory::default().client(), &secrets.client()).unwrap()
});

fn answered(event: &[u8]) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (status, json) = match runtime.block_on(APP.handle(event.to_vec().into(), LAMBDA_REQUEST_ID)) {
        Ok(Reply::Direct(response)) => (200, serde_json::from_str(response.get()).unwrap()),
        Ok(reply @ Reply::Http(_)) => {
            let reply = serde_json::to_value(reply).unwrap();
            let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
            (reply["statusCode"].as_u64().unwrap(), body)
        }
        Err(refusal) => {
            let status = u64::from(refusal.status());
            let told = lambda_runtime::Diagnostic::from(refusal).error_message;
            (status, serde_json::json!({"error": serde_json::from_str::<Value>(&told).unwrap()}))
        }
    };
    if status == 200 {
        prop_assert!(json["type"].as_str().unwrap().ends_with("_response"));
    } else {
        prop_assert!(CODES.contains(&json["error"]["code"].as_str().unwrap()), "{json}");
        prop_assert!(!json["error"]["message"].as_str().unwrap().is_empty());
    }
    Ok(())
}

/// A good message with a piece of it replaced.
fn broken() -> impl Strategy<Value = Vec<u8>> {
    let sender = Sender { advertiser: "7".to_owned(), account: 1, token: "t".to_owned() };
    let good = sender.membership(2).into_bytes();
    let length = good.len();
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..4),
        proptest::sample::select(&["null", "[]", "{}", r#""""#, "-1", "1e400", r#""\u0000""#, r#""\ud800""#][..])
            .prop_map(|piece| piece.as_bytes().to_vec()),
    ];
    (0..length, 0..40_usize, piece).prop_map(move |(start, cut, piece)| {
        let mut message = good.clone();
        message.splice(start..(start + cut).min(length), piece);
        message
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn bytes_directly(event in proptest::collection::vec(any::<u8>(), 0..300)) {
        answered(&event)?;
    }

    #[test]
    fn broken_messages_directly(event in broken()) {
        answered(&event)?;
    }

    #[test]
    fn broken_messages_by_http(event in broken(), base64 in any::<bool>()) {
        let token = format!("Token {FIREHOSE_TOKEN}");
        let mut wrapped = http_event(&String::from_utf8_lossy(&event), Some(&token));
        if base64 {
            wrapped["isBase64Encoded"] = true.into();
            wrapped["body"] = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &event).into();
        }
        answered(wrapped.to_string().as_bytes())?;
    }

    #[test]
    fn broken_http_events(start in 0..900_usize, cut in 0..40_usize, piece in ".{0,4}") {
        let event = http_event("{}", Some("Token x")).to_string();
        let (start, end) = (start.min(event.len()), (start + cut).min(event.len()));
        let spoiled = [&event.as_bytes()[..start], piece.as_bytes(), &event.as_bytes()[end..]].concat();
        answered(&spoiled)?;
    }
}
