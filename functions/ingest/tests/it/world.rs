//! The function among its neighbours.

use connections::Record;
use ingest::{App, Config, Division, IdentityEncoding, RegistrationConfig, Reply};
use queue::in_memory::Message;
use sandbox::control::{AudienceView, Control, Customer, NewGrant, NewPerson};
use sandbox::world::Role;
use sandbox::{Rules, Running};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::capture::{heard, listen};
use crate::sender::Sender;

pub(crate) const FIREHOSE_TOKEN: &str = "the-firehose-token";
pub(crate) const LAMBDA_REQUEST_ID: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
pub(crate) const QUEUE_URL: &str = "http://127.0.0.1/queue.fifo";
/// mParticle's number of the customer's configuration.
pub(crate) const ACCOUNT: i64 = 123_456;

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) config: Config,
    pub(crate) sqs: queue::in_memory::InMemory,
    /// So many messages were queued before the test began to count.
    skipped: usize,
    pub(crate) secrets: secrets::in_memory::InMemory,
    pub(crate) tiktok: Control,
    /// An advertiser, its admin, and a token.
    pub(crate) customer: Customer,
    pub(crate) sender: Sender,
    _sandbox: Running,
}

/// What a caller gets, either way: a status, which a direct invocation has none of and its errors imply, and JSON.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: Value,
}

