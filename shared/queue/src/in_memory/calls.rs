//! What SQS answers to each call, in its JSON protocol.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_double::Answer;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::fifo::{Fifo, Invalid, Message, New};
use super::refused_entries::RefusedEntries;
use crate::message::is_taken;
use crate::{BATCH_ENTRIES, MAX_MESSAGE_BYTES};

/// What an entry of a batch comes to.
struct EntryError {
    code: &'static str,
    senders_fault: bool,
    message: &'static str,
}

impl EntryError {
    const fn senders(code: &'static str) -> Self {
        Self { code, senders_fault: true, message: "as SQS would say" }
    }
}

impl From<Invalid> for EntryError {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::Unknown => Self::senders("ReceiptHandleIsInvalid"),
            Invalid::Expired => Self {
                message: "Value AQEB for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
                ..Self::senders("InvalidParameterValue")
            },
            Invalid::Deleted => Self {
                message: "Reason: Message does not exist or is not available for visibility timeout change.",
                ..Self::senders("InvalidParameterValue")
            },
        }
    }
}

/// One call of a queue. `None`: there is nothing to receive yet.
pub(super) fn call(fifo: &mut Fifo, action: &str, body: &Value, refused: &mut RefusedEntries) -> Option<Answer> {
    let now = Instant::now();
    Some(match action {
        "ReceiveMessage" => return receive(fifo, body, now),
        "SendMessageBatch" => send_batch(fifo, body, refused, now),
        "DeleteMessageBatch" => batch(body, refused, action, |entry| {
            fifo.delete(text(entry, "ReceiptHandle"), now)?;
            Ok(json!({}))
        }),
        "ChangeMessageVisibilityBatch" => batch(body, refused, action, |entry| {
            fifo.set_visibility(text(entry, "ReceiptHandle"), seconds(entry, "VisibilityTimeout", 30), now)?;
            Ok(json!({}))
        }),
        "GetQueueAttributes" => Ok(attributes(fifo, now)),
        _ => Err("UnknownOperationException"),
    })
}

fn receive(fifo: &mut Fifo, body: &Value, now: Instant) -> Option<Answer> {
    let most = body["MaxNumberOfMessages"].as_u64().unwrap_or(1);
    if !(1..=10).contains(&most) || seconds(body, "WaitTimeSeconds", 0) > Duration::from_secs(20) {
        return Some(Err("InvalidParameterValue"));
    }
    let most = usize::try_from(most).unwrap_or(1);
    let received = fifo.receive(most, seconds(body, "VisibilityTimeout", 30), now);
    let messages: Vec<_> = received.iter().map(|message| delivered(message, body)).collect();
    (!messages.is_empty()).then(|| Ok(json!({ "Messages": messages })))
}

/// A message with the attributes that were asked for.
fn delivered(message: &Message, asked: &Value) -> Value {
    let has = |field: &str, name: &str| {
        asked[field].as_array().is_some_and(|names| names.iter().any(|asked| asked == name || asked == "All"))
    };
    let system = [
        ("MessageGroupId", message.group.clone()),
        ("SentTimestamp", message.sent_ms.to_string()),
        ("ApproximateReceiveCount", message.receive_count.to_string()),
    ];
    let system = system.into_iter().filter(|(name, _)| has("MessageSystemAttributeNames", name));
    let system: Map<_, _> = system.map(|(name, value)| (name.to_owned(), value.into())).collect();
    let own = message.attributes.iter().filter(|(name, _)| has("MessageAttributeNames", name));
    let own: Map<_, _> =
        own.map(|(name, value)| (name.clone(), json!({"DataType": "String", "StringValue": value}))).collect();
    json!({
        "MessageId": message.message_id, "ReceiptHandle": message.handle(), "Body": message.body,
        "Attributes": system, "MessageAttributes": own,
    })
}

fn send_batch(fifo: &mut Fifo, body: &Value, refused: &mut RefusedEntries, now: Instant) -> Answer {
    let entries = body["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    if entries.iter().map(|entry| bytes(&new(entry))).sum::<usize>() > MAX_MESSAGE_BYTES {
        return Err("BatchRequestTooLong");
    }
    batch(body, refused, "SendMessageBatch", |entry| {
        let new = new(entry);
        if new.group.is_empty() || new.group.len() > 128 || new.attributes.len() > 10 {
            return Err(EntryError::senders("InvalidParameterValue"));
        }
        let texts = new.attributes.values().chain([&new.body]);
        if texts.into_iter().any(|text| text.is_empty() || !text.chars().all(is_taken)) {
            return Err(EntryError::senders("InvalidMessageContents"));
        }
        Ok(json!({"MessageId": fifo.send(new, now), "MD5OfMessageBody": ""}))
    })
}

fn new(entry: &Value) -> New {
    let values = entry["MessageAttributes"].as_object().into_iter().flatten();
    let attributes: BTreeMap<_, _> =
        values.map(|(name, value)| (name.clone(), text(value, "StringValue").to_owned())).collect();
    New {
        group: text(entry, "MessageGroupId").to_owned(),
        body: text(entry, "MessageBody").to_owned(),
        deduplication_id: entry["MessageDeduplicationId"].as_str().map(str::to_owned),
        attributes,
        sent_ms: now_ms(),
    }
}

/// The size that SQS counts: the names, types and values of attributes too.
fn bytes(new: &New) -> usize {
    let attributes = new.attributes.iter().map(|(name, value)| name.len() + "String".len() + value.len());
    new.body.len() + attributes.sum::<usize>()
}

/// Carries out each entry of a batch by itself.
fn batch(
    body: &Value,
    refused: &mut RefusedEntries,
    action: &str,
    mut carry_out: impl FnMut(&Value) -> Result<Value, EntryError>,
) -> Answer {
    let entries = body["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut ids: Vec<_> = entries.iter().map(|entry| text(entry, "Id")).collect();
    ids.sort_unstable();
    ids.dedup();
    if entries.is_empty() {
        return Err("EmptyBatchRequest");
    } else if entries.len() > BATCH_ENTRIES {
        return Err("TooManyEntriesInBatchRequest");
    } else if ids.len() < entries.len() {
        return Err("BatchEntryIdsNotDistinct");
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        let done = match refused.take(action, entry) {
            Some((code, senders_fault)) => Err(EntryError { senders_fault, ..EntryError::senders(code) }),
            None => carry_out(entry),
        };
        match done {
            Ok(mut done) => {
                done["Id"] = entry["Id"].clone();
                successful.push(done);
            }
            Err(EntryError { code, senders_fault, message }) => {
                failed.push(json!({"Id": entry["Id"], "Code": code, "SenderFault": senders_fault, "Message": message}));
            }
        }
    }
    Ok(json!({"Successful": successful, "Failed": failed}))
}

fn attributes(fifo: &Fifo, now: Instant) -> Value {
    let in_flight = fifo.messages.iter().filter(|message| message.is_in_flight(now)).count();
    json!({"Attributes": {
        "ApproximateNumberOfMessages": (fifo.messages.len() - in_flight).to_string(),
        "ApproximateNumberOfMessagesNotVisible": in_flight.to_string(),
    }})
}

pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn seconds(body: &Value, field: &str, default: u64) -> Duration {
    Duration::from_secs(body[field].as_u64().unwrap_or(default))
}

pub(super) fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap_or_default()
}
