//! Lambda's SQS event and the answer to it.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// A batch of queue messages. Bodies are read as text only; what they say is [`envelope`]'s to tell.
#[derive(Debug, Deserialize)]
pub struct Event<'a> {
    /// The messages.
    #[serde(rename = "Records", borrow)]
    pub messages: Vec<Message<'a>>,
}

/// A delivery of a message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message<'a> {
    /// The id by which its outcome is reported.
    #[serde(borrow)]
    pub message_id: Cow<'a, str>,
    /// The handle of this delivery.
    #[serde(borrow)]
    pub receipt_handle: Cow<'a, str>,
    /// The envelope.
    #[serde(borrow)]
    pub body: Cow<'a, str>,
    #[serde(default)]
    attributes: Attributes,
    #[serde(default, rename = "messageAttributes")]
    beside: HashMap<String, Value>,
}

/// Without the body, which may hold raw device ids.
impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({})", self.message_id)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Attributes {
    sent_timestamp: String,
    approximate_receive_count: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    #[serde(default)]
    string_value: Option<String>,
}

/// The attribute with which a message goes back to the queue in part: when the first of its changes was queued, in milliseconds since 1970.
pub const FIRST_SENT: &str = "first_sent_ms";
/// The attribute that counts how often those changes had come back before.
pub const RETURNS: &str = "returns";

impl Message<'_> {
    /// When the oldest of its changes was queued, in milliseconds since 1970; `now_ms` if SQS does not say.
    #[must_use]
    pub fn first_sent_ms(&self, now_ms: i64) -> i64 {
        let sent = self.attribute(FIRST_SENT).or_else(|| self.attributes.sent_timestamp.parse().ok());
        sent.unwrap_or(now_ms)
    }

    /// How often its changes have come back: 0 at the first delivery.
    #[must_use]
    pub fn returns(&self) -> u32 {
        let received = self.attributes.approximate_receive_count.parse::<u32>().unwrap_or(1);
        let before = self.attribute(RETURNS).and_then(|returns| u32::try_from(returns).ok()).unwrap_or(0);
        received.saturating_sub(1).saturating_add(before)
    }

    fn attribute(&self, name: &str) -> Option<i64> {
        self.beside.get(name)?.string_value.as_ref()?.parse().ok()
    }
}

/// Which messages come back; all others are done and deleted.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// Those that come back.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<Failure>,
}

/// A message that comes back.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Its id.
    #[serde(rename = "itemIdentifier")]
    pub message_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_and_counts_from_the_first_time_it_was_queued() {
        let event: Event<'_> = serde_json::from_str(
            r#"{"Records":[
                {"messageId":"1","receiptHandle":"r","body":"{\"a\":1}","md5OfBody":"x","eventSource":"aws:sqs",
                 "attributes":{"SentTimestamp":"500","ApproximateReceiveCount":"3","SenderId":"s"},"messageAttributes":{}},
                {"messageId":"2","receiptHandle":"r","body":"","attributes":{"SentTimestamp":"500","ApproximateReceiveCount":"1"},
                 "messageAttributes":{"first_sent_ms":{"stringValue":"100","dataType":"String"},"returns":{"stringValue":"4"}}},
                {"messageId":"3","receiptHandle":"r","body":""}]}"#,
        )
        .unwrap();
        let read: Vec<_> = event.messages.iter().map(|m| (m.first_sent_ms(900), m.returns())).collect();
        assert_eq!(read, [(500, 2), (100, 4), (900, 0)]);
        assert_eq!(event.messages[0].body, r#"{"a":1}"#);
        assert_eq!(format!("{:?}", event.messages[0]), "Message(1)");
    }
}
