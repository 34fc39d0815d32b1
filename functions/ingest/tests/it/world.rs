//! The function among its neighbours, and the messages that tests send it.

use ingest::{App, Config, IdentityEncoding, RegistrationConfig, Reply};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::cloud::Cloud;
use crate::tiktok::TikTok;

pub(crate) const FIREHOSE_TOKEN: &str = "the-firehose-token";
pub(crate) const ADVERTISER: &str = "7000000000000000001";
pub(crate) const TOKEN: &str = "token-of-ann";
pub(crate) const REQUEST_ID: &str = "1317071d-3342-4e1e-a691-84bd7e762bda";

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) cloud: Cloud,
    pub(crate) tiktok: TikTok,
}

/// What a caller gets, by whichever door: a status, which a direct invocation has none of and its errors imply, and JSON.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: Value,
}

pub(crate) fn config(tiktok: &str) -> Config {
    Config {
        queue_url: "http://127.0.0.1/queue".to_owned(),
        firehose_token_secret_id: "firehose".to_owned(),
        advertiser_secret_prefix: "test/advertiser/".to_owned(),
        tiktok_api_base_url: tiktok.to_owned(),
        envelope_max_bytes: 240_000,
        delete_audience_on_disconnect: true,
        registration: RegistrationConfig { identity_encoding: IdentityEncoding::Raw, bulk: None },
        metrics_namespace: "test".to_owned(),
        log_level: LevelFilter::OFF,
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// Ann's token reaches the advertiser, and mParticle's token is the current one.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (cloud, tiktok) = (Cloud::default(), TikTok::start().await);
        cloud.with(|state| {
            state.secrets.insert("firehose".to_owned(), json!({"current": FIREHOSE_TOKEN}).to_string());
        });
        tiktok.with(|state| state.grants.push((TOKEN.to_owned(), "ann".to_owned(), vec![ADVERTISER.to_owned()])));
        let mut config = config(&tiktok.uri);
        change(&mut config);
        let app = App::new(&config, cloud.sqs(), cloud.secrets_manager()).unwrap();
        Self { app, cloud, tiktok }
    }

    /// A second instance of the function beside the same neighbours, with caches of its own.
    pub(crate) fn other_instance(&self) -> App {
        App::new(&config(&self.tiktok.uri), self.cloud.sqs(), self.cloud.secrets_manager()).unwrap()
    }

    pub(crate) async fn direct(&self, message: &str) -> Answer {
        direct(&self.app, message).await
    }

    pub(crate) async fn http(&self, body: &str) -> Answer {
        self.http_event(&http_event(body, Some(&format!("Token {FIREHOSE_TOKEN}")))).await
    }

    pub(crate) async fn http_event(&self, event: &Value) -> Answer {
        let reply = serde_json::to_value(self.app.handle(event.to_string().as_bytes()).await.unwrap()).unwrap();
        assert_eq!(reply["headers"]["content-type"], "application/json");
        assert_eq!(reply["isBase64Encoded"], false);
        let status = u16::try_from(reply["statusCode"].as_u64().unwrap()).unwrap();
        Answer { status, json: serde_json::from_str(reply["body"].as_str().unwrap()).unwrap() }
    }

    /// The rows of all envelopes in the queue.
    pub(crate) fn queued_rows(&self) -> Vec<Value> {
        let bodies = self.cloud.with(|state| state.queue.clone());
        let rows = |body: &String| serde_json::from_str::<Value>(body).unwrap()["rows"].as_array().unwrap().clone();
        bodies.iter().flat_map(|(_, body)| rows(body)).collect()
    }

    pub(crate) fn record(&self) -> Option<Value> {
        let name = format!("test/advertiser/{ADVERTISER}");
        self.cloud.with(|state| state.secrets.get(&name).map(|text| serde_json::from_str(text).unwrap()))
    }
}

/// A direct invocation; its function error is put in the form that HTTP has.
pub(crate) async fn direct(app: &App, message: &str) -> Answer {
    match app.handle(message.as_bytes()).await {
        Ok(Reply::Direct(response)) => Answer { status: 200, json: serde_json::from_str(response.get()).unwrap() },
        Ok(Reply::Http(reply)) => panic!("a message was taken for an HTTP event: {reply:?}"),
        Err(refusal) => {
            let status = refusal.status();
            let diagnostic = lambda_runtime::Diagnostic::from(refusal);
            let error: Value = serde_json::from_str(&diagnostic.error_message).unwrap();
            assert_eq!(error["code"], diagnostic.error_type);
            Answer { status, json: json!({ "error": error }) }
        }
    }
}

/// An event as API Gateway makes it (payload format 2.0).
pub(crate) fn http_event(body: &str, authorization: Option<&str>) -> Value {
    let mut event = json!({
        "version": "2.0",
        "routeKey": "POST /v1/firehose",
        "rawPath": "/v1/firehose",
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "id.execute-api.us-east-1.amazonaws.com"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "id",
            "http": {"method": "POST", "path": "/v1/firehose", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "POST /v1/firehose",
            "stage": "$default",
            "timeEpoch": 1_714_592_744_065_u64,
        },
        "body": body,
        "isBase64Encoded": false,
    });
    if let Some(authorization) = authorization {
        event["headers"]["authorization"] = authorization.into();
    }
    event
}

pub(crate) fn account(token: &str) -> Value {
    json!({"account_id": 123_456, "account_settings": {"TikTok Account Id": ADVERTISER, "TikTok Access Token": token}})
}

/// A membership change of `users` users, each joining one audience.
pub(crate) fn membership(token: &str, users: usize) -> String {
    let user = |n: usize| {
        json!({
            "mpid": n.to_string(),
            "device_identities": [{
                "type": "ios_advertising_id", "encoding": "raw", "value": format!("66b728c2-f9a4-4d87-82ef-{n:012x}"),
            }],
            "audiences": [{
                "audience_id": 456, "audience_name": "Buyers", "action": "add",
                "audience_subscription_settings": {"tiktokAudienceId": "7123456789012345678"},
            }],
        })
    };
    json!({
        "type": "audience_membership_change_request",
        "id": REQUEST_ID,
        "timestamp_ms": 1_714_592_744_065_i64,
        "firehose_version": "3.2.0",
        "account": account(token),
        "user_profiles": (1..=users).map(user).collect::<Vec<_>>(),
    })
    .to_string()
}

/// A subscription request; `audience` is the id at TikTok that its settings hold.
pub(crate) fn subscription(token: &str, action: &str, name: &str, audience: Option<u64>) -> String {
    let settings = audience.map_or_else(|| json!({}), |id| json!({"tiktokAudienceId": id.to_string()}));
    json!({
        "type": "audience_subscription_request",
        "id": REQUEST_ID,
        "timestamp_ms": 1_714_592_744_065_i64,
        "firehose_version": "3.2.0",
        "account": account(token),
        "audience_id": 456,
        "audience_name": name,
        "audience_subscription_settings": settings,
        "action": action,
    })
    .to_string()
}
