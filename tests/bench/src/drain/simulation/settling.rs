//! The end of a task, and of an invocation: what is done is deleted, the oldest of each lane first, and the rest comes back.

use super::{Event, Simulation, UploaderIndex};
use crate::drain::BETWEEN;
use crate::drain::limits::{MARGIN, PARALLEL_BATCHES};
use crate::drain::task::{TaskIndex, batches};

impl Simulation {
    /// Deletes the next message of each lane, or ends the task.
    pub(super) fn acknowledge(&mut self, index: UploaderIndex, task: TaskIndex) {
        let entries = self.task(index, task).next_deletes().len();
        if entries > 0 {
            self.drained.requests += batches(entries) as u64;
            let rounds = u32::try_from(batches(entries).div_ceil(PARALLEL_BATCHES)).unwrap_or(u32::MAX);
            return self.schedule(index, self.pace.delete * rounds, Event::Deleted(task));
        }
        let of = self.task(index, task);
        let (tenant, deleted, staying, stay) = (of.tenant, of.deleted, of.staying_messages(), of.staying_lanes());
        let lanes = std::mem::take(&mut of.lanes);
        self.drained.requests += batches(staying) as u64;
        let uploader = self.uploader(index);
        uploader.settled(tenant, &lanes);
        uploader.end_task(tenant);
        uploader.freed |= deleted > 0;
        self.start_task(index, tenant);
        // Nothing was wrong with what was not tried: it is visible at once.
        for lane in stay {
            self.fifo.release(lane);
        }
        self.serve_parked();
    }

    pub(super) fn deleted(&mut self, index: UploaderIndex, task: TaskIndex) {
        let of = self.task(index, task);
        let held = of.next_deletes().into_iter().map(|place| &of.lanes[place]);
        let deleted: Vec<_> = held.map(|held| (held.lane, u64::from(held.rows[of.deleted]))).collect();
        of.deleted += 1;
        let tenant = of.tenant;
        for (lane, rows) in deleted {
            self.fifo.delete(lane);
            self.drained.delivered(tenant, rows, self.now);
        }
        self.serve_parked();
        self.acknowledge(index, task);
    }

    /// The invocation is answered. What is in hand comes back when its visibility ends.
    pub(super) fn end(&mut self, index: UploaderIndex) {
        let now = self.now;
        let uploader = self.uploader(index);
        let at_work = now.saturating_sub(uploader.began);
        let visible = (uploader.deadline + MARGIN).saturating_sub(now);
        let lanes = uploader.end();
        self.drained.at_work += at_work;
        self.drained.took = now;
        if !lanes.is_empty() {
            self.schedule(index, visible, Event::Returned(lanes));
        }
        self.schedule(index, BETWEEN, Event::Begins);
    }
}
