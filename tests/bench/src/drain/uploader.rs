//! What one simulated uploader has: the invocation, what is in hand, and whose turn to call it is. Its limits are the product's own.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Duration;

use super::fifo::{Batch, LaneIndex, TenantIndex};
use super::limits::{EMPTY_RECEIVES, LAST_RECEIVE, MAX_BYTES, MAX_MESSAGES, PARALLEL_RECEIVES, SETTLING, TASK_BYTES};
use super::task::{Task, TaskIndex};

/// Since the simulation began.
pub(super) type Time = Duration;

/// Who waits for a turn: a connection that has not begun, or a call of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    Tenant(TenantIndex),
    Call(TaskIndex),
}

/// Messages of a lane in hand, the oldest first.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) lane: LaneIndex,
    pub(super) rows: Vec<u16>,
    pub(super) bytes: usize,
}

/// An uploader: a process of Lambda's with one invocation at a time.
#[derive(Debug, Default)]
pub(super) struct Uploader {
    /// How many invocations it had: what is left of an earlier one does not concern it.
    pub(super) invocation: u64,
    pub(super) began: Time,
    /// When calling ends.
    pub(super) until: Time,
    /// When Lambda would stop it.
    pub(super) deadline: Time,
    pub(super) tasks: Vec<Task>,
    /// Connections with a task at work or waiting for its turn.
    serving: Vec<bool>,
    pub(super) at_work: usize,
    pub(super) receiving: usize,
    empty: u32,
    /// Messages are gone that no receive was begun after.
    pub(super) freed: bool,
    hand: Vec<VecDeque<Held>>,
    /// Bytes of each connection, those that are worked on included.
    bytes_of: Vec<usize>,
    messages: usize,
    bytes: usize,
    pub(super) waiting: Vec<(TenantIndex, Waits)>,
    /// When each connection had its last turn.
    served: Vec<Option<Time>>,
    pub(super) next_turn: Time,
    /// The next turn goes by how much is in hand.
    by_size: bool,
    /// A look at who waits is due.
    pub(super) turn_is_due: bool,
}

impl Uploader {
    pub(super) fn new(tenants: u32) -> Self {
        let tenants = tenants as usize;
        Self {
            serving: vec![false; tenants],
            served: vec![None; tenants],
            hand: std::iter::repeat_with(VecDeque::new).take(tenants).collect(),
            bytes_of: vec![0; tenants],
            ..Self::default()
        }
    }

    /// Begins an invocation that may last for `timeout`.
    pub(super) fn begin(&mut self, now: Time, timeout: Duration) {
        self.invocation += 1;
        self.began = now;
        self.deadline = now + timeout;
        self.until = self.deadline.saturating_sub(SETTLING);
        (self.at_work, self.receiving, self.empty, self.freed) = (0, 0, 0, false);
        (self.messages, self.bytes, self.turn_is_due) = (0, 0, false);
        self.tasks.clear();
        self.waiting.clear();
        self.serving.fill(false);
        self.bytes_of.fill(0);
    }

    /// Ends the invocation. Says which lanes were in hand and not served.
    pub(super) fn end(&mut self) -> Vec<LaneIndex> {
        self.invocation += 1;
        self.hand.iter_mut().flat_map(|lanes| lanes.drain(..)).map(|held| held.lane).collect()
    }

    pub(super) const fn is_done(&self) -> bool {
        self.at_work == 0 && self.receiving == 0
    }

    /// A receive ended: what it brought is in hand.
    pub(super) fn received(&mut self, tenant: TenantIndex, batch: Batch, message_bytes: impl Fn(u16) -> usize) {
        let Batch { lane, rows } = batch;
        let bytes = rows.iter().map(|rows| message_bytes(*rows)).sum();
        self.receiving -= 1;
        self.empty = 0;
        self.messages += rows.len();
        self.bytes += bytes;
        self.bytes_of[tenant.0] += bytes;
        self.hand[tenant.0].push_back(Held { lane, rows, bytes });
    }

    pub(super) const fn received_nothing(&mut self) {
        self.receiving -= 1;
        self.empty += 1;
    }

    /// Starts a task for `tenant` if something is in hand and none is at work; says whether it did.
    pub(super) fn start_task(&mut self, tenant: TenantIndex, now: Time) -> bool {
        let starts = !self.hand[tenant.0].is_empty() && !self.serving[tenant.0] && now < self.until;
        if starts {
            self.serving[tenant.0] = true;
            self.at_work += 1;
        }
        starts
    }

    /// The task of `tenant` has gathered what came, and waits for its turn, or ends with the calls.
    pub(super) fn gathered(&mut self, tenant: TenantIndex, now: Time) {
        if now < self.until {
            self.waiting.push((tenant, Waits::Tenant(tenant)));
        } else {
            self.end_task(tenant);
        }
    }

    pub(super) fn end_task(&mut self, tenant: TenantIndex) {
        self.at_work -= 1;
        self.serving[tenant.0] = false;
    }

    pub(super) fn wanted_receives(&self, now: Time) -> usize {
        let full = self.messages >= MAX_MESSAGES || self.bytes >= MAX_BYTES;
        if full || now >= self.until.saturating_sub(LAST_RECEIVE) {
            return 0;
        }
        let wanted = match (self.empty >= EMPTY_RECEIVES, self.at_work > 0 || self.freed) {
            (true, false) => 0,
            (true, true) => 1,
            (false, _) => PARALLEL_RECEIVES,
        };
        wanted.saturating_sub(self.receiving)
    }

