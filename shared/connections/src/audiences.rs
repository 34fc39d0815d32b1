//! Which audiences were created and deleted lately. TikTok's list shows either only after a while.

use ids::{AccountId, AudienceId};
use serde::{Deserialize, Serialize};

use crate::Record;

const CREATED_KEPT_MS: i64 = 48 * 3_600_000;
const DELETED_KEPT_MS: i64 = 14 * 86_400_000;
/// Newest creations kept for each connection: a secret holds 64 KB.
const MAX_CREATED: usize = 100;
/// Newest deletions kept for each advertiser.
const MAX_DELETED: usize = 200;

/// An audience that was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// TikTok's id of it.
    pub audience: AudienceId,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// An audience that a connection deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deleted {
    pub(crate) audience: AudienceId,
    pub(crate) account: AccountId,
    pub(crate) at_ms: i64,
}

impl Record {
    /// Notes that the connection created an audience. Nothing to note where there is no connection.
    pub fn note_created(&mut self, account: AccountId, audience: AudienceId, now_ms: i64) {
        let Some(connection) = self.connections.get_mut(&account) else { return };
        if connection.created.iter().all(|created| created.audience != audience) {
            connection.created.push(Created { audience, at_ms: now_ms });
            self.tidy(account, now_ms);
        }
    }

    /// Notes that TikTok deleted an audience for that account.
    pub fn note_deleted(&mut self, account: AccountId, audience: AudienceId, now_ms: i64) {
        if self.was_deleted(audience) {
            return;
        }
        if let Some(connection) = self.connections.get_mut(&account) {
            connection.created.retain(|created| created.audience != audience);
        }
        self.deleted.push(Deleted { audience, account, at_ms: now_ms });
        self.tidy(account, now_ms);
    }

    /// Audiences that the connection created in the 48 hours before `now_ms`, oldest first.
    pub fn created_by(&self, account: AccountId, now_ms: i64) -> impl Iterator<Item = AudienceId> {
        let created = self.connections.get(&account).map_or(&[][..], |connection| &connection.created);
        created
            .iter()
            .filter(move |created| now_ms.saturating_sub(created.at_ms) < CREATED_KEPT_MS)
            .map(|created| created.audience)
    }

    /// Whether a connection of this advertiser deleted the audience lately.
    #[must_use]
    pub fn was_deleted(&self, audience: AudienceId) -> bool {
        self.deleted.iter().any(|deleted| deleted.audience == audience)
    }

    /// Audiences that the account deleted lately.
    pub fn deleted_by(&self, account: AccountId) -> impl Iterator<Item = AudienceId> {
        self.deleted.iter().filter(move |deleted| deleted.account == account).map(|deleted| deleted.audience)
    }
}

pub(crate) fn forget_old_creations(created: &mut Vec<Created>, now_ms: i64) {
    created.retain(|created| now_ms.saturating_sub(created.at_ms) < CREATED_KEPT_MS);
    keep_newest(created, MAX_CREATED);
}

pub(crate) fn forget_old_deletions(deleted: &mut Vec<Deleted>, now_ms: i64) {
    deleted.retain(|deleted| now_ms.saturating_sub(deleted.at_ms) < DELETED_KEPT_MS);
    keep_newest(deleted, MAX_DELETED);
}

/// They are pushed at the end.
fn keep_newest<T>(list: &mut Vec<T>, at_most: usize) {
    list.drain(..list.len().saturating_sub(at_most));
}
