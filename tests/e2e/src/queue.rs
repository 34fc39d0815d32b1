//! The queue between `ingest` and `uploader`: how deep it is, and messages put on it by hand. Nothing here receives from it: a
//! message in flight holds back all that is behind it in its group.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cloud::Cloud;
use crate::story::PATIENCE;

/// How often the depth is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The queue.
#[derive(Clone, Debug)]
pub struct Queue {
    cloud: Cloud,
    url: String,
}

/// How many messages are in a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// To be received now, or behind one of their group that is in flight.
    pub visible: u64,
    /// Received and not deleted, or to come back later.
    pub in_flight: u64,
}

impl Depth {
    /// All of them.
    #[must_use]
    pub const fn all(self) -> u64 {
        self.visible + self.in_flight
    }
}

/// A message to put on the queue by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The text.
    pub body: String,
    /// The message group: `advertiser.account.lane` for what the product would read.
    pub group: String,
    /// Message attributes, all of them text.
    pub attributes: Vec<(&'static str, String)>,
}

impl Outgoing {
    /// A message without attributes.
    #[must_use]
    pub fn new(body: impl Into<String>, group: impl Into<String>) -> Self {
        Self { body: body.into(), group: group.into(), attributes: Vec::new() }
    }

    fn entry(&self, number: usize) -> Value {
        let attributes = self.attributes.iter();
        let attributes: serde_json::Map<_, _> = attributes
            .map(|(name, value)| ((*name).to_owned(), json!({ "DataType": "String", "StringValue": value })))
            .collect();
        json!({
            "Id": number.to_string(),
            "MessageBody": self.body,
            "MessageGroupId": self.group,
            // Two messages that are alike are two messages here.
            "MessageDeduplicationId": uuid::Builder::from_random_bytes(unique()).into_uuid().to_string(),
            "MessageAttributes": attributes,
        })
    }
}

/// Sixteen bytes that no other call gives.
fn unique() -> [u8; 16] {
    use md5::Digest as _;
    md5::Md5::digest(crate::message::now_ms().to_be_bytes()).into()
}

impl Queue {
    /// The queue of that URL.
    #[must_use]
    pub fn new(cloud: Cloud, url: &str) -> Self {
        Self { cloud, url: url.to_owned() }
    }

    /// How many messages are in it.
    ///
    /// # Errors
    /// When SQS does not say.
    pub async fn depth(&self) -> Result<Depth> {
        let answer = self.call("GetQueueAttributes", json!({ "AttributeNames": ["All"] })).await?;
        let number = |name: &str| {
            let text = answer["Attributes"][name].as_str();
            text.and_then(|text| text.parse().ok()).with_context(|| format!("SQS does not say {name}"))
        };
        Ok(Depth {
            visible: number("ApproximateNumberOfMessages")?,
            in_flight: number("ApproximateNumberOfMessagesNotVisible")?,
        })
    }

    /// Waits until it is empty.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn drained(&self) -> Result<()> {
        self.drained_showing(|_| ()).await
    }

    /// The same, and shows each depth on the way.
    ///
    /// # Errors
    /// When it is not empty in time.
    pub async fn drained_showing(&self, mut show: impl FnMut(Depth)) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let depth = self.depth().await?;
            show(depth);
            if depth.all() == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the queue is not empty after {} s: {depth:?}", PATIENCE.as_secs());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Puts messages on it, in their order.
    ///
    /// # Errors
    /// When SQS does not take one.
    pub async fn send(&self, messages: &[Outgoing]) -> Result<()> {
        for batch in messages.chunks(10) {
            let entries: Vec<_> = batch.iter().enumerate().map(|(number, message)| message.entry(number)).collect();
            let answer = self.call("SendMessageBatch", json!({ "Entries": entries })).await?;
            let failed = answer["Failed"].as_array().is_some_and(|failed| !failed.is_empty());
            ensure!(!failed, "SQS refuses a message: {}", answer["Failed"]);
        }
        Ok(())
    }

    /// Deletes all that is on it.
    ///
    /// # Errors
    /// When SQS is not reached.
    pub async fn purge(&self) -> Result<()> {
        self.call("PurgeQueue", json!({})).await.map(drop)
    }

    async fn call(&self, operation: &str, mut input: Value) -> Result<Value> {
        input["QueueUrl"] = json!(self.url);
        self.cloud.sqs(operation, &input).await
    }
}