    /// Takes what is in hand of `tenant` to work on it: whole lanes, within the bound of a task, those that have waited longest first.
    pub(super) fn take(&mut self, tenant: TenantIndex) -> Vec<Held> {
        let waiting = &mut self.hand[tenant.0];
        let (mut taken, mut left, mut bytes) = (Vec::new(), VecDeque::new(), 0);
        for held in waiting.drain(..) {
            if taken.is_empty() || bytes + held.bytes <= TASK_BYTES {
                bytes += held.bytes;
                taken.push(held);
            } else {
                left.push_back(held);
            }
        }
        *waiting = left;
        taken
    }

    /// What was taken of `tenant` is in hand no longer.
    pub(super) fn settled(&mut self, tenant: TenantIndex, lanes: &[Held]) {
        let bytes = lanes.iter().map(|held| held.bytes).sum::<usize>();
        self.messages -= lanes.iter().map(|held| held.rows.len()).sum::<usize>();
        self.bytes -= bytes;
        self.bytes_of[tenant.0] -= bytes;
    }

    /// Whose turn it is, by the same rule as `uploader::turns`.
    pub(super) fn turn(&mut self, now: Time, period: Duration) -> Option<Waits> {
        let rank = |tenant: TenantIndex| {
            let size = if self.by_size { self.bytes_of[tenant.0].checked_ilog2() } else { None };
            (Reverse(size), self.served[tenant.0])
        };
        let (place, _) = self.waiting.iter().enumerate().min_by_key(|(_, (tenant, _))| rank(*tenant))?;
        self.by_size = !self.by_size;
        let (tenant, waits) = self.waiting.remove(place);
        self.next_turn = now + period;
        self.served[tenant.0] = Some(now);
        Some(waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drain::fifo::{Backlog, Fifo};

    const PERIOD: Duration = Duration::from_millis(125);

    /// With lanes of 10 one-row messages in hand.
    fn with_lanes(tenants: u32, lanes: usize, bytes: usize) -> Uploader {
        let backlog = Backlog { tenants, lanes: 16, users: 1, changes: 100_000, uneven: false };
        let mut fifo = Fifo::new(backlog, 1);
        let mut uploader = Uploader::new(tenants);
        uploader.begin(Time::ZERO, Duration::from_mins(2));
        for _ in 0..lanes {
            uploader.receiving += 1;
            let batch = fifo.receive().unwrap();
            uploader.received(fifo.tenant(batch.lane), batch, |_| bytes);
        }
        uploader
    }

    #[test]
    fn turns_go_round() {
        let mut uploader = with_lanes(3, 48, 100);
        let mut order = Vec::new();
        for turn in 0..6 {
            for tenant in [0, 1, 2].map(TenantIndex) {
                if !uploader.waiting.contains(&(tenant, Waits::Tenant(tenant))) {
                    uploader.waiting.push((tenant, Waits::Tenant(tenant)));
                }
            }
            order.push(uploader.turn(PERIOD * turn, PERIOD).unwrap());
        }
        let again: Vec<_> = [0, 1, 2, 0, 1, 2].map(|tenant| Waits::Tenant(TenantIndex(tenant))).into();
        assert_eq!(order, again);
        assert_eq!(uploader.next_turn, PERIOD * 6);
    }

    #[test]
    fn a_connection_has_one_task_at_a_time() {
        let mut uploader = with_lanes(1, 16, 100);
        let tenant = TenantIndex(0);
        assert!(uploader.start_task(tenant, Time::ZERO) && !uploader.start_task(tenant, Time::ZERO));
        uploader.gathered(tenant, Time::ZERO);
        assert_eq!((uploader.at_work, uploader.waiting.len()), (1, 1));
        uploader.end_task(tenant);
        assert!(
            !uploader.start_task(tenant, uploader.until) && uploader.is_done(),
            "no task starts when calls have ended"
        );
    }

    #[test]
    fn a_task_takes_whole_lanes_within_its_bytes() {
        let mut uploader = with_lanes(1, 16, TASK_BYTES / 50);
        let taken = uploader.take(TenantIndex(0));
        assert_eq!(taken.len(), 5);
        uploader.settled(TenantIndex(0), &taken);
        assert_eq!(uploader.messages, 110);
        assert_eq!(uploader.end().len(), 11, "what was not taken comes back");
    }

    #[test]
    fn receiving_ends_when_enough_is_in_hand_or_time_is_short_or_nothing_comes() {
        let mut uploader = with_lanes(1, 16, 100);
        assert_eq!(uploader.wanted_receives(Time::ZERO), PARALLEL_RECEIVES);
        assert_eq!(uploader.wanted_receives(uploader.until.saturating_sub(LAST_RECEIVE)), 0);
        uploader.receiving = 3;
        for _ in 0..3 {
            uploader.received_nothing();
        }
        assert_eq!(uploader.wanted_receives(Time::ZERO), 0);
        uploader.at_work = 1;
        assert_eq!(uploader.wanted_receives(Time::ZERO), 1, "a task at work frees lanes");
        assert_eq!(with_lanes(1, 6, MAX_BYTES / 59).wanted_receives(Time::ZERO), 0, "too much in hand");
    }
}
