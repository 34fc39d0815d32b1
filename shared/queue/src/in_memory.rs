//! SQS in memory, for tests: FIFO queues as AWS has them, with faults on demand.
//!
//! A client of it is the SDK's own; only the connection is replaced. Every URL that ends in `.fifo` is a queue with content-based
//! deduplication for each group. It knows the calls that this crate makes and no other. Its time is tokio's.

mod calls;
mod fifo;
mod refused_entries;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_double::{Answer, Faults, Response, Service, http_client, respond};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::Received;
use calls::{seconds, text};
use fifo::{Fifo, New};
use refused_entries::RefusedEntries;

pub use aws_double::Fault;
pub use fifo::Message;

/// The queues of a test. A clone is the same SQS.
#[derive(Debug, Clone, Default)]
pub struct InMemory {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    queues: BTreeMap<String, Fifo>,
    faults: Faults,
    refused: RefusedEntries,
    calls: HashMap<(String, String), usize>,
    latency: Duration,
    longest_wait: Option<Duration>,
}

impl InMemory {
    /// A client of it that tries each call once.
    #[must_use]
    pub fn client(&self) -> Client {
        let config = aws_sdk_sqs::Config::builder()
            .with_test_defaults_v2()
            .retry_config(RetryConfig::disabled())
            .http_client(http_client(self.clone()));
        Client::from_conf(config.build())
    }

    /// A message is sent, as by somebody else: it counts as no call. Gives its id.
    #[expect(clippy::must_use_candidate, reason = "most tests need no id")]
    pub fn send(&self, url: &str, group: &str, body: &str, attributes: &[(&str, &str)]) -> String {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (group, body) = (group.to_owned(), body.to_owned());
        let new = New { group, body, deduplication_id: None, attributes, sent_ms: calls::now_ms() };
        let id = self.state().queues.entry(url.to_owned()).or_default().send(new, Instant::now());
        self.changed.notify_waiters();
        id
    }

    /// Up to ten messages are received, as by Lambda's poller: it counts as no call.
    #[must_use]
    pub fn receive(&self, url: &str, visibility: Duration) -> Vec<Received> {
        let messages = self.state().queues.entry(url.to_owned()).or_default().receive(10, visibility, Instant::now());
        messages.into_iter().map(received).collect()
    }

    /// The messages of a queue, in the order in which they were sent, whether in flight or not.
    #[must_use]
    pub fn messages(&self, url: &str) -> Vec<Message> {
        self.state().queues.get(url).map(|fifo| fifo.messages.clone()).unwrap_or_default()
    }

    /// How many messages of a queue are in flight.
    #[must_use]
    pub fn in_flight(&self, url: &str) -> usize {
        let now = Instant::now();
        self.messages(url).iter().filter(|message| message.is_in_flight(now)).count()
    }

    /// All messages of a queue are changed: made older, or as if they had been received more often.
    pub fn change(&self, url: &str, change: impl FnMut(&mut Message)) {
        if let Some(fifo) = self.state().queues.get_mut(url) {
            fifo.messages.iter_mut().for_each(change);
        }
    }

    /// The next call of `action` (such as `SendMessageBatch`) fails. Several are used up one after the other.
    pub fn fail_next(&self, action: &str, fault: Fault) {
        self.state().faults.add(action, fault);
    }

    /// The next `times` entries of `action` with a text that contains `containing` (a body, a group, the id of the message in a receipt
    /// handle) are refused with `code`, in batches whose other entries are carried out.
    pub fn refuse_entries(&self, action: &str, containing: &str, code: &'static str, senders_fault: bool, times: u32) {
        self.state().refused.add(action, containing, code, senders_fault, times);
    }

    /// No call arrives until it is up again.
    pub fn set_down(&self, is_down: bool) {
        self.state().faults.set_down(is_down);
    }

    /// From now on each call takes so long before it is carried out.
    pub fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// A receive waits for a message at most so long, whatever it asks for: tests whose time cannot be paused are faster.
    pub fn set_longest_wait(&self, longest: Duration) {
        self.state().longest_wait = Some(longest);
    }

    /// How often a call whose name begins with `action` was made of the queue at `url`, failures included.
    #[must_use]
    pub fn calls(&self, url: &str, action: &str) -> usize {
        let state = self.state();
        let calls = state.calls.iter().filter(|((of, name), _)| of == url && name.starts_with(action));
        calls.map(|(_, count)| count).sum()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for messages where the call says so.
    async fn carry_out(&self, action: &str, body: &Value, longest: Option<Duration>) -> Answer {
        let wait = seconds(body, "WaitTimeSeconds", 0);
        let end = Instant::now() + longest.map_or(wait, |longest| longest.min(wait));
        loop {
            let changed = self.changed.notified();
            let next = match self.state().call(action, body) {
                Ok(answer) => {
                    self.changed.notify_waiters();
                    return answer;
                }
                Err(next) => next,
            };
            if Instant::now() >= end {
                return Ok(json!({}));
            }
            tokio::select! {
                () = changed => {}
                () = sleep_until(next.map_or(end, |next| next.min(end))) => {}
            }
        }
    }
}

impl State {
    /// The answer; or, where there is nothing to receive, when that may change by itself.
    fn call(&mut self, action: &str, body: &Value) -> Result<Answer, Option<Instant>> {
        let url = text(body, "QueueUrl");
        if url.strip_suffix(".fifo").is_none() {
            return Ok(Err("QueueDoesNotExist"));
        }
        let fifo = self.queues.entry(url.to_owned()).or_default();
        let answer = calls::call(fifo, action, body, &mut self.refused);
        answer.ok_or_else(|| fifo.next_visible(Instant::now()))
    }
}

fn received(message: Message) -> Received {
    let receipt_handle = message.handle();
    let Message { message_id, group, body, attributes, sent_ms, receive_count, .. } = message;
    let attributes = attributes.into_iter().collect();
    Received { message_id, receipt_handle, body, group, sent_ms, receive_count, attributes }
}

impl Service for InMemory {
    async fn answer(self, action: String, body: Value) -> Response {
        let (latency, longest) = {
            let mut state = self.state();
            *state.calls.entry((text(&body, "QueueUrl").to_owned(), action.clone())).or_default() += 1;
            (state.latency, state.longest_wait)
        };
        if !latency.is_zero() {
            sleep(latency).await;
        }
        let fault = self.state().faults.take(&action);
        respond(fault, self.carry_out(&action, &body, longest)).await
    }
}
