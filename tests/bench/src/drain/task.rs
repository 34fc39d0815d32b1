//! One connection's work in the simulation, from its turn to its acknowledgment. Pure.

use super::LEAVES;
use super::fifo::{LaneIndex, TenantIndex};
use super::limits::BATCH_ENTRIES;
use super::uploader::Held;

/// A place in the list of an invocation's tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskIndex(pub(super) usize);

/// A task: its lanes, its calls, and how far they are deleted.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) tenant: TenantIndex,
    pub(super) lanes: Vec<Held>,
    calls: usize,
    /// Calls that are under way, or wait for their turn.
    pub(super) open: usize,
    begun: usize,
    delivered: usize,
    /// No call begins any more: there is no time left.
    stopped: bool,
    /// How many messages of each lane were deleted.
    pub(super) deleted: usize,
}

/// How many calls hold so many changes: leaves need calls of their own.
pub(super) fn calls_of(changes: u32, rows_a_call: u32) -> u32 {
    let leaves = changes / LEAVES;
    (changes - leaves).div_ceil(rows_a_call) + leaves.div_ceil(rows_a_call)
}

impl Task {
    /// Plans `lanes`, all of whose changes are in hand.
    pub(super) fn new(tenant: TenantIndex, lanes: Vec<Held>, rows_a_call: u32) -> Self {
        let rows = lanes.iter().flat_map(|held| &held.rows).map(|rows| u32::from(*rows)).sum();
        let calls = calls_of(rows, rows_a_call) as usize;
        Self { tenant, lanes, calls, open: 0, begun: 0, delivered: 0, stopped: false, deleted: 0 }
    }

    /// Begins as many further calls as may be under way at once, the first one alone; says how many.
    pub(super) fn begin_calls(&mut self, at_once: usize) -> usize {
        let at_once = if self.delivered == 0 { 1 } else { at_once };
        let more = if self.stopped { 0 } else { at_once.saturating_sub(self.open).min(self.calls - self.begun) };
        self.open += more;
        self.begun += more;
        more
    }

    pub(super) fn not_tried(&mut self) {
        self.open -= 1;
        self.stopped = true;
    }

    pub(super) fn answered(&mut self) {
        self.open -= 1;
        self.delivered += 1;
    }

    /// Rows that TikTok was told.
    pub(super) fn rows_told(&self) -> u64 {
        let rows: u64 = self.lanes.iter().flat_map(|held| &held.rows).map(|rows| u64::from(*rows)).sum();
        rows * self.delivered as u64 / self.calls.max(1) as u64
    }

    /// How many messages of a lane are done. A message is done only whole, and only behind those that are: where calls were not made, the
    /// oldest messages are taken to be done in the proportion of the calls.
    fn done(&self, held: &Held) -> usize {
        held.rows.len() * self.delivered / self.calls.max(1)
    }

    /// The lanes of which a message is to be deleted now, as places in `lanes`.
    pub(super) fn next_deletes(&self) -> Vec<usize> {
        let due = |(_, held): &(usize, &Held)| self.done(held) > self.deleted;
        self.lanes.iter().enumerate().filter(due).map(|(place, _)| place).collect()
    }

    pub(super) fn staying_messages(&self) -> usize {
        self.lanes.iter().map(|held| held.rows.len() - self.done(held).min(self.deleted)).sum()
    }

    pub(super) fn staying_lanes(&self) -> Vec<LaneIndex> {
        let stays = |held: &&Held| held.rows.len() > self.done(held).min(self.deleted);
        self.lanes.iter().filter(stays).map(|held| held.lane).collect()
    }
}

pub(super) fn batches(entries: usize) -> usize {
    entries.div_ceil(BATCH_ENTRIES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drain::fifo::{Backlog, Fifo};

    fn task(lanes: u32, users: u32) -> Task {
        let mut fifo = Fifo::new(Backlog { tenants: 1, lanes, users, changes: users * 10_000, uneven: false }, 1);
        let mut held = Vec::new();
        while let Some(batch) = fifo.receive() {
            held.push(Held { lane: batch.lane, rows: batch.rows, bytes: 1 });
        }
        Task::new(TenantIndex(0), held, 1_000)
    }

    #[test]
    fn joins_and_leaves_need_calls_of_their_own() {
        assert_eq!([1, 4, 1_000, 1_333, 1_334, 8_000].map(|changes| calls_of(changes, 1_000)), [1, 2, 2, 2, 3, 8]);
    }

    #[test]
    fn the_first_call_goes_alone() {
        let mut task = task(16, 250);
        assert_eq!(task.begin_calls(4), 1);
        assert_eq!(task.begin_calls(4), 0);
        task.answered();
        assert_eq!(task.begin_calls(4), 2, "of three calls in all");
        task.answered();
        task.not_tried();
        assert_eq!((task.begin_calls(4), task.open), (0, 0));
    }

    #[test]
    fn messages_are_deleted_one_of_each_lane_at_a_time() {
        let mut task = task(16, 1);
        task.begin_calls(4);
        task.answered();
        task.begin_calls(4);
        task.answered();
        let mut rounds = 0;
        while !task.next_deletes().is_empty() {
            assert_eq!(task.next_deletes().len(), 16);
            task.deleted += 1;
            rounds += 1;
        }
        assert_eq!((rounds, task.staying_messages(), task.rows_told()), (10, 0, 160));
    }

    #[test]
    fn what_was_not_called_stays() {
        let mut task = task(16, 1);
        task.begin_calls(4);
        task.answered();
        task.begin_calls(4);
        task.not_tried();
        task.deleted = 5;
        assert_eq!((task.staying_messages(), task.staying_lanes().len(), task.rows_told()), (80, 16, 80));
        assert!(task.next_deletes().is_empty());
    }
}
