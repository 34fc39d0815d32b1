//! A call that TikTok refuses is divided until what is bad stands alone: by audiences, then by rows, oldest first. Pure: it says which
//! part to send next, and is told what came of it.
//!
//! A row is rejected when it is refused alone, or when rows sampled evenly over all of its audience were refused alone with the same code
//! and none was delivered. What TikTok fails at alone, and what the bound on calls leaves untried, comes to "later", never to "rejected".

use std::collections::BTreeSet;
use std::sync::Arc;

use ids::AudienceId;

use crate::cause::{Cause, Outcome, Reason};
use crate::plan::{Change, Span};

/// Calls that one refused call may cost. 16 bad rows spread over 1,000 take about 200.
const MAX_CALLS: u32 = 400;
/// So many rows, sampled evenly, that fail alone alike stand for the rest.
const SAMPLES: usize = 8;
/// The same where TikTok says that the audience does not exist: the rows have little to do with it.
const SAMPLES_OF_MISSING: usize = 3;

/// So many parts that TikTok fails at, with none delivered, are no matter of the rows. A single bad row among 1,000 takes 10.
const MAX_FAILED_PARTS: u32 = 16;

/// What came of sending a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// TikTok has all of it.
    Delivered,
    /// Something in it is bad or, where the cause is [`Cause::Unavailable`], makes TikTok fail.
    Refused(Arc<Reason>),
    /// It holds too much for one call, which says nothing of its rows.
    TooLarge(Arc<Reason>),
    /// It cannot be done now, and neither can the rest.
    Later(Arc<Reason>),
}

impl Answer {
    /// There was no time left to send it, or to hear what came of it.
    #[must_use]
    pub fn not_tried() -> Self {
        Self::Later(Reason::new(Cause::NotTried, "there was no time left for it"))
    }
}

/// What is still to be done, the next one last.
#[derive(Debug)]
enum Job {
    Send {
        rows: Vec<Span>,
        /// Rows of its audience were sampled before, and did not all fail alike.
        sampled: bool,
        half: Half,
    },
    Sample(Span),
    /// The rows of the audience that was sampled; they come after the samples.
    Unsampled(Vec<Span>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    /// Not one of two.
    None,
    First,
    /// Bad for sure if the first half is good.
    Second,
}

/// What the samples of the audience in hand came to.
#[derive(Debug, Default)]
struct Samples {
    failed: Option<Arc<Reason>>,
    delivered: bool,
    differ: bool,
}

/// A refused call that is being divided, one part at a time.
#[derive(Debug)]
pub struct Division {
    open: Vec<Job>,
    current: Option<Job>,
    samples: Samples,
    settled: Vec<(Span, Outcome)>,
    calls: u32,
    failures: u32,
    delivered: bool,
}

impl Division {
    /// Divides a call of `rows` that came to `answer`.
    #[must_use]
    pub fn new(changes: &[Change], rows: Vec<Span>, answer: Answer) -> Self {
        let current = Some(Job::Send { rows, sampled: false, half: Half::None });
        let (open, settled) = (Vec::new(), Vec::new());
        let samples = Samples::default();
        let mut this = Self { open, current, samples, settled, calls: 0, failures: 0, delivered: false };
        this.answered(changes, answer);
        this
    }

    /// The rows to send next; `None` when all is settled or the bound on calls is reached.
    pub fn next_part(&mut self) -> Option<Vec<Span>> {
        if self.calls >= MAX_CALLS {
            return None;
        }
        loop {
            let job = self.open.pop()?;
            let part = match &job {
                Job::Send { rows, .. } => rows.clone(),
                Job::Sample(row) => vec![*row],
                Job::Unsampled(_) => Vec::new(),
            };
            match job {
                Job::Unsampled(rows) => self.after_samples(rows),
                Job::Send { .. } | Job::Sample(_) => {
                    self.calls += 1;
                    self.current = Some(job);
                    return Some(part);
                }
            }
        }
    }

    /// Notes what came of the part that was last given out.
    pub fn answered(&mut self, changes: &[Change], answer: Answer) {
        let Some(job) = self.current.take() else { return };
        match (job, answer) {
            (Job::Send { rows, half, .. }, Answer::Delivered) => {
                self.delivered = true;
                self.settle(&rows, &Outcome::Delivered);
                if half == Half::First {
                    self.first_half_is_good();
                }
            }
            (Job::Send { rows, sampled, .. }, Answer::Refused(reason)) => {
                self.failures += u32::from(reason.cause == Cause::Unavailable);
                if !self.delivered && self.failures >= MAX_FAILED_PARTS {
                    return self.put_off(&rows, &reason);
                }
                self.refused(changes, rows, sampled, &reason);
            }
            (Job::Send { rows, sampled, .. }, Answer::TooLarge(reason)) => self.too_large(rows, sampled, &reason),
            (Job::Sample(row), Answer::Delivered) => {
                self.settle(&[row], &Outcome::Delivered);
                self.samples.delivered = true;
                self.stop_sampling();
            }
            (Job::Sample(row), Answer::Refused(reason) | Answer::TooLarge(reason)) => self.sample_failed(row, &reason),
            (Job::Sample(row), Answer::Later(reason)) => self.put_off(&[row], &reason),
            (Job::Send { rows, .. } | Job::Unsampled(rows), Answer::Later(reason)) => self.put_off(&rows, &reason),
            (Job::Unsampled(rows), Answer::Delivered | Answer::Refused(_) | Answer::TooLarge(_)) => {
                self.open.push(Job::Unsampled(rows));
            }
        }
    }

    /// What became of every row; what was not tried waits.
    #[must_use]
    pub fn finish(mut self) -> Vec<(Span, Outcome)> {
        let reason = Reason::new(Cause::NotTried, "other parts of a refused call had to be tried first");
        self.put_off(&[], &reason);
        self.settled
    }

