//! The clock of the simulation: what happens when, at the queue, at TikTok and in the uploaders. Pure, and the same for the same seed.

mod settling;

use std::collections::{BTreeMap, VecDeque};

use super::fifo::{Batch, Fifo, LaneIndex};
use super::limits::{GATHERING, LEAST_TIME, PARALLEL_CALLS, RECEIVE_WAIT};
use super::task::{Task, TaskIndex};
use super::uploader::{Time, Uploader, Waits};
use super::{Drained, Pace};

/// What happens, to which uploader, in which of its invocations.
#[derive(Debug)]
enum Event {
    Begins,
    Received(Option<Batch>),
    /// A receive has waited for as long as it may.
    WaitedInVain(u64),
    /// A connection asks for its turn.
    Gathered(u32),
    Turn,
    CallsEnd,
    Answered(TaskIndex),
    Deleted(TaskIndex),
    /// Messages that nobody settled are visible again, whatever the uploader does by then.
    Returned(Vec<LaneIndex>),
}

/// Something that is going to happen.
#[derive(Debug)]
struct Due {
    uploader: usize,
    invocation: u64,
    event: Event,
}

/// Everything.
pub(super) struct Simulation {
    fifo: Fifo,
    pace: Pace,
    now: Time,
    /// By time; of what happens at one time, what was scheduled first comes first.
    due: BTreeMap<(Time, u64), Due>,
    scheduled: u64,
    uploaders: Vec<Uploader>,
    /// Receives that wait for a lane.
    parked: VecDeque<(u64, usize, u64)>,
    receives: u64,
    drained: Drained,
}

impl Simulation {
    pub(super) fn new(fifo: Fifo, tenants: u32, pace: Pace) -> Self {
        let uploaders = (0..pace.uploaders).map(|_| Uploader::new(tenants)).collect();
        let drained = Drained { tenants: vec![super::Served::default(); tenants as usize], ..Drained::default() };
        let (due, parked) = (BTreeMap::new(), VecDeque::new());
        Self { fifo, pace, now: Time::ZERO, due, scheduled: 0, uploaders, parked, receives: 0, drained }
    }

