//! Puts the envelopes of a request on the queue, or says that some are not known to be there.

use envelope::{GroupId, LaneParts};
use ids::ConnectionId;
use queue::{Outgoing, Queue, QueueError};
use tokio::time::Instant;

/// The attribute in which mParticle's id of the message travels, for the log and for letters.
pub(crate) const MESSAGE_ID: &str = "firehose_message_id";
/// The attribute in which the id of a person's request to be forgotten travels, for the same.
pub(crate) const SUBJECT_REQUEST_ID: &str = "subject_request_id";

/// Queues the envelopes of one connection, each lane in its order, until `deadline`. After an error some may be queued all the same,
/// which does no harm when they come again.
pub(crate) async fn send(
    queue: &Queue,
    connection: ConnectionId,
    lanes: Vec<LaneParts>,
    attributes: &[(&'static str, String)],
    deadline: Instant,
) -> Result<(), QueueError> {
    let outgoing = |LaneParts { lane, parts }: LaneParts| {
        let group = GroupId { connection, lane }.to_string();
        let message =
            |body| Outgoing { body, group: group.clone(), deduplication_id: None, attributes: attributes.to_vec() };
        parts.into_iter().map(message).collect()
    };
    queue.send_lanes(lanes.into_iter().map(outgoing).collect(), deadline).await
}
