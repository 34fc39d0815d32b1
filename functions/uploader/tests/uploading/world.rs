//! A TikTok with customers, an uploader, and messages for it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use envelope::{DeviceId, Envelope, Header, Row, Writer};
use ids::{AudienceId, DeviceType, Encoding, TokenFingerprint};
use sandbox::control::{Control, Customer, NewAudience};
use sandbox::{IdKind, RateLimits, Rules, Running};
use serde_json::{Value, json};
use tokio::time::Instant;
use uploader::App;
use uploader::config::Config;
use uploader::event::{Event, Response};

use crate::aws::{Aws, Sent};

pub(crate) const QUEUE: &str = "http://127.0.0.1/queue";
pub(crate) const DEAD_LETTERS: &str = "http://127.0.0.1/dead-letters";

pub(crate) struct World {
    pub(crate) aws: Aws,
    pub(crate) tiktok: Control,
    pub(crate) app: App,
    _running: Running,
}

/// An advertiser with its token and an audience.
pub(crate) struct Connected {
    pub(crate) customer: Customer,
    pub(crate) audience: AudienceId,
}

impl Connected {
    pub(crate) fn token(&self) -> &str {
        &self.customer.token.access_token
    }

    pub(crate) fn advertiser(&self) -> &str {
        &self.customer.advertiser.advertiser_id
    }
}

impl World {
    /// Settings that a test needs otherwise are given by name.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let running = sandbox::start(Rules { app_limits: RateLimits::none(), ..Rules::default() }).await.unwrap();
        let aws = Aws::default();
        let base_url = running.api_base_url();
        let mut env: HashMap<String, String> = [
            ("QUEUE_URL", QUEUE),
            ("DEAD_LETTER_QUEUE_URL", DEAD_LETTERS),
            ("ADVERTISER_SECRET_PREFIX", "test/advertiser/"),
            ("TIKTOK_API_BASE_URL", &base_url),
            ("TIKTOK_CALLS_PER_SECOND", "10000"),
            ("TIKTOK_ADVERTISER_CALLS_PER_SECOND", "10000"),
            ("TIKTOK_TIMEOUT_MS", "1000"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        env.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = Config::read(startup::Settings::new(|name| env.get(name).cloned())).unwrap();
        let app = App::new(config, aws.sqs(), aws.secrets_manager()).unwrap();
        Self { aws, tiktok: running.control().unwrap(), app, _running: running }
    }

    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A customer whose token was accepted before.
    pub(crate) async fn connect(&self, name: &str) -> Connected {
        let customer = self.tiktok.customer(name).await.unwrap();
        let audience = self.audience(&customer, name).await;
        let connected = Connected { customer, audience };
        self.record(connected.advertiser(), &[(connected.token(), Some(name), true)]);
        connected
    }

    pub(crate) async fn audience(&self, customer: &Customer, name: &str) -> AudienceId {
        let advertiser_id = customer.advertiser.advertiser_id.clone();
        let new = NewAudience { advertiser_id, name: name.to_owned(), audience_type: None };
        self.tiktok.create_audience(&new).await.unwrap().parse().unwrap()
    }

    /// Writes an advertiser's record: token, its user, and whether it is verified.
    pub(crate) fn record(&self, advertiser: &str, tokens: &[(&str, Option<&str>, bool)]) {
        let tokens = (1..).zip(tokens).map(|(at, (token, user, verified))| {
            json!({"token": token, "source": "firehose", "user": user, "first_seen_ms": at, "verified_ms": verified.then_some(at)})
        });
        let tokens: Vec<Value> = tokens.collect();
        let record = json!({"version": 1, "tokens": tokens}).to_string();
        self.aws.lock().secrets.insert(format!("test/advertiser/{advertiser}"), record);
    }

    pub(crate) fn stored(&self, advertiser: &str) -> Value {
        serde_json::from_str(&self.aws.lock().secrets[&format!("test/advertiser/{advertiser}")]).unwrap()
    }

    pub(crate) async fn upload(&self, messages: &[String]) -> Response {
        self.upload_within(messages, Duration::from_mins(1)).await
    }

    pub(crate) async fn upload_within(&self, messages: &[String], time: Duration) -> Response {
        let records: Vec<_> = messages.iter().enumerate().map(|(n, body)| message(n, body, &json!({}))).collect();
        self.deliver(&records, time).await
    }

    pub(crate) async fn deliver(&self, records: &[Value], time: Duration) -> Response {
        let event = json!({ "Records": records }).to_string();
        let event: Event<'_> = serde_json::from_str(&event).unwrap();
        self.app.handle(&event, Instant::now() + time).await
    }

    pub(crate) fn sent_to(&self, queue: &str) -> Vec<Sent> {
        self.aws.lock().sent.iter().filter(|sent| sent.queue == queue).cloned().collect()
    }

    /// The hashes of the Apple ids in an audience.
    pub(crate) async fn members(&self, audience: AudienceId) -> BTreeSet<String> {
        let members = self.tiktok.members(&audience.to_string()).await.unwrap();
        members.get(&IdKind::IdfaMd5).into_iter().flatten().cloned().collect()
    }

    /// How many mapping calls TikTok saw of an advertiser.
    pub(crate) async fn calls(&self, advertiser: &str) -> usize {
        let journal = self.tiktok.journal_of(advertiser).await.unwrap();
        journal.iter().filter(|entry| entry.path.contains("/segment/mapping/")).count()
    }
}

/// A delivery as Lambda shows it.
pub(crate) fn message(n: usize, body: &str, attributes: &Value) -> Value {
    let mut system = json!({"SentTimestamp": uploader::clock::now_ms().to_string(), "ApproximateReceiveCount": "1"});
    system.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    json!({"messageId": format!("m{n}"), "receiptHandle": format!("r{n}"), "body": body, "attributes": system, "messageAttributes": {}})
}

/// The hash of user `n`.
pub(crate) fn hash(n: usize) -> String {
    format!("{:032x}", 0x5eed_0000_0000_u128 + n as u128)
}

pub(crate) fn hashes(users: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
    users.into_iter().map(hash).collect()
}

pub(crate) fn row(user: usize, adds: &[AudienceId], deletes: &[AudienceId]) -> Row<'static> {
    Row {
        mpid: Some(user.to_string().parse().unwrap()),
        ids: vec![DeviceId(DeviceType::Idfa, Encoding::Md5, hash(user).into())],
        adds: adds.into(),
        deletes: deletes.into(),
        ..Row::default()
    }
}

