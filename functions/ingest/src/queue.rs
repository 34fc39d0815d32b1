//! Puts envelopes on the queue: in one call where one suffices, else in parallel ones, and every entry's outcome is checked.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::stream::{self, StreamExt, TryStreamExt};
use ids::AdvertiserId;

/// SQS takes at most this many entries a call.
const MAX_ENTRIES: usize = 10;
/// SQS takes at most 1 MiB a call; a little is left for what it may count besides bodies.
const MAX_BATCH_BYTES: usize = 1024 * 1024 - 16 * 1024;
/// Calls that are under way at once.
const PARALLEL: usize = 8;
/// How often a batch is sent.
const TRIES: u32 = 4;
/// How long all of it may take. mParticle would rather wait than repeat.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// How long the first pause is at most; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Some envelopes are not known to be on the queue.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueueError {
    /// SQS refused the call or entries of it again and again. The last reason.
    #[error("SQS does not take the messages: {0}")]
    Refused(String),
    /// It took too long.
    #[error("SQS did not take the messages within {} ms", PATIENCE.as_millis())]
    Late,
}

/// The queue that the uploader reads.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) client: Client,
    pub(crate) url: String,
}

impl Queue {
    /// Queues `envelopes` of one advertiser. After an error some may be queued all the same, which does no harm when they come again.
    pub(crate) async fn send(&self, advertiser: AdvertiserId, envelopes: Vec<String>) -> Result<(), QueueError> {
        let group = advertiser.to_string();
        let sending = stream::iter(batches(envelopes))
            .map(|batch| self.send_batch(entries(batch, &group)))
            .buffer_unordered(PARALLEL)
            .try_collect::<()>();
        tokio::time::timeout(PATIENCE, sending).await.unwrap_or(Err(QueueError::Late))
    }

    async fn send_batch(&self, mut entries: Vec<SendMessageBatchRequestEntry>) -> Result<(), QueueError> {
        let mut pause = FIRST_PAUSE;
        let mut why = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
                pause *= 2;
            }
            let call = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries.clone()));
            match call.send().await {
                Ok(answer) => {
                    entries.retain(|entry| !answer.successful().iter().any(|sent| sent.id() == entry.id()));
                    if entries.is_empty() {
                        return Ok(());
                    }
                    let codes = answer.failed().iter().map(aws_sdk_sqs::types::BatchResultErrorEntry::code);
                    why = format!("{} entries refused: {}", entries.len(), codes.collect::<Vec<_>>().join(", "));
                }
                Err(error) => why = error.code().map_or_else(|| DisplayErrorContext(&error).to_string(), str::to_owned),
            }
        }
        Err(QueueError::Refused(why))
    }
}

/// Parts envelopes into calls that SQS takes.
fn batches(envelopes: Vec<String>) -> Vec<Vec<String>> {
    let mut batches: Vec<Vec<String>> = Vec::new();
    let mut bytes = 0;
    for envelope in envelopes {
        bytes += envelope.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < MAX_ENTRIES && bytes <= MAX_BATCH_BYTES => batch.push(envelope),
            Some(_) | None => {
                bytes = envelope.len();
                batches.push(vec![envelope]);
            }
        }
    }
    batches
}

/// The advertiser is the message group, so that SQS's fair queues keep a loud one from delaying the others.
fn entries(batch: Vec<String>, group: &str) -> Vec<SendMessageBatchRequestEntry> {
    let entry = |(id, body): (usize, String)| {
        SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(body).message_group_id(group).build()
    };
    batch.into_iter().enumerate().filter_map(|numbered| entry(numbered).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_as_full_as_sqs_takes_them() {
        let sizes = |envelopes: Vec<usize>| -> Vec<usize> {
            let envelopes = envelopes.into_iter().map(|bytes| "x".repeat(bytes)).collect();
            batches(envelopes).iter().map(Vec::len).collect()
        };
        assert_eq!(sizes(vec![]), [0; 0]);
        assert_eq!(sizes(vec![1; 10]), [10]);
        assert_eq!(sizes(vec![1; 21]), [10, 10, 1]);
        assert_eq!(sizes(vec![240_000; 5]), [4, 1]);
        assert_eq!(sizes(vec![MAX_BATCH_BYTES, 1, 1_048_576, 1_048_576]), [1, 1, 1, 1]);
    }
}
