//! Secrets Manager, read through a short-lived cache, written with a merge and a check.
//!
//! Secrets Manager has no compare-and-set. A change is therefore a function that may be applied again: it is applied to a fresh
//! copy, written, and the copy read back must need it no more.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use ids::AdvertiserId;
use moka::future::Cache;
use serde::de::DeserializeOwned;

use crate::{App, FirehoseTokens, Record};

/// How often a write is tried that another writer undid.
const WRITE_TRIES: u32 = 5;
/// Records in memory at once; each is about 1 KB.
const CACHED_RECORDS: u64 = 2_000;

/// Why a secret could not be read or written. Safe to log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not exist.
    #[error("the secret {0} does not exist")]
    Missing(String),
    /// It is not JSON of the documented form.
    #[error("the secret {0} is not in the documented form")]
    Unreadable(String),
    /// Secrets Manager did not answer, or refused.
    #[error("Secrets Manager: {0}")]
    Unavailable(String),
    /// Other writers undid the change again and again.
    #[error("the secret {0} is being written by too many at once")]
    Contended(String),
}

/// The secrets of this integration.
#[derive(Debug, Clone)]
pub struct Secrets {
    client: Client,
    advertiser_prefix: String,
    records: Cache<AdvertiserId, Arc<Record>>,
    firehose: Cache<String, Arc<FirehoseTokens>>,
}

impl Secrets {
    /// Records are named `<advertiser_prefix><advertiser id>`. What is read is kept for `keep`.
    #[must_use]
    pub fn new(client: Client, advertiser_prefix: String, keep: Duration) -> Self {
        Self {
            client,
            advertiser_prefix,
            records: Cache::builder().max_capacity(CACHED_RECORDS).time_to_live(keep).build(),
            firehose: Cache::builder().max_capacity(1).time_to_live(keep).build(),
        }
    }

    /// The app's credentials, read anew.
    ///
    /// # Errors
    /// [`Error`] says what is wrong with the secret, or with Secrets Manager.
    pub async fn app(&self, id: &str) -> Result<App, Error> {
        self.json(id).await
    }

    /// The tokens that mParticle may present.
    ///
    /// # Errors
    /// [`Error`] says what is wrong with the secret, or with Secrets Manager.
    pub async fn firehose_tokens(&self, id: &str) -> Result<Arc<FirehoseTokens>, Error> {
        let load = async { self.json(id).await.map(Arc::new) };
        self.firehose.try_get_with(id.to_owned(), load).await.map_err(|error| (*error).clone())
    }

    /// An advertiser's tokens; an empty record if it has none.
    ///
    /// # Errors
    /// [`Error::Unavailable`] only: a record that cannot be read counts as empty, is logged, and is mended by the next write.
    pub async fn record(&self, advertiser: AdvertiserId) -> Result<Arc<Record>, Error> {
        let load = async { self.load(advertiser).await.map(|loaded| Arc::new(loaded.unwrap_or_default())) };
        self.records.try_get_with(advertiser, load).await.map_err(|error| (*error).clone())
    }

    /// The same, read anew whatever the cache holds.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub async fn fresh_record(&self, advertiser: AdvertiserId) -> Result<Arc<Record>, Error> {
        self.records.invalidate(&advertiser).await;
        self.record(advertiser).await
    }

    /// Applies `change`, which must do nothing when applied to what it made. Writes only if there is something to change.
    ///
    /// # Errors
    /// [`Error::Unavailable`], or [`Error::Contended`] when other writers undid it every time.
    pub async fn update(&self, advertiser: AdvertiserId, change: impl Fn(&mut Record)) -> Result<Arc<Record>, Error> {
        let mut loaded = self.load(advertiser).await?;
        for _ in 0..WRITE_TRIES {
            let exists = loaded.is_some();
            let found = loaded.unwrap_or_default();
            let mut wanted = found.clone();
            change(&mut wanted);
            if wanted == found {
                let record = Arc::new(found);
                self.records.insert(advertiser, Arc::clone(&record)).await;
                return Ok(record);
            }
            self.write(advertiser, &wanted, exists).await?;
            // Writers that met go apart again.
            tokio::time::sleep(Duration::from_millis(rand::random_range(5..50))).await;
            loaded = self.load(advertiser).await?;
        }
        Err(Error::Contended(self.name(advertiser)))
    }

    fn name(&self, advertiser: AdvertiserId) -> String {
        format!("{}{advertiser}", self.advertiser_prefix)
    }

    async fn load(&self, advertiser: AdvertiserId) -> Result<Option<Record>, Error> {
        let name = self.name(advertiser);
        let text = match self.text(&name).await {
            Ok(text) => text,
            Err(Error::Missing(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (record, unread) = Record::from_json(&text);
        if unread > 0 {
            tracing::error!(secret = name, unread, "the record has entries that cannot be read; they are ignored");
        }
        Ok(Some(record))
    }

    async fn write(&self, advertiser: AdvertiserId, record: &Record, exists: bool) -> Result<(), Error> {
        let name = self.name(advertiser);
        let json = record.to_json().map_err(|_| Error::Unreadable(name.clone()))?;
        if !exists {
            let create = self.client.create_secret().name(&name).secret_string(&json).send().await;
            match create {
                Ok(_) => return Ok(()),
                // Somebody else was first. The caller merges with what they wrote.
                Err(error) if error.code() == Some("ResourceExistsException") => return Ok(()),
                Err(error) => return Err(unavailable(&error)),
            }
        }
        self.client
            .put_secret_value()
            .secret_id(&name)
            .secret_string(json)
            .send()
            .await
            .map_err(|e| unavailable(&e))?;
        Ok(())
    }

    async fn json<T: DeserializeOwned>(&self, id: &str) -> Result<T, Error> {
        serde_json::from_str(&self.text(id).await?).map_err(|_| Error::Unreadable(id.to_owned()))
    }

    async fn text(&self, id: &str) -> Result<String, Error> {
        match self.client.get_secret_value().secret_id(id).send().await {
            Ok(secret) => secret.secret_string.ok_or_else(|| Error::Unreadable(id.to_owned())),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Err(Error::Missing(id.to_owned())),
            Err(error) => Err(unavailable(&error)),
        }
    }
}

/// Only the kind of the failure: the details may hold what was to be written.
fn unavailable<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Error {
    let what = match error {
        SdkError::ConstructionFailure(_) => "the request could not be built",
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(_) => "not reached",
        SdkError::ResponseError(_) => "the answer could not be read",
        SdkError::ServiceError(service) => service.err().code().unwrap_or("refused without a code"),
        _ => "failed",
    };
    Error::Unavailable(what.to_owned())
}
