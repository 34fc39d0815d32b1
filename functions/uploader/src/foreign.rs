//! Messages whose group is no lane's: somebody else put them on the queue. Each becomes a letter as it is, and blocks nothing but its group.

use std::collections::HashSet;

use queue::{Queue, Received};
use tokio::time::Instant;

use crate::acknowledge::LETTERS;
use crate::cause::{Cause, Reason};
use crate::letter::Letter;

/// Writes the letters of `messages`, which came in the order of their groups, and deletes them. Says which are gone, by their ids.
pub(crate) async fn give_up(
    messages: Vec<Received>,
    queue: &Queue,
    dead_letters: &Queue,
    until: Instant,
) -> HashSet<String> {
    let (mut gone, mut kept) = (HashSet::new(), HashSet::new());
    for message in messages {
        if kept.contains(&message.group) {
            continue;
        }
        let reason = Reason::new(Cause::Unreadable, "its message group is not one of this product's lanes");
        let letter = Letter::as_it_is(&message, None, &reason).outgoing();
        let written = dead_letters.send(&[letter], until.min(Instant::now() + LETTERS)).await;
        let mut outcomes = written.into_iter().collect::<Result<Vec<()>, _>>();
        if outcomes.is_ok() {
            outcomes = queue.delete_batch(&[&message.receipt_handle]).await.into_iter().collect();
        }
        match outcomes {
            Ok(_) => {
                metrics::counter!("dead_letters", "cause" => Cause::Unreadable.word()).increment(1);
                tracing::error!(
                    cause = Cause::Unreadable.word(),
                    message_id = message.message_id,
                    "a queue message is not one of this product's; it is in the dead-letter queue"
                );
                gone.insert(message.message_id);
            }
            Err(error) => {
                tracing::error!(%error, message_id = message.message_id, "a message that cannot be read stays on the queue");
                kept.insert(message.group);
            }
        }
    }
    gone
}
