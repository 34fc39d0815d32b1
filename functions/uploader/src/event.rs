//! Lambda's SQS event, which only wakes the uploader, and the answer to it.

use std::collections::{HashMap, HashSet};

use queue::Received;
use serde::{Deserialize, Serialize};

/// A batch of queue messages as Lambda hands it over.
#[derive(Debug, Deserialize)]
pub struct Event {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    receipt_handle: String,
    body: String,
    attributes: Attributes,
    #[serde(default)]
    message_attributes: HashMap<String, Value>,
}

/// Without the body, which may hold raw device ids.
impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record({})", self.message_id)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    #[serde(default)]
    message_group_id: String,
    sent_timestamp: String,
    approximate_receive_count: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    #[serde(default)]
    string_value: Option<String>,
}

impl Event {
    /// The messages, as if they had been received.
    #[must_use]
    pub fn into_messages(self) -> Vec<Received> {
        let received = |record: Record| {
            let attributes = record.message_attributes.into_iter();
            Received {
                message_id: record.message_id,
                receipt_handle: record.receipt_handle,
                body: record.body,
                group: record.attributes.message_group_id,
                // SQS writes numbers. Of another text nothing follows: the message is as if it had just been sent.
                sent_ms: record.attributes.sent_timestamp.parse().unwrap_or_else(|_| startup::clock::now_ms()),
                receive_count: record.attributes.approximate_receive_count.parse().unwrap_or(1),
                attributes: attributes.filter_map(|(name, value)| Some((name, value.string_value?))).collect(),
            }
        };
        self.records.into_iter().map(received).collect()
    }
}

/// Which of the event's messages stay; Lambda deletes all others.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// Those that stay.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<BatchItemFailure>,
}

/// A message that stays: SQS delivers it again.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct BatchItemFailure {
    /// Its id.
    #[serde(rename = "itemIdentifier")]
    pub message_id: String,
}

impl Response {
    /// Of the event's messages, those that were not deleted.
    #[must_use]
    pub fn new(event: Vec<String>, deleted: &HashSet<String>) -> Self {
        let stays = event.into_iter().filter(|id| !deleted.contains(id));
        Self { failures: stays.map(|message_id| BatchItemFailure { message_id }).collect() }
    }
}
