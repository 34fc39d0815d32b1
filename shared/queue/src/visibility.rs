//! Messages that come back later, and how many there are.

use std::time::Duration;

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, QueueAttributeName};
use futures::{StreamExt, stream};

use crate::{BATCH_ENTRIES, PARALLEL_BATCHES, Queue, QueueError};

/// A message in flight that is to come back.
#[derive(Debug, Clone)]
pub struct Postponed {
    /// The receipt handle of the delivery.
    pub receipt: String,
    /// From now, 12 hours at most.
    pub after: Duration,
}

impl Queue {
    /// Sets when messages come back, in parallel batches; tells how many could not be set. Those come back when the queue's own
    /// visibility time-out ends.
    pub async fn postpone(&self, postponed: &[Postponed]) -> usize {
        stream::iter(postponed.chunks(BATCH_ENTRIES))
            .map(|batch| async move { self.postpone_batch(batch).await.unwrap_or(batch.len()) })
            .buffer_unordered(PARALLEL_BATCHES)
            .fold(0, |sum, failed| async move { sum + failed })
            .await
    }

    async fn postpone_batch(&self, batch: &[Postponed]) -> Result<usize, QueueError> {
        let mut request = self.client.change_message_visibility_batch().queue_url(&self.url);
        for (id, one) in batch.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(id.to_string())
                .receipt_handle(&one.receipt)
                .visibility_timeout(i32::try_from(one.after.as_secs()).unwrap_or(43_200))
                .build()
                .map_err(|error| QueueError(error.to_string()))?;
            request = request.entries(entry);
        }
        let answer =
            request.send().await.map_err(|error| QueueError(error.code().unwrap_or("not reached").to_owned()))?;
        Ok(answer.failed().len())
    }

    /// About how many messages are in flight: delivered, and neither deleted nor back yet.
    ///
    /// # Errors
    /// [`QueueError`] if SQS does not say.
    pub async fn in_flight(&self) -> Result<u64, QueueError> {
        let name = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let request = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(name.clone());
        let answer =
            request.send().await.map_err(|error| QueueError(error.code().unwrap_or("not reached").to_owned()))?;
        answer
            .attributes()
            .and_then(|attributes| attributes.get(&name)?.parse().ok())
            .ok_or_else(|| QueueError("SQS did not say how many messages are in flight".to_owned()))
    }
}
