//! An SQS FIFO queue with a backlog: who gets which messages. Pure.
//!
//! A receive gives up to 10 messages of one lane, and of no other: SQS may fill it up from other lanes, which would make receives fewer.

use super::RECEIVED;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

/// SQS looks for free groups among so many messages, the oldest on the queue:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/avoid-backlog-with-the-same-message-group-id.html>
const LOOKED_AT: usize = 120_000;

/// Whose changes wait.
#[derive(Debug, Clone, Copy)]
pub struct Backlog {
    /// Tenants, each with one connection.
    pub tenants: u32,
    /// Lanes of each.
    pub lanes: u32,
    /// Users of each message that mParticle sends: each has one id, in any lane.
    pub users: u32,
    /// Changes of all tenants together.
    pub changes: u32,
    /// Whether tenants differ in size: the second has half of what the first has, the third a third, and so on.
    pub uneven: bool,
}

/// A place in a list of tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TenantIndex(pub(super) usize);

/// A place in the list of all tenants' lanes. Small: there is one for each of millions of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LaneIndex(u32);

/// What a receive gives: the rows of each message, oldest first.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) lane: LaneIndex,
    pub(super) rows: Vec<u16>,
}

#[derive(Debug)]
pub(super) struct Fifo {
    backlog: Backlog,
    /// The lane and the rows of each message, in the order in which they were sent.
    messages: Vec<(LaneIndex, u16)>,
    lanes: Vec<Lane>,
    /// Lanes that a receive could bring now.
    free: Vec<LaneIndex>,
    deleted: usize,
    random: StdRng,
}

#[derive(Debug, Default)]
struct Lane {
    /// Its messages, by their place in the queue, the newest first.
    waiting: Vec<u32>,
    in_flight: usize,
    is_free: bool,
}

impl Fifo {
    /// A queue on which all of `backlog` waits, the messages of all tenants mixed. The same seed gives the same queue and the same receives.
    pub(super) fn new(backlog: Backlog, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut sent = Vec::new();
        for (tenant, changes) in (0..).zip(backlog.changes_of_tenants()) {
            sent.extend((0..changes.div_ceil(backlog.users)).map(|number| {
                let left = changes - number * backlog.users;
                (tenant, left.min(backlog.users))
            }));
        }
        sent.shuffle(&mut random);
        let mut messages = Vec::new();
        let mut rows = vec![0_u16; backlog.lanes as usize];
        for (tenant, users) in sent {
            for _ in 0..users {
                rows[random.random_range(0..backlog.lanes) as usize] += 1;
            }
            for (lane, of_lane) in (tenant * backlog.lanes..).zip(&mut rows) {
                if *of_lane > 0 {
                    messages.push((LaneIndex(lane), std::mem::take(of_lane)));
                }
            }
        }
        let mut lanes = Vec::new();
        lanes.resize_with((backlog.tenants * backlog.lanes) as usize, Lane::default);
        let mut fifo = Self { backlog, messages, lanes, free: Vec::new(), deleted: 0, random };
        fifo.fill_lanes();
        fifo
    }

    fn fill_lanes(&mut self) {
        for (place, (lane, _)) in (0_u32..).zip(&self.messages) {
            self.lanes[lane.0 as usize].waiting.push(place);
        }
        self.lanes.iter_mut().for_each(|lane| lane.waiting.reverse());
        for lane in 0..self.backlog.tenants * self.backlog.lanes {
            self.look_at(LaneIndex(lane));
        }
    }

    /// Whose lane it is.
    pub(super) const fn tenant(&self, lane: LaneIndex) -> TenantIndex {
        TenantIndex((lane.0 / self.backlog.lanes) as usize)
    }

    /// Messages that were not deleted.
    pub(super) const fn left(&self) -> usize {
        self.messages.len() - self.deleted
    }

    /// Receives from any free lane, whose messages are in flight from now on; `None` where no lane is free.
    pub(super) fn receive(&mut self) -> Option<Batch> {
        if self.free.is_empty() {
            return None;
        }
        let index = self.free.swap_remove(self.random.random_range(0..self.free.len()));
        let end = self.end();
        let lane = &mut self.lanes[index.0 as usize];
        lane.is_free = false;
        let oldest = lane.waiting.iter().rev().take(RECEIVED).take_while(|place| (**place as usize) < end);
        let rows: Vec<_> = oldest.map(|place| self.messages[*place as usize].1).collect();
        lane.in_flight = rows.len();
        Some(Batch { lane: index, rows })
    }

    /// Deletes the oldest message of a lane, which is in flight. Says whether the lane can be received from again.
    pub(super) fn delete(&mut self, index: LaneIndex) -> bool {
        let lane = &mut self.lanes[index.0 as usize];
        assert!(lane.in_flight > 0, "a message is deleted that is not in flight");
        lane.waiting.pop();
        lane.in_flight -= 1;
        // What SQS looks at moves on by one.
        let next = self.end();
        self.deleted += 1;
        let newcomer = self.messages.get(next).map(|(lane, _)| *lane);
        let came = newcomer.is_some_and(|lane| self.look_at(lane));
        self.look_at(index) || came
    }

