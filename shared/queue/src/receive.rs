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
