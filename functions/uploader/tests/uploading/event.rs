//! The event that Lambda makes of messages of a FIFO queue.

use queue::Received;
use serde_json::{Value, json};

/// The event of these messages.
pub(crate) fn event(messages: &[Received]) -> Value {
    let record = |message: &Received| {
        let attributes = message.attributes.iter().map(|(name, value)| {
            (name.clone(), json!({"stringValue": value, "binaryListValues": [], "dataType": "String"}))
        });
        json!({
            "messageId": message.message_id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": message.receive_count.to_string(),
                "SentTimestamp": message.sent_ms.to_string(),
                "SequenceNumber": "18849496460467696128",
                "MessageGroupId": message.group,
                "SenderId": "AROA",
                "MessageDeduplicationId": "1",
                "ApproximateFirstReceiveTimestamp": "1714592744065",
            },
            "messageAttributes": attributes.collect::<serde_json::Map<_, _>>(),
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:changes.fifo",
            "awsRegion": "us-east-1",
        })
    };
    json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() })
}
