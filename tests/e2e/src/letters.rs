//! Dead letters: the changes that were given up, each with its reason. They are taken off the queue as they are read, and kept for
//! the stories that share the stack until each has claimed its own.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::queue::Outgoing;

/// A dead letter.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// What was given up: an envelope, or what could not be read.
    pub body: String,
    /// Why, and whose it is.
    pub attributes: BTreeMap<String, String>,
    /// Its message group.
    pub group: String,
}

/// Without the body, which is long.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let changes = self.changes();
        f.debug_struct("Letter")
            .field("attributes", &self.attributes)
            .field("changes", &changes)
            .finish_non_exhaustive()
    }
}

impl Letter {
    /// Why: a word.
    #[must_use]
    pub fn cause(&self) -> &str {
        self.attribute("cause")
    }

    /// An attribute; empty if it is missing.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// The rows of its envelope; none if it is no envelope.
    #[must_use]
    pub fn rows(&self) -> Vec<Value> {
        let envelope: Value = serde_json::from_str(&self.body).unwrap_or_default();
        envelope["rows"].as_array().cloned().unwrap_or_default()
    }

    /// How many changes of an id in an audience its envelope holds; 0 if it is no envelope.
    #[must_use]
    pub fn changes(&self) -> usize {
        let of_row = |row: &Value| {
            let lists = ["adds", "deletes", "unmapped_adds", "unmapped_deletes"];
            lists.iter().map(|list| row[list].as_array().map_or(0, Vec::len)).sum::<usize>()
        };
        self.rows().iter().map(of_row).sum()
    }

    /// The same as a message to send again, in the lane `lane` of its connection.
    #[must_use]
    pub fn again(&self, lane: u8) -> Outgoing {
        let group = format!("{}.{}.{lane}", self.attribute("advertiser"), self.attribute("account"));
        let came_with = ("firehose_message_id", self.attribute("firehose_message_id").to_owned());
        let attributes = vec![("redriven", "true".to_owned()), came_with];
        Outgoing { attributes, ..Outgoing::new(self.body.clone(), group) }
    }

    fn of_message(message: &Value) -> Result<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
        Ok(Self {
            body: text(&message["Body"]).context("a message without a body")?,
            attributes: attributes
                .map(|(name, value)| (name.clone(), text(&value["StringValue"]).unwrap_or_default()))
                .collect(),
            group: text(&message["Attributes"]["MessageGroupId"]).unwrap_or_default(),
        })
    }
}

/// How many changes letters hold together.
#[must_use]
pub fn changes(letters: &[Letter]) -> usize {
    letters.iter().map(Letter::changes).sum()
}

/// The dead letters of a stack that no story has claimed yet.
#[derive(Debug)]
pub(crate) struct Letterbox {
    url: String,
    letters: Vec<Letter>,
}

impl Letterbox {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), letters: Vec::new() }
    }

    /// Takes those that `is_mine` picks, after looking for new ones.
    pub(crate) async fn claim(&mut self, cloud: &Cloud, is_mine: impl Fn(&Letter) -> bool) -> Result<Vec<Letter>> {
        while self.receive(cloud).await? > 0 {}
        Ok(self.letters.extract_if(.., |letter| is_mine(letter)).collect())
    }

    async fn receive(&mut self, cloud: &Cloud) -> Result<usize> {
        let input = json!({
            "QueueUrl": self.url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 60,
            "MessageAttributeNames": ["All"], "AttributeNames": ["All"],
        });
        let answer = cloud.sqs("ReceiveMessage", &input).await?;
        let messages = answer["Messages"].as_array().map_or(&[][..], Vec::as_slice);
        let handles = messages.iter().enumerate();
        let entries: Vec<_> = handles
            .map(|(number, message)| json!({ "Id": number.to_string(), "ReceiptHandle": message["ReceiptHandle"] }))
            .collect();
        for message in messages {
            self.letters.push(Letter::of_message(message)?);
        }
        if !entries.is_empty() {
            cloud.sqs("DeleteMessageBatch", &json!({ "QueueUrl": self.url, "Entries": entries })).await?;
        }
        Ok(messages.len())
    }
}
