//! SQS FIFO in batches, with the outcome of every entry looked at: a batch that succeeds as a call can still have lost entries.
//!
//! It keeps the order in which messages of one lane are sent. What a message means, and when it is done, is not known here.

mod attempts;
mod error;
#[cfg(feature = "in-memory")]
pub mod in_memory;
mod message;
mod receive;
mod send;
mod settle;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;

pub use error::QueueError;
pub use message::{MAX_MESSAGE_BYTES, Outgoing, Received};
pub use receive::Depth;

/// SQS takes so many entries in a batch.
const BATCH_ENTRIES: usize = 10;
/// Batches under way at once.
const PARALLEL_BATCHES: usize = 16;

/// One FIFO queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue at `url`. The client's time-out bounds each attempt; its retries are switched off, since this crate makes its own and two
    /// layers of them multiply.
    #[must_use]
    pub fn new(client: &Client, url: String) -> Self {
        let config = client.config().to_builder().retry_config(RetryConfig::disabled()).build();
        Self { client: Client::from_conf(config), url }
    }
}

#[cfg(test)]
mod doubles;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use crate::doubles::queue;

    /// The functions run these in tasks.
    #[test]
    fn every_call_can_move_between_threads() {
        const fn moves<T: Send>(_: &T) {}
        let (queue, until) = (queue(&[]), Instant::now());
        moves(&queue.send_lanes(Vec::new(), until));
        moves(&queue.send(&[], until));
        moves(&queue.receive(Duration::ZERO, Duration::ZERO));
        moves(&queue.set_visibility(&[]));
        moves(&queue.delete_batch(&[]));
        moves(&queue.depth());
    }
}
