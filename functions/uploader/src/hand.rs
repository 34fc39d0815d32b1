//! What is in hand: the messages that were received and that no task has taken yet, by connection and lane. Pure.
//!
//! SQS gives no further message of a group while one of it is in flight, so a lane's messages are in hand at most once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use ids::ConnectionId;
use queue::Received;

use envelope::GroupId;

use crate::work::{Lane, Work};

/// The most bytes of bodies that one task plans at once, unless a single lane has more. It bounds a plan's memory; 8 MB fill about 80 calls.
pub const TASK_BYTES: usize = 8 * 1024 * 1024;

/// The messages that wait in hand for their connection's turn.
#[derive(Debug, Default)]
pub struct Hand {
    /// The lanes of each connection, the one that has waited longest first.
    waiting: HashMap<ConnectionId, Vec<(u8, Lane)>>,
    /// Bytes of each connection, those that are worked on included.
    bytes_of: HashMap<ConnectionId, usize>,
    /// Bytes of the messages that no lane has.
    foreign_bytes: usize,
    messages: usize,
}

impl Hand {
    /// Takes a message in hand; one whose group is not a lane's is given back, and is in hand until it is [given up](Self::gave_up).
    ///
    /// # Errors
    /// The message, if its group is no lane's: it is not from `ingest`.
    pub fn add(&mut self, message: Received) -> Result<ConnectionId, Box<Received>> {
        self.messages += 1;
        let Ok(GroupId { connection, lane }) = message.group.parse() else {
            self.foreign_bytes += message.body.len();
            return Err(Box::new(message));
        };
        *self.bytes_of.entry(connection).or_default() += message.body.len();
        let lanes = self.waiting.entry(connection).or_default();
        if let Some((_, waiting)) = lanes.iter_mut().find(|(number, _)| *number == lane) {
            waiting.push(message);
        } else {
            let mut waiting = Lane::default();
            waiting.push(message);
            lanes.push((lane, waiting));
        }
        Ok(connection)
    }

    /// Takes the messages of `connection` to work on them: whole lanes, within the bound of a task, those that have waited longest first.
    pub fn take(&mut self, connection: ConnectionId) -> Work {
        let waiting = self.waiting.remove(&connection).unwrap_or_default();
        let (mut lanes, mut left, mut bytes) = (Vec::with_capacity(waiting.len()), Vec::new(), 0);
        for (number, lane) in waiting {
            let size = lane.bytes();
            // A lane is never divided: what is left of it would overtake what comes to "later".
            if lanes.is_empty() || bytes + size <= TASK_BYTES {
                bytes += size;
                lanes.push(lane);
            } else {
                left.push((number, lane));
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
        let bytes = work.messages().map(|(_, message)| message.body.len()).sum::<usize>();
        if let Entry::Occupied(mut left) = self.bytes_of.entry(work.connection) {
            *left.get_mut() -= bytes;
            if *left.get() == 0 {
                left.remove();
            }
        }
    }

    /// So many messages that were given back are given up: they are in hand no longer.
    pub const fn gave_up(&mut self, messages: usize, bytes: usize) {
        self.messages -= messages;
        self.foreign_bytes -= bytes;
    }

    /// The connections that have something in hand.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.waiting.keys().copied()
    }

    /// When the oldest message that no task took was sent, in milliseconds since 1970.
    #[must_use]
    pub fn oldest_sent_ms(&self) -> Option<i64> {
        self.waiting.values().flatten().filter_map(|(_, lane)| lane.oldest_sent_ms()).min()
    }

    /// Whether a lane of `connection` that no task took was received before.
    #[must_use]
    pub fn came_back(&self, connection: ConnectionId) -> bool {
        self.waiting.get(&connection).is_some_and(|lanes| lanes.iter().any(|(_, lane)| lane.came_back()))
    }

    /// Messages in hand, those that are worked on included.
    #[must_use]
    pub const fn messages(&self) -> usize {
        self.messages
    }

    /// Bytes of their bodies.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes_of.values().sum::<usize>() + self.foreign_bytes
    }

    /// Bytes of the bodies of `connection`, those that are worked on included.
    #[must_use]
    pub fn bytes_of(&self, connection: ConnectionId) -> usize {
        self.bytes_of.get(&connection).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(lane: u8, n: usize, bytes: usize) -> Received {
        Received {
            message_id: format!("{lane}-{n}"),
            receipt_handle: String::new(),
            body: "x".repeat(bytes),
            group: format!("7.1.{lane}"),
            sent_ms: 0,
            receive_count: 1,
            attributes: HashMap::new(),
        }
    }

    fn ids(work: &Work) -> Vec<&str> {
        work.messages().map(|(_, message)| message.message_id.as_str()).collect()
    }

    #[test]
    fn a_lane_is_taken_whole_or_waits_whole() {
        let mut hand = Hand::default();
        let connection = hand.add(message(0, 0, TASK_BYTES - 10)).unwrap();
        for (lane, n) in [(1, 0), (1, 1), (2, 0)] {
            hand.add(message(lane, n, 6)).unwrap();
        }
        let first = hand.take(connection);
        assert_eq!(ids(&first), ["0-0", "2-0"], "of lane 1 a half would fit");
        assert_eq!(hand.messages(), 4);
        hand.settled(&first);
        assert_eq!(ids(&hand.take(connection)), ["1-0", "1-1"]);
        assert_eq!((hand.messages(), hand.bytes(), hand.connections().count()), (2, 12, 0));
    }

    #[test]
    fn a_lane_that_did_not_fit_comes_first_the_next_time() {
        let mut hand = Hand::default();
        let connection = hand.add(message(0, 0, TASK_BYTES)).unwrap();
        hand.add(message(9, 0, TASK_BYTES)).unwrap();
        assert_eq!(ids(&hand.take(connection)), ["0-0"]);
        hand.add(message(0, 1, TASK_BYTES)).unwrap();
        assert_eq!(ids(&hand.take(connection)), ["9-0"]);
    }

    #[test]
    fn what_has_no_lane_counts_until_it_is_given_up() {
        let mut hand = Hand::default();
        hand.add(message(0, 0, 6)).unwrap();
        let foreign = hand.add(Received { group: "somebody else's".to_owned(), ..message(0, 1, 10) }).unwrap_err();
        assert_eq!((hand.messages(), hand.bytes(), hand.connections().count()), (2, 16, 1));
        hand.gave_up(1, foreign.body.len());
        assert_eq!((hand.messages(), hand.bytes()), (1, 6));
    }

    #[test]
    fn one_lane_is_taken_however_large_it_is() {
        let mut hand = Hand::default();
        let connection = hand.add(message(0, 0, TASK_BYTES)).unwrap();
        hand.add(message(0, 1, TASK_BYTES)).unwrap();
        assert_eq!(hand.take(connection).len(), 2);
    }
}
