//! Which of many accounts are connected, without reading a secret for each of them.

use std::collections::{HashMap, HashSet};
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

impl Checks<'_> {
    /// The records of those accounts that have one with a connection in it.
    pub(crate) async fn records(&self, accounts: &[AdvertiserId]) -> HashMap<AdvertiserId, Arc<Record>> {
        let wanted = if accounts.len() > READ_UNLISTED { self.listed(accounts).await } else { accounts.to_vec() };
        let read = stream::iter(wanted)
            .map(|id| async move { (id, self.app.secrets.fresh_record(id).await) })
            .buffer_unordered(READS_AT_ONCE)
            .take_until(sleep_until(self.deadline))
            .filter_map(async |(id, found)| {
                let record = found.inspect_err(|error| self.note(error)).ok()?.record?;
                let is_connected = record.connections().next().is_some();
                is_connected.then_some((id, record))
            });
        read.collect().await
    }

    /// The accounts that have a record, by its name; the first few where the names cannot be listed.
    async fn listed(&self, accounts: &[AdvertiserId]) -> Vec<AdvertiserId> {
        match timeout_at(self.deadline, self.app.record_names()).await {
            Ok(Ok(listed)) => accounts.iter().copied().filter(|id| listed.contains(id)).collect(),
            Ok(Err(fault)) => {
                self.note(&format!("the records cannot be listed: {fault}"));
                accounts.iter().copied().take(READ_UNLISTED).collect()
            }
            Err(_) => Vec::new(),
        }
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