impl Answer {
    /// The code of a refusal; `ok` if there is none.
    pub(crate) fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or("ok")
    }

    pub(crate) fn message(&self) -> &str {
        self.json["error"]["message"].as_str().unwrap_or_default()
    }

    /// Whether mParticle is told to suspend.
    pub(crate) fn suspend(&self) -> bool {
        assert_eq!(self.status, 200, "{}", self.json);
        self.json["suspend_subscription"].as_bool().unwrap()
    }

    /// The audience at TikTok that a subscription got.
    pub(crate) fn audience(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.json);
        self.json["audience_subscription_settings"]["tiktokAudienceId"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn config(tiktok: &str) -> Config {
    Config {
        queue_url: QUEUE_URL.to_owned(),
        firehose_token_secret_id: "firehose".to_owned(),
        advertiser_secret_prefix: "test/advertiser/".to_owned(),
        tiktok_api_base_url: tiktok.to_owned(),
        division: Division { lanes: 4, max_bytes: 60_000 },
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
    }
}

impl Drop for World {
    /// What holds for every test: no log line has a token or a device id.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            heard(&[&self.sender.token, FIREHOSE_TOKEN, "66b728c2-f9a4"]);
        }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Rules::default(), |_| {}).await
    }

    /// A customer's token reaches the advertiser, and mParticle's token is the current one.
    pub(crate) async fn with(rules: Rules, change: impl FnOnce(&mut Config)) -> Self {
        listen();
        let sandbox = sandbox::start(rules).await.unwrap();
        let tiktok = sandbox.control().unwrap();
        let customer = tiktok.customer("Acme").await.unwrap();
        let (sqs, secrets) = (queue::in_memory::InMemory::default(), secrets::in_memory::InMemory::default());
        secrets.set("firehose", &json!({"current": FIREHOSE_TOKEN}).to_string());
        let mut config = config(&sandbox.api_base_url());
        change(&mut config);
        let app = App::new(&config, &sqs.client(), &secrets.client()).unwrap();
        let sender = sender_of(&customer);
        Self { app, config, sqs, skipped: 0, secrets, tiktok, customer, sender, _sandbox: sandbox }
    }

    /// A new customer, an empty queue, and an instance of the function that knows nothing.
    pub(crate) async fn start_over(&mut self) {
        self.customer = self.tiktok.customer("Acme").await.unwrap();
        self.sender = sender_of(&self.customer);
        self.forget_queue();
        self.app = self.other_instance();
    }

    /// A second instance of the function beside the same neighbours, with caches of its own.
    pub(crate) fn other_instance(&self) -> App {
        App::new(&self.config, &self.sqs.client(), &self.secrets.client()).unwrap()
    }

    /// Another advertiser with a token of its own.
    pub(crate) async fn another(&self) -> Sender {
        sender_of(&self.tiktok.customer("Another").await.unwrap())
    }

    /// Another token of the same person.
    pub(crate) async fn second_token(&self) -> String {
        self.tiktok.token_with(&NewGrant::of(&self.customer.person.core_user_id)).await.unwrap().access_token
    }

    /// A token of another person for the same advertiser.
    pub(crate) async fn token_of_another_person(&self) -> String {
        self.token_of(NewPerson::default()).await
    }

    /// A token of somebody who may look at the advertiser, and change nothing.
    pub(crate) async fn token_of_an_analyst(&self) -> String {
        self.token_of(NewPerson { role: Role::Analyst, ..NewPerson::default() }).await
    }

    async fn token_of(&self, person: NewPerson) -> String {
        let advertisers = vec![self.sender.advertiser.clone()];
        let person = self.tiktok.create_person(&NewPerson { advertisers, ..person }).await.unwrap();
        self.tiktok.token(&person.core_user_id).await.unwrap().access_token
    }

    pub(crate) async fn direct(&self, message: &str) -> Answer {
        direct(&self.app, message).await
    }

    pub(crate) async fn http(&self, body: &str) -> Answer {
        self.http_event(&http_event(body, Some(&format!("Token {FIREHOSE_TOKEN}")))).await
    }

    pub(crate) async fn http_event(&self, event: &Value) -> Answer {
        let reply = self.app.handle(event.to_string().into(), LAMBDA_REQUEST_ID).await.unwrap();
        let reply = serde_json::to_value(reply).unwrap();
        assert_eq!(reply["headers"]["content-type"], "application/json");
        assert_eq!(reply["isBase64Encoded"], false);
        let status = u16::try_from(reply["statusCode"].as_u64().unwrap()).unwrap();
        Answer { status, json: serde_json::from_str(reply["body"].as_str().unwrap()).unwrap() }
    }

    /// From now on only what is queued later counts.
    pub(crate) fn forget_queue(&mut self) {
        self.skipped = self.sqs.messages(QUEUE_URL).len();
    }

    /// The messages in the queue, in their order.
    pub(crate) fn queued(&self) -> Vec<Message> {
        self.sqs.messages(QUEUE_URL).split_off(self.skipped)
    }

    /// The rows of all envelopes in the queue, sorted.
    pub(crate) fn queued_rows(&self) -> Vec<Value> {
        let mut rows: Vec<Value> = self.queued().iter().flat_map(|message| rows(&message.body)).collect();
        rows.sort_by_key(Value::to_string);
        rows
    }

    /// The record of the customer's advertiser.
    pub(crate) fn record(&self) -> Option<Record> {
        self.secrets.text(&self.record_name()).map(|text| Record::from_json(&text).unwrap())
    }

    pub(crate) fn record_name(&self) -> String {
        format!("test/advertiser/{}", self.sender.advertiser)
    }

    /// Changes the record as the uploader or the authorization page would.
    pub(crate) async fn change_record(&self, change: impl Fn(&mut Record)) {
        let secrets = secrets::Secrets::new(self.secrets.client(), "test/advertiser/");
        secrets.update(self.sender.advertiser.parse().unwrap(), |record| change(record)).await.unwrap();
    }

    /// The audiences at TikTok that are not deleted.
    pub(crate) async fn audiences(&self) -> Vec<AudienceView> {
        let all = self.tiktok.audiences(&self.sender.advertiser).await.unwrap();
        all.into_iter().filter(|audience| !audience.deleted).collect()
    }

    /// How often a path of TikTok's was called.
    pub(crate) async fn calls(&self, path: &str) -> usize {
        self.tiktok.calls(&sandbox::journal::Query::path(path)).await.unwrap().len()
    }
}

/// The rows of an envelope.
pub(crate) fn rows(body: &str) -> Vec<Value> {
    let envelope: Value = serde_json::from_str(body).unwrap();
    envelope["rows"].as_array().unwrap().clone()
}

fn sender_of(customer: &Customer) -> Sender {
    Sender {
        advertiser: customer.advertiser.advertiser_id.clone(),
        account: ACCOUNT,
        token: customer.token.access_token.clone(),
    }
}

/// A direct invocation; its function error is put in the form that HTTP has.
pub(crate) async fn direct(app: &App, message: &str) -> Answer {
    match app.handle(message.to_owned().into(), LAMBDA_REQUEST_ID).await {
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
