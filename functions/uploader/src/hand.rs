//! What is in hand: the messages that were received and that no task has taken yet, by connection and lane. Pure.
//!
//! SQS gives no further message of a group while one of it is in flight, so a lane's messages are in hand at most once.

use std::collections::{BTreeMap, HashMap};

use ids::ConnectionId;
use queue::Received;

use envelope::GroupId;

use crate::work::{Lane, Work};

/// The most bytes of bodies that one task plans at once. It bounds a plan's memory; 8 MB fill about 80 calls.
const TASK_BYTES: usize = 8 * 1024 * 1024;

/// The messages that wait in hand for their connection's turn.
#[derive(Debug, Default)]
pub struct Hand {
    waiting: HashMap<ConnectionId, BTreeMap<u8, Vec<Received>>>,
    messages: usize,
    bytes: usize,
}

impl Hand {
    /// Takes a message in hand; one whose group is not a lane's is given back.
    ///
    /// # Errors
    /// The message, if its group is no lane's: it is not from `ingest`.
    pub fn add(&mut self, message: Received) -> Result<ConnectionId, Box<Received>> {
        let Ok(GroupId { connection, lane }) = message.group.parse() else { return Err(Box::new(message)) };
        self.messages += 1;
        self.bytes += message.body.len();
        self.waiting.entry(connection).or_default().entry(lane).or_default().push(message);
        Ok(connection)
    }

    /// Takes all messages of `connection` to work on them, within the bound of a task: oldest first in each lane, and whole lanes if they fit.
    pub fn take(&mut self, connection: ConnectionId) -> Work {
        let waiting = self.waiting.remove(&connection).unwrap_or_default();
        let (mut lanes, mut left, mut bytes) = (Vec::with_capacity(waiting.len()), BTreeMap::new(), 0);
        for (number, messages) in waiting {
            let mut lane = Lane::default();
            let mut messages = messages.into_iter().peekable();
            while let Some(message) = messages.next_if(|message| bytes == 0 || bytes + message.body.len() <= TASK_BYTES)
            {
                bytes += message.body.len();
                lane.push(message);
            }
            // A lane is divided only from its newer end, and the rest of it waits for the task to end.
            let rest: Vec<_> = messages.collect();
            if !rest.is_empty() {
                left.insert(number, rest);
            }
            if !lane.is_empty() {
                lanes.push(lane);
            }
        }
        if !left.is_empty() {
            self.waiting.insert(connection, left);
        }
        Work::new(connection, lanes)
    }

    /// `work`, which was taken, is settled: it is in hand no longer.
    pub fn settled(&mut self, work: &Work) {
        self.messages -= work.len();
        self.bytes -= work.messages().map(|(_, message)| message.body.len()).sum::<usize>();
    }

    /// The connections that have something in hand.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.waiting.keys().copied()
    }

    /// Messages in hand, those that are worked on included.
    #[must_use]
    pub const fn messages(&self) -> usize {
        self.messages
    }

    /// Bytes of their bodies.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}
