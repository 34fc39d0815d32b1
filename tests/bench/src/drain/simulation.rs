//! The clock of the simulation: what happens when, at the queue, at TikTok and in the uploaders. Pure, and the same for the same seed.

mod settling;

use std::collections::{BTreeMap, VecDeque};

use super::fifo::{Batch, Fifo, LaneIndex, TenantIndex};
use super::limits::{GATHERING, LEAST_TIME, PARALLEL_CALLS, RECEIVE_WAIT};
use super::task::{Task, TaskIndex};
use super::uploader::{Time, Uploader, Waits};
use super::{BILLED, Drained, Pace, Served};

#[derive(Debug)]
enum Event {
    Begins,
    Received(Option<Batch>),
    /// A receive has waited for as long as it may.
    WaitedInVain(u64),
    /// A connection asks for its turn.
    Gathered(TenantIndex),
    Turn,
    CallsEnd,
    Answered(TaskIndex),
    Deleted(TaskIndex),
    /// Messages that nobody settled are visible again, whatever the uploader does by then.
    Returned(Vec<LaneIndex>),
}

/// An event that is scheduled, for which uploader and in which of its invocations.
#[derive(Debug)]
struct Due {
    uploader: UploaderIndex,
    invocation: u64,
    event: Event,
}

/// A place in the list of uploaders.
#[derive(Debug, Clone, Copy)]
struct UploaderIndex(usize);

/// A receive that waits for a free lane.
#[derive(Debug, Clone, Copy)]
struct Parked {
    /// Which receive it is, counted from 1.
    receive: u64,
    uploader: UploaderIndex,
    invocation: u64,
}

pub(super) struct Simulation {
    fifo: Fifo,
    pace: Pace,
    now: Time,
    /// By time; of what happens at one time, what was scheduled first comes first.
    due: BTreeMap<(Time, u64), Due>,
    scheduled: u64,
    uploaders: Vec<Uploader>,
    /// Receives that wait for a lane, the first one first.
    parked: VecDeque<Parked>,
    receives: u64,
    drained: Drained,
}

impl Simulation {
    pub(super) fn new(fifo: Fifo, tenants: u32, pace: Pace) -> Self {
        let uploaders = (0..pace.uploaders).map(|_| Uploader::new(tenants)).collect();
        let drained = Drained { tenants: vec![Served::default(); tenants as usize], ..Drained::default() };
        let (due, parked) = (BTreeMap::new(), VecDeque::new());
        Self { fifo, pace, now: Time::ZERO, due, scheduled: 0, uploaders, parked, receives: 0, drained }
    }

    /// Runs until the queue is empty and no invocation is at work, or for as many invocations as are asked for.
    pub(super) fn run(mut self) -> Drained {
        for index in 0..self.uploaders.len() {
            self.schedule(UploaderIndex(index), Time::ZERO, Event::Begins);
        }
        while let Some(((at, _), Due { uploader, invocation, event })) = self.due.pop_first() {
            self.now = at;
            match event {
                Event::Returned(lanes) => {
                    for lane in lanes {
                        self.fifo.release(lane);
                    }
                    self.serve_parked();
                }
                Event::Begins => self.begin(uploader),
                event if self.uploader(uploader).invocation == invocation => self.happens(uploader, event),
                // Of an invocation that has ended since.
                Event::Received(_)
                | Event::WaitedInVain(_)
                | Event::Gathered(_)
                | Event::Turn
                | Event::CallsEnd
                | Event::Answered(_)
                | Event::Deleted(_) => {}
            }
        }
        self.drained.left = self.fifo.left() as u64;
        self.drained
    }

    fn uploader(&mut self, index: UploaderIndex) -> &mut Uploader {
        &mut self.uploaders[index.0]
    }

    fn task(&mut self, index: UploaderIndex, task: TaskIndex) -> &mut Task {
        &mut self.uploader(index).tasks[task.0]
    }

    fn schedule(&mut self, index: UploaderIndex, after: Time, event: Event) {
        let invocation = self.uploader(index).invocation;
        self.scheduled += 1;
        self.due.insert((self.now + after, self.scheduled), Due { uploader: index, invocation, event });
    }

    fn begin(&mut self, index: UploaderIndex) {
        if self.fifo.left() == 0 || self.drained.invocations >= self.pace.invocations {
            return;
        }
        self.drained.requests += 1;
        let Some(batch) = self.fifo.receive() else {
            // Lambda goes on asking for the event's messages.
            return self.schedule(index, RECEIVE_WAIT, Event::Begins);
        };
        self.drained.invocations += 1;
        // The messages of the event are renewed, and the depth of the queue is asked for.
        self.drained.requests += 2;
        let (now, timeout) = (self.now, self.pace.timeout);
        let uploader = self.uploader(index);
        uploader.begin(now, timeout);
        uploader.receiving = 1;
        let calling = uploader.until.saturating_sub(now);
        self.schedule(index, calling, Event::CallsEnd);
        self.schedule(index, self.pace.receive, Event::Received(Some(batch)));
    }

