//! What is kept in Secrets Manager: the app's secret, the Firehose tokens, and a record of connections for each advertiser.
//!
//! Reads are cached, and served as they were last read when Secrets Manager fails. Writes are compare-and-set: two writers of one record
//! both end with their change in it. It calls nothing but Secrets Manager, and no error or `Debug` output holds a secret.

mod error;
mod firehose_tokens;
#[cfg(feature = "in-memory")]
pub mod in_memory;
mod json_secret;
mod manager;
mod record;
mod slot;
mod update;

use std::sync::Arc;

use aws_sdk_secretsmanager::Client;
use connections::Record;
use ids::AdvertiserId;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::slot::Slot;

pub use error::{Error, NotAsDocumented};
pub use firehose_tokens::{FirehoseToken, FirehoseTokens};
pub use json_secret::JsonSecret;
pub use record::Found;

/// Records in memory at once; each is a few KB.
const CACHED_RECORDS: u64 = 2_000;

/// The records of connections. A clone shares the cache.
#[derive(Clone)]
pub struct Secrets {
    client: Client,
    advertiser_prefix: Arc<str>,
    slots: Cache<AdvertiserId, Arc<Slot<Option<Arc<Record>>>>>,
}

impl Secrets {
    /// Records are named `<advertiser_prefix><advertiser id>`. Time-outs and retries of a call are the client's.
    #[must_use]
    pub fn new(client: Client, advertiser_prefix: &str) -> Self {
        // The least recently used goes: the default policy may refuse a newcomer, who would then be read at every message.
        let slots = Cache::builder().max_capacity(CACHED_RECORDS).eviction_policy(EvictionPolicy::lru()).build();
        Self { client, advertiser_prefix: advertiser_prefix.into(), slots }
    }

    fn name(&self, advertiser: AdvertiserId) -> String {
        format!("{}{advertiser}", self.advertiser_prefix)
    }

    fn slot(&self, advertiser: AdvertiserId) -> Arc<Slot<Option<Arc<Record>>>> {
        self.slots.get_with(advertiser, Arc::default)
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("advertiser_prefix", &self.advertiser_prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_the_latest_advertiser_is_kept() {
        let secrets = Secrets::new(in_memory::InMemory::default().client(), "");
        let slot = |number: u64| secrets.slot(number.to_string().parse().unwrap());
        for number in 1..=5_000 {
            assert!(Arc::ptr_eq(&slot(number), &slot(number)));
        }
        secrets.slots.run_pending_tasks();
        assert!(secrets.slots.entry_count() <= CACHED_RECORDS);
    }
}
