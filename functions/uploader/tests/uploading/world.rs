//! The function among its neighbours: a queue, records, and TikTok. Loopback HTTP takes real time, so time is not paused; it can be moved on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use connections::{Record, Source};
use envelope::Row;
use queue::Received;
use queue::in_memory::{InMemory as Sqs, Message};
use sandbox::control::{Control, NewAudience};
use sandbox::journal::{Entry, Query};
use sandbox::{IdKind, RateLimits, Rules, Running};
use secrets::in_memory::InMemory as SecretsManager;
use serde_json::Value;
use startup::clock::now_ms;
use tokio::time::{Instant, sleep};
use tracing::level_filters::LevelFilter;
use uploader::plan::Limits;
use uploader::{App, Config};

use crate::capture;
use crate::event::event;
use crate::tenant::MARK;
pub(crate) use crate::tenant::{Tenant, body, hash, row};

pub(crate) const QUEUE: &str = "https://sqs.test/1/changes.fifo";
pub(crate) const DEAD_LETTERS: &str = "https://sqs.test/1/letters.fifo";
pub(crate) const MAPPING: &str = "/segment/mapping/";
/// mParticle's number of each customer's configuration.
pub(crate) const ACCOUNT: i64 = 123_456;
pub(crate) const HOUR_MS: i64 = 3_600_000;

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) config: Config,
    pub(crate) sqs: Sqs,
    pub(crate) secrets: SecretsManager,
    pub(crate) tiktok: Control,
    /// What no log line may hold.
    private: RefCell<Vec<String>>,
    _sandbox: Running,
}

/// A dead letter.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) group: String,
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Letter {
    pub(crate) fn cause(&self) -> &str {
        &self.attributes["cause"]
    }

    /// The rows of its envelope.
    pub(crate) fn rows(&self) -> Vec<Value> {
        let envelope: Value = serde_json::from_str(&self.body).unwrap();
        envelope["rows"].as_array().unwrap().clone()
    }
}

