//! The end of a task, and of an invocation: what is done is deleted, the oldest of each lane first, and the rest comes back.

use super::{Event, Simulation};
use crate::drain::BETWEEN;
use crate::drain::limits::{MARGIN, PARALLEL_BATCHES};
use crate::drain::task::{TaskIndex, batches};

impl Simulation {
    /// Deletes the next message of each lane, or ends the task.
    pub(super) fn acknowledge(&mut self, number: usize, task: TaskIndex) {
        let entries = self.with(number, task, |task| task.next_deletes().len()).unwrap_or_default();
        if entries > 0 {
            self.drained.requests += batches(entries) as u64;
            let rounds = u32::try_from(batches(entries).div_ceil(PARALLEL_BATCHES)).unwrap_or(u32::MAX);
            return self.schedule(number, self.pace.delete * rounds, Event::Deleted(task));
        }
        let Some(uploader) = self.uploaders.get_mut(number) else { return };
        let Some(of) = uploader.tasks.get_mut(task.0) else { return };
        let (tenant, deleted, stay) = (of.tenant, of.deleted, of.stay());
        self.drained.requests += batches(of.staying()) as u64;
        let lanes = std::mem::take(&mut of.lanes);
        uploader.settled(tenant, &lanes);
        uploader.end_task(tenant);
        uploader.freed |= deleted > 0;
        self.start_task(number, tenant);
        // Nothing was wrong with what was not tried: it is visible at once.
        for lane in stay {
            self.fifo.release(lane);
        }
        self.serve_parked();
    }

    pub(super) fn deleted(&mut self, number: usize, task: TaskIndex) {
        let deleted = self.with(number, task, |task| {
            let places = task.next_deletes();
            let of = |place: usize| {
                let held = task.lanes.get(place)?;
                Some((held.lane, u64::from(*held.rows.get(task.deleted)?)))
            };
            let deleted: Vec<_> = places.into_iter().filter_map(of).collect();
            task.deleted += 1;
            (task.tenant, deleted)
        });
        let Some((tenant, deleted)) = deleted else { return };
        for (lane, rows) in deleted {
            self.fifo.delete(lane);
            self.drained.delivered(tenant, rows, self.now);
        }
        self.serve_parked();
        self.acknowledge(number, task);
    }

    /// The invocation is answered. What is in hand comes back when its visibility ends.
    pub(super) fn end(&mut self, number: usize) {
        let now = self.now;
        let Some(uploader) = self.uploaders.get_mut(number) else { return };
        self.drained.at_work += now.saturating_sub(uploader.began);
        self.drained.took = now;
        let visible = (uploader.deadline + MARGIN).saturating_sub(now);
        let lanes = uploader.end();
        if !lanes.is_empty() {
            self.schedule(number, visible, Event::Returned(lanes));
        }
        self.schedule(number, BETWEEN, Event::Begins);
    }
}
