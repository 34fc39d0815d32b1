//! Puts the envelopes of a request on the queue, or says that some are not known to be there.

use envelope::{GroupId, LaneParts};
use ids::ConnectionId;
use queue::{Outgoing, Queue, QueueError};
use tokio::time::Instant;

/// The attribute in which mParticle's id of the message travels, for the log and for letters.
const MESSAGE_ID: &str = "firehose_message_id";

/// Queues the envelopes of one connection, each lane in its order, until `deadline`. After an error some may be queued all the same,
/// which does no harm when they come again.
pub(crate) async fn send(
    queue: &Queue,
    connection: ConnectionId,
    lanes: Vec<LaneParts>,
    message_id: &str,
    deadline: Instant,
) -> Result<(), QueueError> {
    let outgoing = |LaneParts { lane, parts }: LaneParts| {
        let group = GroupId { connection, lane }.to_string();
        let message = |body| Outgoing {
            body,
            group: group.clone(),
            deduplication_id: None,
            attributes: vec![(MESSAGE_ID, message_id.to_owned())],
        };
        parts.into_iter().map(message).collect()
    };
    queue.send_lanes(lanes.into_iter().map(outgoing).collect(), deadline).await
}
