//! The queue between `ingest` and `uploader` and the one of dead letters: how deep they are, and what is in them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use envelope::Envelope;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cloud::Cloud;

/// How often the queue is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    cloud: Cloud,
    url: String,
}

/// How many messages are in a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// To be taken now.
    pub visible: u64,
    /// Taken, and not settled yet; or to come back later.
    pub in_flight: u64,
    /// Not to be taken yet.
    pub delayed: u64,
}

impl Depth {
    /// All of them.
    #[must_use]
    pub const fn all(self) -> u64 {
        self.visible + self.in_flight + self.delayed
    }
}

/// A message that was taken from a queue.
#[derive(Clone, Debug)]
pub struct Received {
    /// The text.
    pub body: String,
    /// The texts beside it.
    pub attributes: BTreeMap<String, String>,
    receipt: String,
}

impl Received {
    /// Why it is a dead letter: a word.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.attribute("reason")
    }

    /// An attribute; empty if it is missing.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// The envelope in it.
    ///
    /// # Errors
    /// When it is none that the product would read.
    pub fn envelope(&self) -> Result<Envelope<'_>> {
        Ok(Envelope::read(&self.body)?)
    }

    /// How many changes of a user in an audience its envelope holds; 0 if it is none.
    #[must_use]
    pub fn changes(&self) -> usize {
        let of_row = |row: &envelope::Row<'_>| {
            row.adds.len() + row.deletes.len() + row.unmapped_adds.len() + row.unmapped_deletes.len()
        };
        self.envelope().map_or(0, |envelope| envelope.rows.iter().map(of_row).sum())
    }
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
            delayed: number("ApproximateNumberOfMessagesDelayed")?,
        })
    }

    /// Waits until it is empty.
    ///
    /// # Errors
    /// When it is not after `patience`.
    pub async fn drained(&self, patience: Duration) -> Result<()> {
        self.drained_showing(patience, |_| ()).await
    }

    /// The same, and shows each depth on the way.
    ///
    /// # Errors
    /// When it is not empty after `patience`.
    pub async fn drained_showing(&self, patience: Duration, mut show: impl FnMut(Depth)) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let depth = self.depth().await?;
            show(depth);
            if depth.all() == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the queue is not empty after {} s: {depth:?}", patience.as_secs());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Takes all that is visible, and leaves it hidden for a minute.
    ///
    /// # Errors
    /// When SQS is not reached.
    pub async fn receive_all(&self) -> Result<Vec<Received>> {
        let mut all = Vec::new();
        let input = json!({ "MaxNumberOfMessages": 10, "VisibilityTimeout": 60, "MessageAttributeNames": ["All"] });
        loop {
            let answer = self.call("ReceiveMessage", input.clone()).await?;
            let Some(messages) = answer["Messages"].as_array().filter(|messages| !messages.is_empty()) else {
                return Ok(all);
            };
            for message in messages {
                all.push(received(message)?);
            }
        }
    }

    /// Takes all that is visible out of it for good.
    ///
    /// # Errors
    /// When SQS is not reached.
    pub async fn take_all(&self) -> Result<Vec<Received>> {
        let all = self.receive_all().await?;
        for message in &all {
            self.call("DeleteMessage", json!({ "ReceiptHandle": message.receipt })).await?;
        }
        Ok(all)
    }

    /// Makes messages visible again at once.
    ///
    /// # Errors
    /// When SQS is not reached.
    pub async fn put_back(&self, messages: &[Received]) -> Result<()> {
        for message in messages {
            let input = json!({ "ReceiptHandle": message.receipt, "VisibilityTimeout": 0 });
            self.call("ChangeMessageVisibility", input).await?;
        }
        Ok(())
    }

    /// Puts a message on it.
    ///
    /// # Errors
    /// When SQS does not take it.
    pub async fn send(&self, body: &str, group: &str) -> Result<()> {
        self.call("SendMessage", json!({ "MessageBody": body, "MessageGroupId": group })).await.map(drop)
    }

    /// Deletes it: whoever sends to it now is refused.
    ///
    /// # Errors
    /// When SQS is not reached.
    pub async fn remove(&self) -> Result<()> {
        self.call("DeleteQueue", json!({})).await.map(drop)
    }

    /// Creates it again after `remove`, empty, with SQS's own defaults.
    ///
    /// # Errors
    /// When SQS is not reached.
    pub async fn restore(&self) -> Result<()> {
        let name = self.url.rsplit('/').next().unwrap_or_default();
        self.cloud.sqs("CreateQueue", &json!({ "QueueName": name })).await.map(drop)
    }

    /// Lets it take messages of at most so many bytes.
    ///
    /// # Errors
    /// When SQS is not reached.
    pub async fn limit(&self, bytes: u32) -> Result<()> {
        let attributes = json!({ "Attributes": { "MaximumMessageSize": bytes.to_string() } });
        self.call("SetQueueAttributes", attributes).await.map(drop)
    }

    async fn call(&self, operation: &str, mut input: Value) -> Result<Value> {
        input["QueueUrl"] = json!(self.url);
        self.cloud.sqs(operation, &input).await
    }
}

fn received(message: &Value) -> Result<Received> {
    let text =
        |name: &str| message[name].as_str().map(str::to_owned).with_context(|| format!("a message without {name}"));
    let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
    let value = |value: &Value| value["StringValue"].as_str().unwrap_or_default().to_owned();
    Ok(Received {
        body: text("Body")?,
        attributes: attributes.map(|(name, held)| (name.clone(), value(held))).collect(),
        receipt: text("ReceiptHandle")?,
    })
}