    /// Runs until the queue is empty and no invocation is at work, or for as many invocations as are asked for.
    pub(super) fn run(mut self) -> Drained {
        for number in 0..self.uploaders.len() {
            self.schedule(number, Time::ZERO, Event::Begins);
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
                event if self.uploaders.get(uploader).is_some_and(|one| one.invocation == invocation) => {
                    self.happens(uploader, event);
                }
                // A time that was set for an invocation which ended before.
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

    fn schedule(&mut self, number: usize, after: Time, event: Event) {
        let invocation = self.uploaders.get(number).map_or(0, |uploader| uploader.invocation);
        self.scheduled += 1;
        self.due.insert((self.now + after, self.scheduled), Due { uploader: number, invocation, event });
    }

    fn begin(&mut self, number: usize) {
        if self.fifo.left() == 0 || self.drained.invocations >= self.pace.invocations {
            return;
        }
        self.drained.requests += 1;
        let Some(batch) = self.fifo.receive() else {
            // Lambda goes on asking for the event's messages.
            return self.schedule(number, RECEIVE_WAIT, Event::Begins);
        };
        self.drained.invocations += 1;
        // The messages of the event are renewed, and the depth of the queue is asked for.
        self.drained.requests += 2;
        let timeout = self.pace.timeout;
        if let Some(uploader) = self.uploaders.get_mut(number) {
            uploader.begin(self.now, timeout);
            uploader.receiving = 1;
            let calling = uploader.until.saturating_sub(self.now);
            self.schedule(number, calling, Event::CallsEnd);
        }
        self.schedule(number, self.pace.receive, Event::Received(Some(batch)));
    }

    fn happens(&mut self, number: usize, event: Event) {
        match event {
            Event::Received(batch) => self.received(number, batch),
            Event::WaitedInVain(receive) => {
                let before = self.parked.len();
                self.parked.retain(|(parked, ..)| *parked != receive);
                if self.parked.len() < before {
                    self.received(number, None);
                }
            }
            Event::Gathered(tenant) => {
                let now = self.now;
                if let Some(uploader) = self.uploaders.get_mut(number) {
                    uploader.gathered(tenant, now);
                }
            }
            Event::Turn => self.turn(number),
            Event::CallsEnd => self.calls_end(number),
            Event::Answered(task) => {
                self.with(number, task, Task::answered);
                self.go_on(number, task);
            }
            Event::Deleted(task) => self.deleted(number, task),
            Event::Begins | Event::Returned(_) => {}
        }
        self.start_receives(number);
        self.look_who_waits(number);
        if self.uploaders.get(number).is_some_and(Uploader::is_done) {
            self.end(number);
        }
    }

    fn with<T>(&mut self, number: usize, task: TaskIndex, act: impl FnOnce(&mut Task) -> T) -> Option<T> {
        self.uploaders.get_mut(number)?.tasks.get_mut(task.0).map(act)
    }

    fn received(&mut self, number: usize, batch: Option<Batch>) {
        let Some(uploader) = self.uploaders.get_mut(number) else { return };
        let tenant = batch.as_ref().map_or(0, |batch| self.fifo.tenant(batch.lane));
        let pace = self.pace;
        uploader.received(tenant, batch, |rows| pace.message_bytes(rows));
        self.start_task(number, tenant);
    }

    fn start_task(&mut self, number: usize, tenant: u32) {
        let now = self.now;
        if self.uploaders.get_mut(number).is_some_and(|uploader| uploader.start_task(tenant, now)) {
            self.schedule(number, GATHERING, Event::Gathered(tenant));
        }
    }

    fn start_receives(&mut self, number: usize) {
        let wanted = self.uploaders.get(number).map_or(0, |uploader| uploader.wanted_receives(self.now));
        for _ in 0..wanted {
            self.drained.requests += 1;
            self.receives += 1;
            if let Some(uploader) = self.uploaders.get_mut(number) {
                uploader.receiving += 1;
                uploader.freed = false;
                self.parked.push_back((self.receives, number, uploader.invocation));
            }
            self.schedule(number, RECEIVE_WAIT, Event::WaitedInVain(self.receives));
        }
        self.serve_parked();
    }

    /// Gives what is free to the receives that wait for it, the first one first.
    fn serve_parked(&mut self) {
        while let Some((_, number, invocation)) = self.parked.front().copied() {
            if self.uploaders.get(number).is_none_or(|uploader| uploader.invocation != invocation) {
                self.parked.pop_front();
                continue;
            }
            let Some(batch) = self.fifo.receive() else { return };
            self.parked.pop_front();
            let bytes = batch.rows.iter().map(|rows| self.pace.message_bytes(*rows)).sum::<usize>();
            self.drained.requests += bytes.div_ceil(super::BILLED).saturating_sub(1) as u64;
            self.schedule(number, self.pace.receive, Event::Received(Some(batch)));
        }
    }

    fn look_who_waits(&mut self, number: usize) {
        let now = self.now;
        let Some(uploader) = self.uploaders.get_mut(number) else { return };
        if !uploader.turn_is_due && !uploader.waiting.is_empty() {
            uploader.turn_is_due = true;
            let wait = uploader.next_turn.saturating_sub(now);
            self.schedule(number, wait, Event::Turn);
        }
    }

    fn turn(&mut self, number: usize) {
        let (now, period, rows_a_call) = (self.now, self.pace.period(), self.pace.rows_a_call);
        let Some(uploader) = self.uploaders.get_mut(number) else { return };
        uploader.turn_is_due = false;
        match uploader.turn(now, period) {
            Some(Waits::Tenant(tenant)) => {
                let task = TaskIndex(uploader.tasks.len());
                let lanes = uploader.take(tenant);
                let mut planned = Task::new(tenant, lanes, rows_a_call);
                planned.begin_calls(1);
                uploader.tasks.push(planned);
                self.call(number, task);
            }
            Some(Waits::Call(task)) => self.call(number, task),
            None => {}
        }
    }

    /// Makes a call whose turn it is, unless too little time is left for one.
    fn call(&mut self, number: usize, task: TaskIndex) {
        let enough = self.uploaders.get(number).is_some_and(|one| one.until.saturating_sub(self.now) >= LEAST_TIME);
        if enough {
            self.drained.calls += 1;
            self.schedule(number, self.pace.call, Event::Answered(task));
        } else {
            self.with(number, task, Task::not_tried);
            self.go_on(number, task);
        }
    }

    /// Further calls of a task wait for their turns; once none is left its messages are settled.
    fn go_on(&mut self, number: usize, task: TaskIndex) {
        let at_once = u32::try_from(PARALLEL_CALLS).unwrap_or(u32::MAX);
        let Some(uploader) = self.uploaders.get_mut(number) else { return };
        let Some(of) = uploader.tasks.get_mut(task.0) else { return };
        let more = of.begin_calls(at_once);
        let (tenant, is_sent) = (of.tenant, of.open == 0);
        uploader.waiting.extend((0..more).map(|_| (tenant, Waits::Call(task))));
        if is_sent {
            self.drained.rows_told += of.rows_told();
            self.acknowledge(number, task);
        }
    }

    /// Who waits for a turn now waits in vain.
    fn calls_end(&mut self, number: usize) {
        let Some(uploader) = self.uploaders.get_mut(number) else { return };
        for (tenant, waits) in std::mem::take(&mut uploader.waiting) {
            match waits {
                Waits::Tenant(_) => {
                    if let Some(uploader) = self.uploaders.get_mut(number) {
                        uploader.end_task(tenant);
                    }
                }
                Waits::Call(task) => {
                    self.with(number, task, Task::not_tried);
                    self.go_on(number, task);
                }
            }
        }
    }
}
