//! SQS in batches, with the outcome of every entry looked at: a batch that succeeds as a call can still have lost entries.

mod send;
mod visibility;

use aws_sdk_sqs::Client;

pub use send::Message;
pub use visibility::Postponed;

/// SQS takes so many entries in a batch.
const BATCH_ENTRIES: usize = 10;
/// Batches under way at once.
const PARALLEL_BATCHES: usize = 16;

/// SQS did not do what was asked of it, or did not answer. Safe to log: it holds SQS's code and nothing of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("SQS: {0}")]
pub struct QueueError(String);

/// One queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue at `url`.
    #[must_use]
    pub const fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }
}
