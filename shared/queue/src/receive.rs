//! Receiving messages, and how many there are.

use std::time::Duration;

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};

use crate::settle::whole_seconds;
use crate::{Queue, QueueError, Received};

/// SQS gives at most this many messages at a time.
const MAX_RECEIVED: i32 = 10;
/// The longest that SQS waits for a message.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// About how many messages a queue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Waiting to be received, those behind a message in flight included.
    pub visible: u64,
    /// Received, and neither deleted nor visible again.
    pub in_flight: u64,
}

impl Queue {
    /// Up to 10 messages, invisible to others for `visibility`; waits for one for at most `wait` (20 s), which the client's time-out for an
    /// attempt must exceed.
    ///
    /// # Errors
    /// [`QueueError`]. With [`QueueError::NoAnswer`], messages may be in flight that nobody has; they come back after `visibility`.
    pub async fn receive(&self, visibility: Duration, wait: Duration) -> Result<Vec<Received>, QueueError> {
        let request = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(MAX_RECEIVED)
            .visibility_timeout(whole_seconds(visibility))
            .wait_time_seconds(whole_seconds(wait.min(MAX_WAIT)))
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All");
        let answer = request.send().await.map_err(|error| QueueError::of_call(&error))?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(Received::from_message).collect())
    }

    /// How many messages there are, as SQS estimates it.
    ///
    /// # Errors
    /// [`QueueError`] if SQS does not say.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        let visible = QueueAttributeName::ApproximateNumberOfMessages;
        let in_flight = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        let request = request.attribute_names(visible.clone()).attribute_names(in_flight.clone());
        let answer = request.send().await.map_err(|error| QueueError::of_call(&error))?;
        let count = |name| {
            let count = answer.attributes().and_then(|attributes| attributes.get(name)?.parse().ok());
            count.ok_or_else(|| QueueError::Busy("an answer without a number of messages".to_owned()))
        };
        Ok(Depth { visible: count(&visible)?, in_flight: count(&in_flight)? })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::Client;
    use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesOutput;
    use aws_sdk_sqs::operation::receive_message::ReceiveMessageOutput;
    use aws_sdk_sqs::types::builders::MessageBuilder;
    use aws_sdk_sqs::types::{Message, MessageAttributeValue};
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::doubles::queue;

    fn message() -> MessageBuilder {
        Message::builder()
            .message_id("m-1")
            .receipt_handle("AQEB")
            .body("the body")
            .attributes(MessageSystemAttributeName::MessageGroupId, "7.1.3")
            .attributes(MessageSystemAttributeName::SentTimestamp, "1714592744065")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "2")
    }

    #[tokio::test]
    async fn a_message_comes_with_all_that_sqs_knows_of_it() {
        let rule = mock!(Client::receive_message)
            .match_requests(|request| {
                request.max_number_of_messages() == Some(10)
                    && request.visibility_timeout() == Some(120)
                    && request.wait_time_seconds() == Some(1)
                    && request.message_system_attribute_names() == [MessageSystemAttributeName::All]
                    && request.message_attribute_names() == ["All"]
            })
            .then_output(|| {
                let text = MessageAttributeValue::builder().data_type("String").string_value("f-1").build().unwrap();
                let without_group = Message::builder().message_id("m-2").receipt_handle("AQEC").body("x").build();
                let whole = message().message_attributes("firehose_message_id", text).build();
                ReceiveMessageOutput::builder().messages(whole).messages(without_group).build()
            });
        let received = queue(&[&rule]).receive(Duration::from_mins(2), Duration::from_secs(1)).await.unwrap();
        let attributes = [("firehose_message_id".to_owned(), "f-1".to_owned())].into();
        let expected = Received {
            message_id: "m-1".to_owned(),
            receipt_handle: "AQEB".to_owned(),
            body: "the body".to_owned(),
            group: "7.1.3".to_owned(),
            sent_ms: 1_714_592_744_065,
            receive_count: 2,
            attributes,
        };
        assert_eq!(received, [expected]);
        assert!(!format!("{received:?}").contains("body\"") && !format!("{received:?}").contains("AQEB"));
    }

    #[tokio::test]
    async fn an_empty_queue_gives_nothing_and_a_queue_that_is_not_there_an_error() {
        let nothing = mock!(Client::receive_message).then_output(|| ReceiveMessageOutput::builder().build());
        assert_eq!(queue(&[&nothing]).receive(Duration::ZERO, Duration::ZERO).await, Ok(Vec::new()));
        let down = mock!(Client::receive_message).sequence().http_status(503, None).build();
        let error = queue(&[&down]).receive(Duration::ZERO, Duration::ZERO).await.unwrap_err();
        assert!(error.is_passing(), "{error}");
        assert_eq!(down.num_calls(), 1);
    }

    #[tokio::test]
    async fn the_depth_is_what_waits_and_what_is_in_flight() {
        let rule = mock!(Client::get_queue_attributes).then_output(|| {
            GetQueueAttributesOutput::builder()
                .attributes(QueueAttributeName::ApproximateNumberOfMessages, "120000")
                .attributes(QueueAttributeName::ApproximateNumberOfMessagesNotVisible, "31")
                .build()
        });
        assert_eq!(queue(&[&rule]).depth().await, Ok(Depth { visible: 120_000, in_flight: 31 }));
        let silent = mock!(Client::get_queue_attributes).then_output(|| GetQueueAttributesOutput::builder().build());
        assert!(queue(&[&silent]).depth().await.is_err());
    }
}