fn config(tiktok: &str) -> Config {
    Config {
        queue_url: QUEUE.to_owned(),
        dead_letter_queue_url: DEAD_LETTERS.to_owned(),
        advertiser_secret_prefix: "test/advertiser/".to_owned(),
        tiktok_api_base_url: tiktok.to_owned(),
        tiktok_timeout: Duration::from_secs(30),
        limits: Limits { rows: 1_000, bytes: 1_000_000 },
        calls_per_second: 1_000.0,
        advertiser_calls_per_second: 1_000.0,
        concurrency: 1.0,
        token_grace: Duration::from_hours(1),
        max_age: Duration::from_hours(24),
        max_waiting: 100_000,
        metrics_namespace: "test".to_owned(),
        log_level: LevelFilter::OFF,
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        capture::listen();
        let sandbox = sandbox::start(Rules { app_limits: RateLimits::none(), ..Rules::default() }).await.unwrap();
        let (sqs, secrets) = (Sqs::default(), SecretsManager::default());
        sqs.set_longest_wait(Duration::from_millis(30));
        let mut config = config(&sandbox.api_base_url());
        change(&mut config);
        let app = App::new(config.clone(), &sqs.client(), secrets.client()).unwrap();
        let private = RefCell::new(vec![MARK.to_owned()]);
        Self { app, config, sqs, secrets, tiktok: sandbox.control().unwrap(), private, _sandbox: sandbox }
    }

    /// Another process of the function.
    pub(crate) fn another_process(&self) -> App {
        App::new(self.config.clone(), &self.sqs.client(), self.secrets.client()).unwrap()
    }

    /// A customer with a living token in its record.
    pub(crate) async fn tenant(&self) -> Tenant {
        let tenant = self.stranger().await;
        self.set_record(&tenant, |_| {});
        tenant
    }

    /// A customer of whom there is no record.
    pub(crate) async fn stranger(&self) -> Tenant {
        let customer = self.tiktok.customer("Acme").await.unwrap();
        let advertiser = customer.advertiser.advertiser_id;
        let new = NewAudience { advertiser_id: advertiser.clone(), name: "Shoppers".to_owned(), audience_type: None };
        let audience = self.tiktok.create_audience(&new).await.unwrap().parse().unwrap();
        let connection = format!("{advertiser}.{ACCOUNT}").parse().unwrap();
        let token = customer.token.access_token;
        self.hide(&token);
        Tenant { connection, advertiser, person: customer.person.core_user_id, token, audience }
    }

    /// No log line may hold `text` from now on.
    pub(crate) fn hide(&self, text: &str) {
        self.private.borrow_mut().push(text.to_owned());
    }

    /// The record has the tenant's token, as of three hours ago, and `change` besides.
    pub(crate) fn set_record(&self, tenant: &Tenant, change: impl FnOnce(&mut Record)) {
        let mut record = Record::default();
        let since_ms = now_ms() - 3 * HOUR_MS;
        record.accept(tenant.connection.account, &tenant.accepted(), Source::Connect, since_ms);
        record.use_in_week(tenant.connection.account, now_ms());
        change(&mut record);
        self.secrets.set(&tenant.record_name(), &record.to_json().unwrap());
    }

    pub(crate) fn record(&self, tenant: &Tenant) -> Record {
        Record::from_json(&self.secrets.text(&tenant.record_name()).unwrap()).unwrap()
    }

    /// What the record says of the tenant's connection.
    pub(crate) fn state(&self, tenant: &Tenant) -> &'static str {
        self.record(tenant).get(tenant.connection.account).unwrap().state.word()
    }

    /// Puts an envelope on the queue; gives the message's id.
    pub(crate) fn says(&self, tenant: &Tenant, lane: u8, rows: &[Row<'_>]) -> String {
        self.sends(tenant, lane, &body(tenant.connection, rows), &[])
    }

    pub(crate) fn sends(&self, tenant: &Tenant, lane: u8, body: &str, attributes: &[(&str, &str)]) -> String {
        self.sqs.send(QUEUE, &tenant.group(lane), body, attributes)
    }

    /// An invocation with two minutes of time; see [`Self::invoke_for`].
    pub(crate) async fn invoke(&self) -> Vec<String> {
        self.invoke_for(&self.app, Duration::from_mins(2)).await
    }

    /// What Lambda does: it receives up to 10 messages, hands them over, and deletes those that the answer does not name. Gives the named ones.
    pub(crate) async fn invoke_for(&self, app: &App, time: Duration) -> Vec<String> {
        let messages = self.sqs.receive(QUEUE, Duration::from_mins(2));
        assert!(!messages.is_empty(), "nothing wakes the function");
        self.hand_over(app, &messages, time).await
    }

    pub(crate) async fn hand_over(&self, app: &App, messages: &[Received], time: Duration) -> Vec<String> {
        let deadline = Instant::now() + time;
        let response = app.handle(serde_json::from_value(event(messages)).unwrap(), deadline).await;
        assert!(Instant::now() < deadline, "the answer comes before the deadline");
        let named: Vec<_> = response.failures.into_iter().map(|failure| failure.message_id).collect();
        for message in messages.iter().filter(|message| !named.contains(&message.message_id)) {
            let stays = self.queued().into_iter().find(|held| held.message_id == message.message_id);
            assert_eq!(stays, None, "what is not named Lambda deletes");
        }
        named
    }

    /// Invocations until the queue is empty, ten minutes apart.
    pub(crate) async fn drain(&self) {
        for _ in 0..20 {
            if self.queued().is_empty() {
                return;
            }
            skip(Duration::from_mins(10)).await;
            self.invoke().await;
        }
        panic!("the queue does not drain: {:?}", self.queued());
    }

    pub(crate) fn queued(&self) -> Vec<Message> {
        self.sqs.messages(QUEUE)
    }

    /// When a message comes back, from now.
    pub(crate) fn comes_back_in(&self, message_id: &str) -> Duration {
        let queued = self.queued();
        let message = queued.iter().find(|message| message.message_id == message_id).expect("it stays");
        message.invisible_until.map(|until| until.saturating_duration_since(Instant::now())).unwrap_or_default()
    }

    pub(crate) fn letters(&self) -> Vec<Letter> {
        let letters = self.sqs.messages(DEAD_LETTERS).into_iter();
        letters.map(|Message { group, body, attributes, .. }| Letter { group, body, attributes }).collect()
    }

    /// The causes of all letters, in the order in which they were written.
    pub(crate) fn causes(&self) -> Vec<String> {
        self.letters().iter().map(|letter| letter.cause().to_owned()).collect()
    }

    /// The users who are in the tenant's audience.
    pub(crate) async fn members(&self, tenant: &Tenant) -> Vec<u32> {
        let members = self.tiktok.members(&tenant.audience.to_string()).await.unwrap();
        let hashes = members.get(&IdKind::IdfaMd5).into_iter().flatten();
        hashes.map(|hash| u32::from_str_radix(hash.strip_prefix(MARK).unwrap(), 16).unwrap()).collect()
    }

    /// The mapping calls for the tenant, oldest first.
    pub(crate) async fn calls(&self, tenant: &Tenant) -> Vec<Entry> {
        self.tiktok.calls(&Query::path(MAPPING).advertiser(&tenant.advertiser)).await.unwrap()
    }

    /// Waits until a mapping call for the tenant has arrived at TikTok.
    pub(crate) async fn until_called(&self, tenant: &Tenant) {
        let query = Query { wait_ms: 5_000, ..Query::path(MAPPING).advertiser(&tenant.advertiser) };
        assert_ne!(self.tiktok.calls(&query).await.unwrap(), []);
    }

    /// How many harmless calls there were, of anybody.
    pub(crate) async fn probes(&self) -> usize {
        self.tiktok.calls(&Query::path("/user/info/")).await.unwrap().len()
    }
}

impl Drop for World {
    /// What holds for every test.
    fn drop(&mut self) {
        let log = capture::text();
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "the test failed: its log may say why")]
            {
                eprintln!("{log}");
            }
            return;
        }
        assert_eq!(self.sqs.calls(QUEUE, "SendMessage"), 0, "nothing is sent to the source queue");
        for private in self.private.borrow().iter() {
            assert!(!log.contains(private), "{private} is in the log:\n{log}");
        }
    }
}

/// Time moves on, for everything that waits.
pub(crate) async fn skip(time: Duration) {
    let frozen = Frozen::new();
    tokio::time::advance(time).await;
    drop(frozen);
}

/// Time stands still, also where the test that moves it on is not waited for any more.
struct Frozen;

impl Frozen {
    fn new() -> Self {
        tokio::time::pause();
        Self
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}

/// Waits until something holds, a few seconds at most.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("not within five seconds: {what}");
}
