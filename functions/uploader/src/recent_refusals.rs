//! What TikTok refused lately: audiences that are missing, and rows that failed alone. They are not sent again for an hour.

use std::sync::Arc;
use std::time::Duration;

use hashed_id::HashedId;
use ids::{AdvertiserId, AudienceId};
use moka::sync::Cache;
use tiktok::Action;

use crate::cause::{Cause, Reason};
use crate::plan::Change;

const KEPT: Duration = Duration::from_hours(1);
/// Each takes about 150 bytes.
const MAX_ROWS: u64 = 100_000;
const MAX_AUDIENCES: u64 = 10_000;

type Row = (AdvertiserId, AudienceId, HashedId, Action);

/// What TikTok refused lately.
#[derive(Debug)]
pub(crate) struct RecentRefusals {
    rows: Cache<Row, Arc<Reason>>,
    missing: Cache<(AdvertiserId, AudienceId), Arc<Reason>>,
}

impl RecentRefusals {
    pub(crate) fn new() -> Self {
        Self {
            rows: Cache::builder().max_capacity(MAX_ROWS).time_to_live(KEPT).build(),
            missing: Cache::builder().max_capacity(MAX_AUDIENCES).time_to_live(KEPT).build(),
        }
    }

    /// Why TikTok refused `change` lately.
    pub(crate) fn find(&self, advertiser: AdvertiserId, change: &Change) -> Option<Arc<Reason>> {
        let missing = self.missing.get(&(advertiser, change.audience));
        missing.or_else(|| self.rows.get(&row(advertiser, change)))
    }

    /// TikTok refused `change` alone.
    pub(crate) fn note(&self, advertiser: AdvertiserId, change: &Change, reason: &Arc<Reason>) {
        if reason.cause == Cause::AudienceMissing {
            self.missing.insert((advertiser, change.audience), Arc::clone(reason));
        } else {
            self.rows.insert(row(advertiser, change), Arc::clone(reason));
        }
    }

    /// `change` came again from the dead-letter queue: it is tried again.
    pub(crate) fn forget(&self, advertiser: AdvertiserId, change: &Change) {
        self.missing.invalidate(&(advertiser, change.audience));
        self.rows.invalidate(&row(advertiser, change));
    }
}

const fn row(advertiser: AdvertiserId, change: &Change) -> Row {
    (advertiser, change.audience, change.id, change.action)
}