/// A message of `connected` with `rows`, changed at `changed_ms`.
pub(crate) fn envelope(connected: &Connected, changed_ms: i64, rows: &[Row<'_>]) -> String {
    let header = Header {
        advertiser: connected.advertiser().parse().unwrap(),
        token: TokenFingerprint::of(connected.token()),
        changed_ms,
    };
    let mut writer = Writer::new(header, 10_000_000);
    for row in rows {
        writer.push(row).unwrap();
    }
    writer.finish().remove(0)
}

/// A message that adds `users` to the audience of `connected`.
pub(crate) fn adding(connected: &Connected, users: impl IntoIterator<Item = usize>) -> String {
    let rows: Vec<_> = users.into_iter().map(|user| row(user, &[connected.audience], &[])).collect();
    envelope(connected, 1, &rows)
}

/// The users whom the envelopes in `sent` are about, by hash, and in all how many changes.
pub(crate) fn users_in(sent: &[Sent]) -> (BTreeSet<String>, usize) {
    let mut users = BTreeSet::new();
    let mut changes = 0;
    for sent in sent {
        for row in Envelope::read(&sent.body).unwrap().rows {
            changes += row.ids.len() * (row.adds.len() + row.deletes.len());
            users.extend(row.ids.iter().map(|id| id.2.to_string()));
        }
    }
    (users, changes)
}

pub(crate) fn returned(response: &Response) -> Vec<&str> {
    response.failures.iter().map(|failure| failure.message_id.as_str()).collect()
}
