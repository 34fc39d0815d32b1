//! Changing the record of an advertiser by compare-and-set.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use connections::Record;
use ids::AdvertiserId;

use crate::manager::{self, Failure};
use crate::record::Loaded;
use crate::{Error, Secrets};

const TRIES: usize = 5;
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// What Secrets Manager takes as a value.
const MAX_BYTES: usize = 65_536;

/// A write that may have happened although nobody said so.
struct Attempt<T> {
    version: String,
    record: Record,
    outcome: T,
}

impl Secrets {
    /// Applies `change` to the record as it is now, and writes the result if it differs. Another writer's change in between makes it read
    /// and apply again, so `change` may run several times. An advertiser without a secret gets one.
    ///
    /// # Errors
    /// [`Error::Unreadable`], [`Error::BeingDeleted`], [`Error::Unavailable`], [`Error::Refused`], [`Error::Contended`] after five tries,
    /// [`Error::QuotaReached`], [`Error::TooLarge`].
    pub async fn update<T>(
        &self,
        advertiser: AdvertiserId,
        change: impl Fn(&mut Record) -> T,
    ) -> Result<(Arc<Record>, T), Error> {
        let name = self.name(advertiser);
        let slot = self.slot(advertiser);
        let _turn = slot.writing().await;
        let (record, outcome) = self.compare_and_set(&name, change).await?;
        let record = Arc::new(record);
        // Nothing was written for an advertiser that has no secret and needs none.
        let is_there = *record != Record::default();
        slot.put(is_there.then(|| Arc::clone(&record))).await;
        Ok((record, outcome))
    }

    async fn compare_and_set<T>(&self, name: &str, change: impl Fn(&mut Record) -> T) -> Result<(Record, T), Error> {
        let mut waits = waits();
        let mut attempts: Vec<Attempt<T>> = Vec::new();
        loop {
            let loaded = self.load(name).await?;
            if let Some(done) = taken(&mut attempts, loaded.as_ref()) {
                return Ok((done.record, done.outcome));
            }
            let found = loaded.as_ref().map(|loaded| loaded.record.clone()).unwrap_or_default();
            let mut record = found.clone();
            let outcome = change(&mut record);
            if record == found {
                return Ok((record, outcome));
            }
            let version = uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string();
            let read = loaded.as_ref().map(|loaded| loaded.version.as_str());
            match self.write(name, read, &version, &record).await {
                Ok(()) => return Ok((record, outcome)),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Again(error)) => {
                    let Some(wait) = waits.next() else { return Err(error) };
                    attempts.push(Attempt { version, record, outcome });
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn write(&self, name: &str, read: Option<&str>, version: &str, record: &Record) -> Result<(), Failure> {
        let too_large = || Failure::Final(Error::TooLarge(name.to_owned()));
        let text = record.to_json().map_err(|_| too_large())?;
        if text.len() > MAX_BYTES {
            return Err(too_large());
        }
        match read {
            Some(read) => manager::replace(&self.client, name, read, version, &text).await,
            None => manager::create(&self.client, name, version, &text).await,
        }
    }
}

/// The attempt that is the current version after all: its answer was lost.
fn taken<T>(attempts: &mut Vec<Attempt<T>>, loaded: Option<&Loaded>) -> Option<Attempt<T>> {
    let loaded = loaded?;
    let place = attempts.iter().position(|attempt| attempt.version == loaded.version)?;
    Some(attempts.swap_remove(place))
}

/// Full jitter: anything from nothing to the whole wait, so that writers that met do not meet again.
fn waits() -> impl Iterator<Item = Duration> {
    let growing = ExponentialBuilder::new().with_min_delay(FIRST_WAIT).with_max_times(TRIES - 1).build();
    growing.map(|wait| rand::random_range(Duration::ZERO..=wait))
}
