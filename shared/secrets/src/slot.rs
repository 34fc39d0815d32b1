//! One cached value: read by one task at a time, its age judged by the caller, and served stale when a read fails.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::Error;

/// The oldest that a value may be which has to be fresh: the bound on how often it is read.
pub(crate) const FRESH: Duration = Duration::from_secs(10);
/// The oldest that any other value may be.
pub(crate) const CACHED: Duration = Duration::from_mins(5);
/// After a failure with nothing to serve, the next read waits so long.
const RETRY: Duration = Duration::from_secs(1);

/// Holds the last value that was read, and the last failure if it came after.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    reads: Mutex<Reads<T>>,
    writing: Mutex<()>,
}

#[derive(Debug)]
struct Reads<T> {
    good: Option<(T, Instant)>,
    failed: Option<(Error, Instant)>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { reads: Mutex::new(Reads { good: None, failed: None }), writing: Mutex::new(()) }
    }
}

/// What a slot answers.
#[derive(Debug)]
pub(crate) struct Served<T> {
    pub(crate) value: T,
    /// Why it may be out of date: reading it again failed.
    pub(crate) stale: Option<Error>,
}

impl<T: Clone> Slot<T> {
    /// The value, if it is not older than `max_age` of it; else read by `load`. Those who wait for a read share its outcome.
    pub(crate) async fn get(
        &self,
        name: &str,
        max_age: impl Fn(&T) -> Duration,
        load: impl Future<Output = Result<T, Error>>,
    ) -> Result<Served<T>, Error> {
        let mut reads = self.reads.lock().await;
        if let Some(value) = reads.young(max_age) {
            return Ok(Served { value, stale: None });
        }
        if let Some(answer) = reads.failed_lately() {
            return answer;
        }
        match load.await {
            Ok(value) => {
                reads.note(value.clone());
                Ok(Served { value, stale: None })
            }
            Err(error) => {
                if let Some((_, at)) = &reads.good
                    && may_serve_stale(&error)
                {
                    let age_seconds = at.elapsed().as_secs();
                    tracing::warn!(secret = name, cause = %error, age_seconds, "a secret cannot be read; its last value is used");
                }
                reads.failed = Some((error.clone(), Instant::now()));
                reads.instead_of(error)
            }
        }
    }

    /// The value as it was just written.
    pub(crate) async fn put(&self, value: T) {
        self.reads.lock().await.note(value);
    }

    /// Writers of this process go one after the other.
    pub(crate) async fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().await
    }
}

impl<T: Clone> Reads<T> {
    fn note(&mut self, value: T) {
        self.good = Some((value, Instant::now()));
        self.failed = None;
    }

    fn young(&self, max_age: impl Fn(&T) -> Duration) -> Option<T> {
        let (value, at) = self.good.as_ref()?;
        (at.elapsed() < max_age(value)).then(|| value.clone())
    }

    fn failed_lately(&self) -> Option<Result<Served<T>, Error>> {
        let (error, at) = self.failed.as_ref()?;
        let wait = if self.good.is_some() && may_serve_stale(error) { FRESH } else { RETRY };
        (at.elapsed() < wait).then(|| self.instead_of(error.clone()))
    }

    fn instead_of(&self, error: Error) -> Result<Served<T>, Error> {
        match &self.good {
            Some((value, _)) if may_serve_stale(&error) => Ok(Served { value: value.clone(), stale: Some(error) }),
            Some(_) | None => Err(error),
        }
    }
}

/// When Secrets Manager fails, the last value is better than none. When it answers, its answer counts.
const fn may_serve_stale(error: &Error) -> bool {
    match error {
        Error::Unavailable(_) | Error::Refused(_) => true,
        Error::Missing(_)
        | Error::Unreadable { .. }
        | Error::BeingDeleted(_)
        | Error::Contended(_)
        | Error::QuotaReached(_)
        | Error::TooLarge(_) => false,
    }
}