    fn refused(&mut self, changes: &[Change], rows: Vec<Span>, sampled: bool, reason: &Arc<Reason>) {
        if let Some(sides) = by_audience(changes, &rows) {
            let job = |rows| Job::Send { rows, sampled: false, half: Half::None };
            return self.open.extend(sides.map(job).into_iter().rev());
        }
        if rows.len() == 1 {
            return self.failed_alone(&rows, reason);
        }
        let wanted = if reason.cause == Cause::AudienceMissing { SAMPLES_OF_MISSING } else { SAMPLES };
        if sampled || rows.len() <= wanted || reason.cause == Cause::Unavailable {
            self.halve(rows);
        } else {
            self.sample(&rows, wanted);
        }
    }

    /// Puts the halves of a refused part in line.
    fn halve(&mut self, mut rows: Vec<Span>) {
        let second = rows.split_off(rows.len().div_ceil(2));
        self.open.push(Job::Send { rows: second, sampled: true, half: Half::Second });
        self.open.push(Job::Send { rows, sampled: true, half: Half::First });
    }

    /// The whole was refused and the first half is good, so the other one is bad: it need not be sent as it is to know that.
    fn first_half_is_good(&mut self) {
        let second =
            self.open.pop_if(|job| matches!(job, Job::Send { rows, half: Half::Second, .. } if rows.len() > 1));
        if let Some(Job::Send { rows, .. }) = second {
            self.halve(rows);
        }
    }

    fn too_large(&mut self, mut rows: Vec<Span>, sampled: bool, reason: &Arc<Reason>) {
        let halves = if let [alone] = rows.as_slice() {
            let Some(halves) = alone.halves() else { return self.failed_alone(&rows, reason) };
            halves.map(|half| vec![half])
        } else {
            let second = rows.split_off(rows.len() / 2);
            [rows, second]
        };
        self.open.extend(halves.map(|rows| Job::Send { rows, sampled, half: Half::None }).into_iter().rev());
    }

    fn sample(&mut self, rows: &[Span], wanted: usize) {
        self.samples = Samples::default();
        let at: BTreeSet<usize> = (0..wanted).map(|n| n * (rows.len() - 1) / (wanted - 1)).collect();
        let (samples, others): (Vec<_>, Vec<_>) = rows.iter().enumerate().partition(|(index, _)| at.contains(index));
        self.open.push(Job::Unsampled(others.into_iter().map(|(_, row)| *row).collect()));
        self.open.extend(samples.into_iter().rev().map(|(_, row)| Job::Sample(*row)));
    }

    fn sample_failed(&mut self, row: Span, reason: &Arc<Reason>) {
        self.failed_alone(&[row], reason);
        let first = self.samples.failed.get_or_insert_with(|| Arc::clone(reason));
        // What TikTok fails at says nothing of the other rows.
        if reason.cause == Cause::Unavailable || (first.cause, first.code) != (reason.cause, reason.code) {
            self.samples.differ = true;
            self.stop_sampling();
        }
    }

    /// The samples that were not sent yet join the others again.
    fn stop_sampling(&mut self) {
        let mut unsent = Vec::new();
        while let Some(Job::Sample(row)) = self.open.pop_if(|job| matches!(job, Job::Sample(_))) {
            unsent.push(row);
        }
        if let Some(Job::Unsampled(rows)) = self.open.last_mut() {
            unsent.append(rows);
            unsent.sort_unstable();
            *rows = unsent;
        }
    }

    fn after_samples(&mut self, rows: Vec<Span>) {
        let Samples { failed, delivered, differ } = std::mem::take(&mut self.samples);
        match failed {
            Some(reason) if !delivered && !differ => self.failed_alone(&rows, &reason),
            // What was refused as a whole is bad still, without the good samples.
            None if rows.len() > 1 => self.halve(rows),
            None | Some(_) => self.open.push(Job::Send { rows, sampled: true, half: Half::None }),
        }
    }

    /// `reason` stops everything: `rows` and all that was not tried wait for it.
    fn put_off(&mut self, rows: &[Span], reason: &Arc<Reason>) {
        let later = Outcome::Later(Arc::clone(reason));
        self.settle(rows, &later);
        for job in self.current.take().into_iter().chain(std::mem::take(&mut self.open)) {
            match job {
                Job::Send { rows, .. } | Job::Unsampled(rows) => self.settle(&rows, &later),
                Job::Sample(row) => self.settle(&[row], &later),
            }
        }
    }

    fn failed_alone(&mut self, rows: &[Span], reason: &Arc<Reason>) {
        let outcome = if reason.cause == Cause::Unavailable { Outcome::Later } else { Outcome::Rejected };
        let outcome = outcome(Arc::clone(reason));
        self.settle(rows, &outcome);
    }

    fn settle(&mut self, rows: &[Span], outcome: &Outcome) {
        self.settled.extend(rows.iter().map(|row| (*row, outcome.clone())));
    }
}

/// The rows of one half of the audiences and of the other; `None` if there is but one audience.
fn by_audience(changes: &[Change], rows: &[Span]) -> Option<[Vec<Span>; 2]> {
    let all: BTreeSet<AudienceId> =
        rows.iter().flat_map(|row| row.changes(changes)).map(|change| change.audience).collect();
    let first_of_second = *all.iter().nth(all.len() / 2)?;
    let side = |is_second: bool| -> Vec<Span> {
        let wanted = |change: &Change| (change.audience >= first_of_second) == is_second;
        rows.iter().filter_map(|row| row.only(changes, wanted)).collect()
    };
    (all.len() > 1).then(|| [side(false), side(true)])
}
