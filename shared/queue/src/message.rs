//! Messages as they are sent and received, and what SQS lets one hold.

use std::collections::HashMap;
use std::fmt;

use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName, SendMessageBatchRequestEntry};

use crate::QueueError;

/// SQS takes so many bytes in a message, its attributes counted: their names, types and values.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
const TEXT: &str = "String";

/// A message to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The text.
    pub body: String,
    /// The message group: messages of one group are received in the order in which they were sent.
    pub group: String,
    /// A message with the same one is dropped for five minutes; without one, the queue takes the hash of the body.
    pub deduplication_id: Option<String>,
    /// Names and values beside the body; deduplication ignores them. Characters that SQS does not take are left out, and so is an empty value.
    pub attributes: Vec<(&'static str, String)>,
}

/// Without body and attributes: they may hold device ids.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("group", &self.group).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl Outgoing {
    /// The size that SQS counts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let attributes = self.clean_attributes().map(|(name, value)| name.len() + TEXT.len() + value.len());
        self.body.len() + attributes.sum::<usize>()
    }

    pub(crate) fn check(&self) -> Result<(), QueueError> {
        let bytes = self.bytes();
        if bytes > MAX_MESSAGE_BYTES {
            Err(QueueError::TooLarge(bytes))
        } else if self.body.is_empty() || !self.body.chars().all(is_taken) {
            Err(QueueError::Unfit)
        } else {
            Ok(())
        }
    }

    pub(crate) fn entry(&self, id: usize) -> Result<SendMessageBatchRequestEntry, BuildError> {
        let mut entry = SendMessageBatchRequestEntry::builder()
            .id(id.to_string())
            .message_body(&self.body)
            .message_group_id(&self.group)
            .set_message_deduplication_id(self.deduplication_id.clone());
        for (name, value) in self.clean_attributes() {
            let value = MessageAttributeValue::builder().data_type(TEXT).string_value(value).build()?;
            entry = entry.message_attributes(name, value);
        }
        entry.build()
    }

    fn clean_attributes(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.attributes.iter().filter_map(|(name, value)| {
            let value: String = value.chars().filter(|c| is_taken(*c)).collect();
            (!value.is_empty()).then_some((*name, value))
        })
    }
}

/// Whether SQS takes the character, in a body or in an attribute: XML's characters, as its API reference lists them.
pub(crate) const fn is_taken(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)
}

/// A message that was received.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// SQS's id of the message, the same at each delivery.
    pub message_id: String,
    /// Names this delivery of it: valid while the message is invisible to others.
    pub receipt_handle: String,
    /// The text.
    pub body: String,
    /// The message group.
    pub group: String,
    /// When it was sent, in milliseconds since 1970.
    pub sent_ms: i64,
    /// How often it was received, this time included.
    pub receive_count: u32,
    /// Its attributes that are text.
    pub attributes: HashMap<String, String>,
}

/// Without body, handle and attributes.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("message_id", &self.message_id)
            .field("group", &self.group)
            .field("sent_ms", &self.sent_ms)
            .field("receive_count", &self.receive_count)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Received {
    /// `None` where something is missing that SQS gives with every message of a FIFO queue: it comes back after its visibility, and ends in
    /// the dead-letter queue.
    pub(crate) fn from_message(message: Message) -> Option<Self> {
        let mut system = message.attributes?;
        let mut take = |name| system.remove(&name);
        let attributes = message.message_attributes.unwrap_or_default();
        Some(Self {
            message_id: message.message_id?,
            receipt_handle: message.receipt_handle?,
            body: message.body?,
            group: take(MessageSystemAttributeName::MessageGroupId)?,
            sent_ms: take(MessageSystemAttributeName::SentTimestamp)?.parse().ok()?,
            receive_count: take(MessageSystemAttributeName::ApproximateReceiveCount)?.parse().ok()?,
            attributes: attributes.into_iter().filter_map(|(name, value)| Some((name, value.string_value?))).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::doubles::message;

    #[test]
    fn attributes_hold_only_what_sqs_takes_and_are_never_empty() {
        let odd = "a\u{0}b\u{7}c\u{fffe}\u{ffff}\t\u{1f600}\u{1ffff}".to_owned();
        let attributes = vec![("message", odd), ("nothing", "\u{0}".to_owned()), ("code", String::new())];
        let entry = Outgoing { attributes, ..message("g", "x") }.entry(3).unwrap();
        let sent = entry.message_attributes().unwrap();
        assert_eq!(sent.keys().collect::<Vec<_>>(), ["message"]);
        assert_eq!(sent["message"].string_value(), Some("abc\t\u{1f600}\u{1ffff}"));
    }

    #[test]
    fn an_entry_has_its_group_and_deduplication_id() {
        let entry = Outgoing { deduplication_id: Some("d".to_owned()), ..message("7.1.3", "x") }.entry(3).unwrap();
        assert_eq!((entry.id(), entry.message_body()), ("3", "x"));
        assert_eq!((entry.message_group_id(), entry.message_deduplication_id()), (Some("7.1.3"), Some("d")));
        assert_eq!(message("g", "x").entry(0).unwrap().message_deduplication_id(), None);
    }

    proptest! {
        #[test]
        fn the_size_counts_what_is_sent(body in ".{1,50}", name in "[a-z]{1,9}", value in any::<String>()) {
            let outgoing = Outgoing { attributes: vec![(name.leak(), value)], ..message("g", &body) };
            let entry = outgoing.entry(0).unwrap();
            let attributes = entry.message_attributes().into_iter().flatten();
            let attributes: usize = attributes.map(|(name, value)| {
                let text = value.string_value().unwrap();
                prop_assert!(!text.is_empty() && text.chars().all(is_taken));
                Ok(name.len() + value.data_type().len() + text.len())
            }).sum::<Result<usize, _>>()?;
            prop_assert_eq!(outgoing.bytes(), entry.message_body().len() + attributes);
        }
    }
}
