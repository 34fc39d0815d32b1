//! Which of many accounts are connected, without reading a secret for each of them.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;

use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use connections::Record;
use futures::stream::{self, StreamExt as _};
use ids::AdvertiserId;
use tokio::time::{sleep_until, timeout_at};

use crate::App;
use crate::checks::Checks;

/// Of up to so many accounts each record is asked for; of more, the names of all records are listed first.
const READ_UNLISTED: usize = 50;
/// Records read at a time.
const READS_AT_ONCE: usize = 16;

/// What Secrets Manager tells of the accounts.
pub(crate) struct Records {
    /// The records with a connection in it.
    pub(crate) connected: HashMap<AdvertiserId, Arc<Record>>,
    /// The accounts that may have one which could not be read.
    pub(crate) unread: HashSet<AdvertiserId>,
}

impl Checks<'_> {
    /// The records of those accounts that have one.
    pub(crate) async fn records(&self, accounts: &[AdvertiserId]) -> Records {
        let mut records = Records { connected: HashMap::new(), unread: accounts.iter().copied().collect() };
        let listed = if accounts.len() > READ_UNLISTED { self.listed().await } else { None };
        let at_most = if listed.is_some() { usize::MAX } else { READ_UNLISTED };
        if let Some(listed) = listed {
            records.unread.retain(|id| listed.contains(id));
        }
        let wanted: Vec<_> = records.unread.iter().copied().take(at_most).collect();
        let read = stream::iter(wanted)
            .map(|id| async move { (id, self.app.secrets.fresh_record(id).await) })
            .buffer_unordered(READS_AT_ONCE)
            .take_until(sleep_until(self.deadline));
        let mut read = pin!(read);
        while let Some((id, found)) = read.next().await {
            match found {
                Ok(found) => {
                    records.unread.remove(&id);
                    let connected = found.record.filter(|record| record.connections().next().is_some());
                    records.connected.extend(connected.map(|record| (id, record)));
                }
                Err(error) => self.note(&error),
            }
        }
        if !records.unread.is_empty() {
            self.note(&format!("the connections of {} of the accounts are not known", records.unread.len()));
        }
        records
    }

    /// The advertisers that have a record, if their names can be listed in time.
    async fn listed(&self) -> Option<HashSet<AdvertiserId>> {
        let names = timeout_at(self.deadline, self.app.record_names()).await;
        let names = names.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        names.inspect_err(|fault| self.note(&format!("the records cannot be listed: {fault}"))).ok()
    }
}

impl App {
    /// The advertisers that have a record; or Secrets Manager's error code.
    async fn record_names(&self) -> Result<HashSet<AdvertiserId>, String> {
        let prefix = &self.config.advertiser_secret_prefix;
        let filter = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
        let mut pages = self.secrets_manager.list_secrets().filters(filter).max_results(100).into_paginator().send();
        let mut found = HashSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| error.code().unwrap_or("no answer").to_owned())?;
            let names = page.secret_list().iter().filter_map(|secret| secret.name());
            found.extend(names.filter_map(|name| name.strip_prefix(prefix.as_str())?.parse::<AdvertiserId>().ok()));
        }
        Ok(found)
    }
}
