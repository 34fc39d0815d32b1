//! Trying again what SQS did not do for a reason of its own, and nothing else.

use std::time::Duration;

use aws_sdk_sqs::types::BatchResultErrorEntry;
use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::{Instant, sleep};

use crate::QueueError;

/// What became of entries, by their indices.
pub(crate) type Outcomes = Vec<(usize, Result<(), QueueError>)>;

/// How long it is tried.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    /// So many attempts.
    Attempts(usize),
    /// No attempt begins after this time.
    Until(Instant),
}

impl Patience {
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

/// Calls `attempt` with the entries that are open, `0..entries` at first, until each of them is done, or refused for good, or `patience` ends.
///
/// An entry of which `attempt` says nothing was not answered.
pub(crate) async fn attempts<F>(entries: usize, patience: Patience, attempt: F) -> Vec<Result<(), QueueError>>
where
    F: AsyncFn(&[usize]) -> Outcomes,
{
    let mut outcomes = vec![Err(QueueError::NoAnswer); entries];
    let mut delays = patience.delays();
    loop {
        let passing = |(at, outcome): (usize, &Result<(), QueueError>)| {
            matches!(outcome, Err(error) if error.is_passing()).then_some(at)
        };
        let open: Vec<usize> = outcomes.iter().enumerate().filter_map(passing).collect();
        if open.is_empty() {
            return outcomes;
        }
        for (at, outcome) in attempt(&open).await {
            if let Some(slot) = outcomes.get_mut(at) {
                *slot = outcome;
            }
        }
        let is_done = !outcomes.iter().enumerate().any(|entry| passing(entry).is_some());
        match delays.next() {
            Some(delay) if !is_done && !patience.is_over_after(delay) => sleep(delay).await,
            Some(_) | None => return outcomes,
        }
    }
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
