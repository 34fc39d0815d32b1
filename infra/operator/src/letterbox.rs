//! Going through the dead-letter queue. Whoever looks at a letter takes it for a while: nobody else sees it meanwhile, and it goes back
//! when it was looked at. The queue has no other readers than these commands, so that nothing else waits for it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use queue::{Queue, QueueError, Received};
use tokio::time::Instant;

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
    /// The last receipt handle of each letter that is away, by SQS's id of it.
    taken: HashMap<String, String>,
    empty: u32,
    opened: Instant,
    total: u64,
    in_flight: u64,
    progress: Progress,
}

/// Opens the dead-letter queue for `work`, and puts all letters back that are not gone, whatever comes of it.
///
/// # Errors
/// Those of `work`, or SQS does not say how many letters there are.
pub(crate) async fn walk<T>(
    queue: &Queue,
    work: impl AsyncFnOnce(&mut Letterbox<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut letterbox = Letterbox::open(queue).await?;
    let outcome = work(&mut letterbox).await;
    letterbox.close().await;
    outcome
}

impl<'a> Letterbox<'a> {
    async fn open(queue: &'a Queue) -> Result<Self, Error> {
        let depth = queue.depth().await?;
        let total = depth.visible.saturating_add(depth.in_flight);
        let away = AWAY.saturating_add(Duration::from_secs(total / LETTERS_A_SECOND));
        let (known, taken, progress) = (HashSet::new(), HashMap::new(), Progress::new());
        Ok(Self {
            queue,
            away,
            known,
            taken,
            empty: 0,
            opened: Instant::now(),
            total,
            in_flight: depth.in_flight,
            progress,
        })
    }

    /// The next letters, at most ten; none when all were seen once.
    ///
    /// # Errors
    /// SQS refuses.
    pub(crate) async fn next(&mut self) -> Result<Vec<Received>, Error> {
        while self.empty < EMPTY_RECEIVES {
            let received = self.queue.receive(self.away, WAIT).await?;
            self.empty = if received.is_empty() { self.empty + 1 } else { 0 };
            let mut fresh = Vec::new();
            for letter in received {
                self.taken.insert(letter.message_id.clone(), letter.receipt_handle.clone());
                if self.known.insert(letter.message_id.clone()) {
                    fresh.push(letter);
                } else {
                    // SQS gives the oldest first: letters that come back too early would hide the others for good.
                    self.away = self.away.max(self.opened.elapsed() * 2);
                }
            }
            if !fresh.is_empty() {
                let seen = count(self.known.len(), "letter");
                self.progress.say(&format!("{seen} of about {}", self.total.max(self.known.len() as u64)));
                return Ok(fresh);
            }
        }
        Ok(Vec::new())
    }

    /// How many letters were not seen, since another command has them. What SQS says of that may be a minute old.
    pub(crate) fn elsewhere(&self) -> u64 {
        self.in_flight.min(self.total.saturating_sub(self.known.len() as u64))
    }

    /// Keeps letters away for as long as if they had been taken now.
    ///
    /// # Errors
    /// One of them is not ours any more, or nobody knows.
    pub(crate) async fn hold<'r>(&self, letters: impl Iterator<Item = &'r Received>) -> Result<(), QueueError> {
        let changes: Vec<_> = letters.map(|letter| (self.handle(letter), self.away)).collect();
        self.queue.set_visibility(&changes).await.into_iter().collect()
    }

    /// Deletes letters, and says which of them are gone.
    pub(crate) async fn delete(&mut self, letters: &[&Received]) -> Vec<Result<(), QueueError>> {
        let handles: Vec<_> = letters.iter().map(|letter| self.handle(letter)).collect();
        let outcomes = self.queue.delete_batch(&handles).await;
        for (letter, _) in letters.iter().zip(&outcomes).filter(|(_, gone)| gone.is_ok()) {
            self.taken.remove(&letter.message_id);
        }
        outcomes
    }

    fn handle<'s>(&'s self, letter: &'s Received) -> &'s str {
        self.taken.get(&letter.message_id).unwrap_or(&letter.receipt_handle)
    }

    /// Puts all letters back that are not gone. One that cannot be put back comes back by itself.
    async fn close(self) {
        let changes: Vec<_> = self.taken.values().map(|handle| (handle.as_str(), Duration::ZERO)).collect();
        self.queue.set_visibility(&changes).await;
    }

    /// Shows how far it is.
    pub(crate) fn say(&mut self, what: &str) {
        self.progress.say(what);
    }
}

/// What to say of letters that another command has.
pub(crate) fn elsewhere_text(letters: u64) -> Option<String> {
    let letters = (letters > 0).then(|| count(letters, "letter"))?;
    Some(format!("Not seen: {letters}, which another command has or had a moment ago; start it again in a minute."))
}

#[cfg(test)]
mod tests {
    use queue::in_memory::InMemory;

    use super::*;

    const LETTERS: &str = "http://sqs/dead-letters.fifo";

    /// So many letters, each in a group of its own as the uploader writes them.
    fn letters(number: u32) -> (InMemory, Queue) {
        let sqs = InMemory::default();
        for letter in 0..number {
            sqs.send(LETTERS, &format!("l-{letter}"), &format!("body {letter}"), &[]);
        }
        let queue = Queue::new(&sqs.client(), LETTERS.to_owned());
        (sqs, queue)
    }

    async fn all(letterbox: &mut Letterbox<'_>) -> Result<Vec<Received>, Error> {
        let mut all = Vec::new();
        loop {
            let received = letterbox.next().await?;
            if received.is_empty() {
                return Ok(all);
            }
            all.extend(received);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn letters_that_come_back_before_the_end_hide_no_others_and_count_once() {
        let (sqs, queue) = letters(95);
        sqs.set_latency(Duration::from_secs(8));
        let seen = walk(&queue, async |letterbox| Ok(all(letterbox).await?.len()));
        assert_eq!(seen.await.unwrap(), 95);
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_command_has_is_told_and_what_came_back_is_not() {
        let (sqs, queue) = letters(12);
        let theirs = sqs.receive(LETTERS, Duration::from_mins(1));
        let (seen, elsewhere) =
            walk(&queue, async |letterbox| Ok((all(letterbox).await?.len(), letterbox.elsewhere()))).await.unwrap();
        assert_eq!((theirs.len(), seen, elsewhere), (10, 2, 10));
        tokio::time::sleep(Duration::from_mins(2)).await;
        let elsewhere = walk(&queue, async |letterbox| all(letterbox).await.map(|_| letterbox.elsewhere()));
        assert_eq!(elsewhere.await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_letter_that_another_command_took_is_not_held_and_all_others_go_back_after_an_error() {
        let (sqs, queue) = letters(2);
        let outcome = walk(&queue, async |letterbox| {
            let seen = all(letterbox).await?;
            tokio::time::sleep(Duration::from_mins(2)).await;
            assert_eq!(letterbox.hold([&seen[0]].into_iter()).await, Err(QueueError::Expired));
            let again = letterbox.queue.receive(Duration::from_secs(1), Duration::ZERO).await?;
            letterbox.taken.insert(again[1].message_id.clone(), again[1].receipt_handle.clone());
            letterbox.hold([&seen[1]].into_iter()).await?;
            Err::<(), _>(Error::NotFound("x".to_owned()))
        });
        assert!(outcome.await.is_err());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(sqs.in_flight(LETTERS), 0);
    }
}
