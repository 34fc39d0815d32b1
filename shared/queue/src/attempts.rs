//! Trying again what SQS did not do for a reason of its own, and nothing else.

use std::time::Duration;

use aws_sdk_sqs::types::BatchResultErrorEntry;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures::{StreamExt, stream};
use tokio::time::{Instant, sleep};

use crate::{PARALLEL_BATCHES, QueueError};

/// What became of entries, by their indices.
pub(crate) type Outcomes = Vec<(usize, Result<(), QueueError>)>;

/// When to stop trying again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RetryLimit {
    /// After so many attempts.
    Attempts(usize),
    /// No attempt begins after this time.
    Until(Instant),
}

impl RetryLimit {
    fn delays(self) -> impl Iterator<Item = Duration> {
        let delays = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(2))
            .with_jitter();
        match self {
            Self::Attempts(attempts) => delays.with_max_times(attempts.saturating_sub(1)).build(),
            Self::Until(_) => delays.without_max_times().build(),
        }
    }

    fn is_over_after(self, delay: Duration) -> bool {
        match self {
            Self::Attempts(_) => false,
            Self::Until(until) => Instant::now() + delay >= until,
        }
    }
}

/// The outcome that each entry has so far. An entry that no answer mentions counts as not answered.
pub(crate) struct Attempts<D> {
    outcomes: Vec<Result<(), QueueError>>,
    limit: RetryLimit,
    delays: D,
    is_first: bool,
}

/// So many entries, none of them tried.
pub(crate) fn attempts(entries: usize, limit: RetryLimit) -> Attempts<impl Iterator<Item = Duration>> {
    let outcomes = vec![Err(QueueError::NoAnswer); entries];
    Attempts { outcomes, limit, delays: limit.delays(), is_first: true }
}

impl<D: Iterator<Item = Duration>> Attempts<D> {
    /// Waits until it is time for the next attempt: the entries that it is for, or `None` once all is settled or the limit is reached.
    pub(crate) async fn next(&mut self) -> Option<Vec<usize>> {
        let passing = |(at, outcome): (usize, &Result<(), QueueError>)| {
            matches!(outcome, Err(error) if error.is_passing()).then_some(at)
        };
        let open: Vec<usize> = self.outcomes.iter().enumerate().filter_map(passing).collect();
        if open.is_empty() {
            return None;
        }
        if !std::mem::take(&mut self.is_first) {
            let delay = self.delays.next().filter(|delay| !self.limit.is_over_after(*delay))?;
            sleep(delay).await;
        }
        Some(open)
    }

    pub(crate) fn note(&mut self, outcomes: Outcomes) {
        for (at, outcome) in outcomes {
            if let Some(slot) = self.outcomes.get_mut(at) {
                *slot = outcome;
            }
        }
    }

    pub(crate) fn into_outcomes(self) -> Vec<Result<(), QueueError>> {
        self.outcomes
    }
}

/// Runs calls side by side, so many at once.
pub(crate) async fn side_by_side<F: Future<Output = Outcomes>>(calls: Vec<F>) -> Outcomes {
    stream::iter(calls).buffer_unordered(PARALLEL_BATCHES).concat().await
}

/// The same outcome for all entries of a batch.
pub(crate) fn all<T>(entries: &[(usize, T)], error: &QueueError) -> Outcomes {
    entries.iter().map(|(at, _)| (*at, Err(error.clone()))).collect()
}

/// The outcome of each entry, by the ids that SQS's answer names.
pub(crate) fn of_each<'a>(done: impl Iterator<Item = &'a str>, failed: &[BatchResultErrorEntry]) -> Outcomes {
    let done = done.filter_map(|id| Some((id.parse().ok()?, Ok(()))));
    let failed = failed.iter().filter_map(|entry| Some((entry.id().parse().ok()?, Err(QueueError::of_entry(entry)))));
    done.chain(failed).collect()
}
