//! The records of all advertisers. Tokens stay inside.

use std::sync::Arc;

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use connections::Record;
use futures::{StreamExt, stream};
use ids::AdvertiserId;

use crate::cloud::Cloud;
use crate::error::{Error, of_sdk};

/// Records that are read at a time.
const PARALLEL_READS: usize = 8;

/// An advertiser's record, or why it cannot be read.
pub(crate) type Found = (AdvertiserId, Result<Option<Arc<Record>>, secrets::Error>);

/// All records, by advertiser. One that cannot be read is an entry of its own: it is somebody's trouble.
///
/// # Errors
/// The names cannot be listed.
pub(crate) async fn all(cloud: &Cloud) -> Result<Vec<Found>, Error> {
    let prefix = &cloud.stack.advertiser_secret_prefix;
    let (mut advertisers, mut next): (Vec<AdvertiserId>, _) = (Vec::new(), None);
    loop {
        let filter = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
        let page = cloud.secrets_manager.list_secrets().filters(filter).set_next_token(next).send().await;
        let page = page.map_err(|error| of_sdk("Secrets Manager", &error))?;
        let names = page.secret_list().iter().filter_map(|entry| entry.name()?.strip_prefix(prefix.as_str()));
        advertisers.extend(names.filter_map(|id| id.parse::<AdvertiserId>().ok()));
        next = page.next_token;
        if next.is_none() {
            break;
        }
    }
    advertisers.sort_unstable();
    let read =
        |advertiser| async move { (advertiser, cloud.secrets.record(advertiser).await.map(|found| found.record)) };
    Ok(stream::iter(advertisers).map(read).buffered(PARALLEL_READS).collect().await)
}

/// The record of one advertiser.
///
/// # Errors
/// It cannot be read, or is not there.
pub(crate) async fn of(cloud: &Cloud, advertiser: AdvertiserId) -> Result<Arc<Record>, Error> {
    let found = cloud.secrets.record(advertiser).await?;
    found.record.ok_or_else(|| {
        Error::NotFound(format!("the advertiser {advertiser} has no record: no token was ever accepted for it"))
    })
}
