//! Puts the envelopes of a request on the queue, or says that some are not known to be there.

use std::time::Duration;

use ids::AdvertiserId;
use queue::{Message, Queue};

/// How long all of it may take. mParticle would rather wait than repeat.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// Some envelopes are not known to be on the queue.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueueError {
    /// SQS refused the call or entries of it again and again.
    #[error("the membership changes are not queued: {0}")]
    Refused(#[from] queue::QueueError),
    /// It took too long.
    #[error("SQS did not take the messages within {} ms", PATIENCE.as_millis())]
    Late,
}

/// Queues `envelopes` of one advertiser. After an error some may be queued all the same, which does no harm when they come again.
pub(crate) async fn send(queue: &Queue, advertiser: AdvertiserId, envelopes: Vec<String>) -> Result<(), QueueError> {
    // The advertiser is the message group, so that SQS's fair queues keep a loud one from delaying the others.
    let group = advertiser.to_string();
    let message = |body| Message { body, group: group.clone(), delay: Duration::ZERO, attributes: Vec::new() };
    let messages: Vec<_> = envelopes.into_iter().map(message).collect();
    let outcomes = tokio::time::timeout(PATIENCE, queue.send(&messages)).await.map_err(|_| QueueError::Late)?;
    outcomes.into_iter().try_for_each(|outcome| Ok(outcome?))
}
