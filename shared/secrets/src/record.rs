//! Reading the record of an advertiser through the cache.

use std::sync::Arc;
use std::time::Duration;

use connections::Record;
use ids::AdvertiserId;

use crate::manager::{self, Value};
use crate::slot::{CACHED, FRESH, Served};
use crate::{Error, NotAsDocumented, Secrets};

/// A record as it was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// `None` where there is no secret, or one that is marked for deletion.
    pub record: Option<Arc<Record>>,
    /// It may be out of date: Secrets Manager could not be read.
    pub stale: bool,
}

/// A record with the version that it was read from.
pub(crate) struct Loaded {
    pub(crate) record: Record,
    pub(crate) version: String,
}

impl Secrets {
    /// The connections of an advertiser: at most five minutes old while all of them are active, else at most ten seconds.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; [`Error::Unavailable`] if it was never read.
    pub async fn record(&self, advertiser: AdvertiserId) -> Result<Found, Error> {
        self.found(advertiser, max_age).await
    }

    /// The same, at most ten seconds old: for all that would call a connection refused or dead.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub async fn fresh_record(&self, advertiser: AdvertiserId) -> Result<Found, Error> {
        self.found(advertiser, |_| FRESH).await
    }

    async fn found(
        &self,
        advertiser: AdvertiserId,
        max_age: impl Fn(Option<&Arc<Record>>) -> Duration,
    ) -> Result<Found, Error> {
        let name = self.name(advertiser);
        let load = async {
            match self.load(&name).await {
                Ok(loaded) => Ok(loaded.map(|loaded| Arc::new(loaded.record))),
                Err(Error::BeingDeleted(_)) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let Served { value, stale } = self.slot(advertiser).get(&name, |record| max_age(record.as_ref()), load).await?;
        Ok(Found { record: value, stale: stale.is_some() })
    }

    /// Reads it now; `None` where there is no secret.
    pub(crate) async fn load(&self, name: &str) -> Result<Option<Loaded>, Error> {
        let Value { text, version } = match manager::get(&self.client, name).await {
            Ok(value) => value,
            Err(Error::Missing(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let record = Record::from_json(&text)
            .map_err(|why| Error::Unreadable { secret: name.to_owned(), why: NotAsDocumented::Record(why) })?;
        Ok(Some(Loaded { record, version }))
    }
}

/// What is not active may be healed elsewhere at any time.
fn max_age(record: Option<&Arc<Record>>) -> Duration {
    let is_active = |record: &Arc<Record>| {
        let mut connections = record.connections().peekable();
        connections.peek().is_some() && connections.all(|(_, connection)| connection.state.is_active())
    };
    if record.is_some_and(is_active) { CACHED } else { FRESH }
}
