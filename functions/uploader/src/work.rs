//! What one task works on: the messages in hand of one connection, lane by lane, oldest first.

use ids::ConnectionId;
use queue::Received;

/// Where a message stands: its lane, and its position there. Within a lane a higher position is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Which lane of the work.
    lane: u32,
    /// 0 is the oldest message.
    position: u32,
}

impl Place {
    /// The position in the lane; 0 is the oldest message.
    #[must_use]
    pub const fn position(self) -> u32 {
        self.position
    }

    /// Which lane of the work, counted from 0.
    #[must_use]
    pub const fn lane(self) -> usize {
        self.lane as usize
    }
}

/// The messages of one lane, oldest first. SQS gives at most 10 of a group at a time.
#[derive(Debug, Default)]
pub struct Lane {
    messages: Vec<Received>,
}

/// The messages that a task settles.
#[derive(Debug)]
pub struct Work {
    /// Whose they are.
    pub connection: ConnectionId,
    lanes: Vec<Lane>,
}

impl Lane {
    /// Adds a message that is newer than those before it.
    pub fn push(&mut self, message: Received) {
        self.messages.push(message);
    }

    /// When its oldest message was sent, in milliseconds since 1970.
    #[must_use]
    pub fn oldest_sent_ms(&self) -> Option<i64> {
        self.messages.first().map(|message| message.sent_ms)
    }

    /// Whether it was received before: in each lane the oldest message comes back first.
    #[must_use]
    pub fn came_back(&self) -> bool {
        self.messages.first().is_some_and(|message| message.receive_count > 1)
    }

    /// How many messages it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Bytes of the bodies.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.messages.iter().map(|message| message.body.len()).sum()
    }
}

impl Work {
    /// The work of `connection`.
    #[must_use]
    pub fn new(connection: ConnectionId, lanes: Vec<Lane>) -> Self {
        Self { connection, lanes }
    }

    /// The message at `place`, which this work gave out.
    #[must_use]
    pub fn at(&self, place: Place) -> Option<&Received> {
        self.lanes.get(place.lane())?.messages.get(place.position as usize)
    }

    /// The places of each lane, oldest first.
    pub fn lanes(&self) -> impl Iterator<Item = impl Iterator<Item = Place> + '_> + '_ {
        (0..)
            .zip(&self.lanes)
            .map(|(lane, held)| (0..).zip(&held.messages).map(move |(position, _)| Place { lane, position }))
    }

    /// All messages with their places, lane by lane, oldest first.
    pub fn messages(&self) -> impl Iterator<Item = (Place, &Received)> {
        (0..).zip(&self.lanes).flat_map(|(lane, held)| {
            (0..).zip(&held.messages).map(move |(position, message)| (Place { lane, position }, message))
        })
    }

    /// How many messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lanes.iter().map(Lane::len).sum()
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