    fn happens(&mut self, index: UploaderIndex, event: Event) {
        let now = self.now;
        match event {
            Event::Received(batch) => self.received(index, batch),
            Event::WaitedInVain(receive) => {
                let before = self.parked.len();
                self.parked.retain(|parked| parked.receive != receive);
                if self.parked.len() < before {
                    self.received(index, None);
                }
            }
            Event::Gathered(tenant) => self.uploader(index).gathered(tenant, now),
            Event::Turn => self.turn(index),
            Event::CallsEnd => self.calls_end(index),
            Event::Answered(task) => {
                self.task(index, task).answered();
                self.go_on(index, task);
            }
            Event::Deleted(task) => self.deleted(index, task),
            Event::Begins | Event::Returned(_) => {}
        }
        self.start_receives(index);
        self.look_who_waits(index);
        if self.uploader(index).is_done() {
            self.end(index);
        }
    }

    fn received(&mut self, index: UploaderIndex, batch: Option<Batch>) {
        let pace = self.pace;
        let Some(batch) = batch else { return self.uploader(index).received_nothing() };
        let tenant = self.fifo.tenant(batch.lane);
        self.uploader(index).received(tenant, batch, |rows| pace.message_bytes(rows));
        self.start_task(index, tenant);
    }

    fn start_task(&mut self, index: UploaderIndex, tenant: TenantIndex) {
        let now = self.now;
        if self.uploader(index).start_task(tenant, now) {
            self.schedule(index, GATHERING, Event::Gathered(tenant));
        }
    }

    fn start_receives(&mut self, index: UploaderIndex) {
        let now = self.now;
        for _ in 0..self.uploader(index).wanted_receives(now) {
            self.drained.requests += 1;
            self.receives += 1;
            let receive = self.receives;
            let uploader = self.uploader(index);
            uploader.receiving += 1;
            uploader.freed = false;
            let invocation = uploader.invocation;
            self.parked.push_back(Parked { receive, uploader: index, invocation });
            self.schedule(index, RECEIVE_WAIT, Event::WaitedInVain(receive));
        }
        self.serve_parked();
    }

    /// Gives what is free to the receives that wait for it.
    fn serve_parked(&mut self) {
        while let Some(Parked { uploader, invocation, .. }) = self.parked.front().copied() {
            if self.uploader(uploader).invocation != invocation {
                self.parked.pop_front();
                continue;
            }
            let Some(batch) = self.fifo.receive() else { return };
            self.parked.pop_front();
            let bytes = batch.rows.iter().map(|rows| self.pace.message_bytes(*rows)).sum::<usize>();
            self.drained.requests += bytes.div_ceil(BILLED).saturating_sub(1) as u64;
            self.schedule(uploader, self.pace.receive, Event::Received(Some(batch)));
        }
    }

    fn look_who_waits(&mut self, index: UploaderIndex) {
        let now = self.now;
        let uploader = self.uploader(index);
        if !uploader.turn_is_due && !uploader.waiting.is_empty() {
            uploader.turn_is_due = true;
            let wait = uploader.next_turn.saturating_sub(now);
            self.schedule(index, wait, Event::Turn);
        }
    }

    fn turn(&mut self, index: UploaderIndex) {
        let (now, period, rows_a_call) = (self.now, self.pace.period(), self.pace.rows_a_call);
        let uploader = self.uploader(index);
        uploader.turn_is_due = false;
        match uploader.turn(now, period) {
            Some(Waits::Tenant(tenant)) => {
                let task = TaskIndex(uploader.tasks.len());
                let lanes = uploader.take(tenant);
                let mut planned = Task::new(tenant, lanes, rows_a_call);
                planned.begin_calls(1);
                uploader.tasks.push(planned);
                self.call(index, task);
            }
            Some(Waits::Call(task)) => self.call(index, task),
            None => {}
        }
    }

    /// Makes a call whose turn it is, unless too little time is left for one.
    fn call(&mut self, index: UploaderIndex, task: TaskIndex) {
        let now = self.now;
        if self.uploader(index).until.saturating_sub(now) >= LEAST_TIME {
            self.drained.calls += 1;
            self.schedule(index, self.pace.call, Event::Answered(task));
        } else {
            self.task(index, task).not_tried();
            self.go_on(index, task);
        }
    }

    /// Further calls of a task wait for their turns; once none is left its messages are settled.
    fn go_on(&mut self, index: UploaderIndex, task: TaskIndex) {
        let uploader = self.uploader(index);
        let of = &mut uploader.tasks[task.0];
        let more = of.begin_calls(PARALLEL_CALLS);
        let (tenant, is_sent, rows_told) = (of.tenant, of.open == 0, of.rows_told());
        uploader.waiting.extend((0..more).map(|_| (tenant, Waits::Call(task))));
        if is_sent {
            self.drained.rows_told += rows_told;
            self.acknowledge(index, task);
        }
    }

    /// Nobody who waits for a turn gets one any more.
    fn calls_end(&mut self, index: UploaderIndex) {
        for (tenant, waits) in std::mem::take(&mut self.uploader(index).waiting) {
            match waits {
                Waits::Tenant(_) => self.uploader(index).end_task(tenant),
                Waits::Call(task) => {
                    self.task(index, task).not_tried();
                    self.go_on(index, task);
                }
            }
        }
    }
}
