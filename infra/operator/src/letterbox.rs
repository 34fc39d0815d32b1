//! Going through the dead-letter queue. Whoever looks at a letter takes it for a while: nobody else sees it meanwhile, and it goes back
//! when it was looked at. The queue has no other reader, so that nothing waits for it.

use std::collections::HashSet;
use std::time::Duration;

use queue::{Queue, QueueError, Received};

use crate::error::Error;
use crate::output::{Progress, count};

/// Letters looked at are away for so long, and for a second more with every hundred letters: the last must be read before the first is back.
const AWAY: Duration = Duration::from_mins(1);
const LETTERS_A_SECOND: u64 = 100;
/// SQS gives letters of several machines, so that one receive may bring nothing although there are some.
const EMPTY_RECEIVES: u32 = 2;
/// A letter may be missed by a receive that does not wait.
const WAIT: Duration = Duration::from_secs(1);

/// A walk through all letters.
pub(crate) struct Letterbox<'a> {
    queue: &'a Queue,
    away: Duration,
    known: HashSet<String>,
    taken: Vec<String>,
    empty: u32,
    total: u64,
    progress: Progress,
}

impl<'a> Letterbox<'a> {
    /// Opens the dead-letter queue.
    ///
    /// # Errors
    /// SQS does not say how many letters there are.
    pub(crate) async fn open(queue: &'a Queue) -> Result<Self, Error> {
        let depth = queue.depth().await?;
        let total = depth.visible.saturating_add(depth.in_flight);
        let away = AWAY.saturating_add(Duration::from_secs(total / LETTERS_A_SECOND));
        let (known, taken) = (HashSet::new(), Vec::new());
        Ok(Self { queue, away, known, taken, empty: 0, total, progress: Progress::new() })
    }

    /// The next letters, at most ten; none when all were seen once.
    ///
    /// # Errors
    /// SQS refuses. What was taken goes back by itself.
    pub(crate) async fn next(&mut self) -> Result<Vec<Received>, Error> {
        while self.empty < EMPTY_RECEIVES {
            let received = self.queue.receive(self.away, WAIT).await?;
            let mut fresh = Vec::new();
            for letter in received {
                self.taken.push(letter.receipt_handle.clone());
                if self.known.insert(letter.message_id.clone()) {
                    fresh.push(letter);
                }
            }
            if !fresh.is_empty() {
                self.empty = 0;
                let seen = count(self.known.len(), "letter");
                self.progress.say(&format!("{seen} of about {}", self.total.max(self.known.len() as u64)));
                return Ok(fresh);
            }
            self.empty += 1;
        }
        Ok(Vec::new())
    }

    /// Deletes letters, and says which of them are gone.
    pub(crate) async fn delete(&mut self, letters: &[&Received]) -> Vec<Result<(), QueueError>> {
        let handles: Vec<_> = letters.iter().map(|letter| letter.receipt_handle.as_str()).collect();
        let outcomes = self.queue.delete_batch(&handles).await;
        let gone: HashSet<&str> =
            handles.iter().zip(&outcomes).filter(|(_, gone)| gone.is_ok()).map(|(handle, _)| *handle).collect();
        self.taken.retain(|handle| !gone.contains(handle.as_str()));
        outcomes
    }

    /// Puts all letters back that are not gone. One that cannot be put back comes back by itself.
    pub(crate) async fn close(self) {
        let changes: Vec<_> = self.taken.iter().map(|handle| (handle.as_str(), Duration::ZERO)).collect();
        self.queue.set_visibility(&changes).await;
    }

    /// Shows how far it is.
    pub(crate) fn say(&mut self, what: &str) {
        self.progress.say(what);
    }
}
