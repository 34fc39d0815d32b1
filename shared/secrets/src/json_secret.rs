//! A secret that this software reads and never writes: the app's credentials, the Firehose tokens.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use serde::de::DeserializeOwned;

use crate::manager::{self, Value};
use crate::slot::{CACHED, FRESH, Served, Slot};
use crate::{Error, NotAsDocumented};

/// A secret whose value is JSON, cached.
pub struct JsonSecret<T> {
    client: Client,
    id: String,
    slot: Slot<Arc<T>>,
}

impl<T: DeserializeOwned> JsonSecret<T> {
    /// The secret of that name or ARN. Nothing is read yet.
    #[must_use]
    pub fn new(client: Client, id: String) -> Self {
        Self { client, id, slot: Slot::default() }
    }

    /// Its value, at most five minutes old while Secrets Manager answers.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::BeingDeleted`] and [`Error::Unreadable`] for the operator; [`Error::Unavailable`] if it was never read.
    pub async fn get(&self) -> Result<Arc<T>, Error> {
        Ok(self.at_most(CACHED).await?.value)
    }

    /// Its value, at most ten seconds old: for all that would refuse somebody, since the value may have been changed a moment ago.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`Error::Unavailable`] also if it cannot be read again.
    pub async fn fresh(&self) -> Result<Arc<T>, Error> {
        let Served { value, stale } = self.at_most(FRESH).await?;
        stale.map_or(Ok(value), Err)
    }

    async fn at_most(&self, max_age: Duration) -> Result<Served<Arc<T>>, Error> {
        self.slot.get(&self.id, |_| max_age, self.load()).await
    }

    async fn load(&self) -> Result<Arc<T>, Error> {
        let Value { text, .. } = manager::get(&self.client, &self.id).await?;
        let value = serde_json::from_str(&text).map_err(|error| Error::Unreadable {
            secret: self.id.clone(),
            why: NotAsDocumented::Json { line: error.line(), column: error.column() },
        })?;
        Ok(Arc::new(value))
    }
}

impl<T> std::fmt::Debug for JsonSecret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsonSecret").field("id", &self.id).finish_non_exhaustive()
    }
}