    /// What is in flight of a lane can be received again. Says whether anything can.
    pub(super) fn release(&mut self, index: LaneIndex) -> bool {
        self.lanes[index.0 as usize].in_flight = 0;
        self.look_at(index)
    }

    /// The place of the first message that SQS does not look at. All before it that are gone were deleted.
    fn end(&self) -> usize {
        self.deleted + LOOKED_AT
    }

    /// Makes a lane free if it is. Says whether it became so.
    fn look_at(&mut self, index: LaneIndex) -> bool {
        let end = self.end();
        let lane = &mut self.lanes[index.0 as usize];
        let seen = lane.waiting.last().is_some_and(|oldest| (*oldest as usize) < end);
        if lane.is_free || lane.in_flight > 0 || !seen {
            return false;
        }
        lane.is_free = true;
        self.free.push(index);
        true
    }
}

impl Backlog {
    /// The changes of each tenant, the largest first; at least one each.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a number of 32 bits, which 64 bits of a float hold"
    )]
    pub fn changes_of_tenants(&self) -> Vec<u32> {
        let weight = |tenant: u32| if self.uneven { 1.0 / f64::from(tenant + 1) } else { 1.0 };
        let all: f64 = (0..self.tenants).map(weight).sum();
        let part = |tenant| ((f64::from(self.changes) * weight(tenant) / all) as u32).max(1);
        let mut parts: Vec<_> = (0..self.tenants).map(part).collect();
        let sum: u32 = parts.iter().sum();
        if let Some(largest) = parts.first_mut() {
            *largest += self.changes.saturating_sub(sum);
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKLOG: Backlog = Backlog { tenants: 2, lanes: 4, users: 1, changes: 2_000, uneven: false };

    #[test]
    fn a_receive_gives_ten_messages_of_one_lane_which_nobody_else_gets() {
        let mut fifo = Fifo::new(BACKLOG, 1);
        let mut lanes = Vec::new();
        while let Some(batch) = fifo.receive() {
            assert_eq!(batch.rows.len(), 10);
            assert!(!lanes.contains(&batch.lane.0));
            lanes.push(batch.lane.0);
        }
        assert_eq!(lanes.len(), 8);
    }

    #[test]
    fn a_lane_is_free_once_all_of_it_that_was_in_flight_is_deleted() {
        let mut fifo = Fifo::new(Backlog { tenants: 1, lanes: 1, ..BACKLOG }, 1);
        let lane = fifo.receive().unwrap().lane;
        for _ in 0..9 {
            assert!(!fifo.delete(lane));
            assert!(fifo.receive().is_none());
        }
        assert!(fifo.delete(lane));
        assert_eq!(fifo.receive().unwrap().lane, lane);
        assert_eq!(fifo.left(), 1_990);
    }

    #[test]
    fn what_comes_back_is_received_again_from_its_oldest_message_on() {
        let mut fifo = Fifo::new(Backlog { tenants: 1, lanes: 1, users: 200, ..BACKLOG }, 1);
        let batch = fifo.receive().unwrap();
        fifo.delete(batch.lane);
        assert!(fifo.release(batch.lane));
        let again = fifo.receive().unwrap();
        assert_eq!(again.rows, batch.rows.get(1..).unwrap());
    }

    #[test]
    fn only_the_first_120_000_messages_are_looked_at() {
        let mut fifo = Fifo::new(Backlog { tenants: 1, lanes: 1, changes: 120_005, ..BACKLOG }, 1);
        // The last five are of another lane.
        fifo.lanes.push(Lane::default());
        let last = LaneIndex(1);
        for place in 120_000..120_005 {
            fifo.messages[place].0 = last;
            fifo.lanes[0].waiting.remove(0);
        }
        fifo.lanes[1].waiting = (120_000..120_005).rev().collect();
        assert!(!fifo.look_at(last));
        let first = fifo.receive().unwrap().lane;
        assert!(fifo.receive().is_none());
        assert!(fifo.delete(first), "the first message of the other lane is looked at now");
        let batch = fifo.receive().unwrap();
        assert_eq!((batch.lane, batch.rows.len()), (last, 1));
    }

    #[test]
    fn every_change_is_on_the_queue_and_tenants_have_their_part() {
        let backlog = Backlog { tenants: 50, lanes: 16, users: 100, changes: 1_000_000, uneven: true };
        let fifo = Fifo::new(backlog, 1);
        let mut changes = vec![0; 50];
        for (lane, rows) in &fifo.messages {
            changes[fifo.tenant(*lane).0] += u32::from(*rows);
        }
        assert_eq!(changes, backlog.changes_of_tenants());
        assert_eq!(changes.iter().sum::<u32>(), 1_000_000);
        assert!(changes[0] > 49 * changes[49]);
    }

    #[test]
    fn the_same_seed_gives_the_same_queue() {
        let order = |seed| {
            let mut fifo = Fifo::new(BACKLOG, seed);
            (0..8).map(|_| fifo.receive().unwrap().lane.0).collect::<Vec<_>>()
        };
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
    }
}
