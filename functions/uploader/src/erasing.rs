//! The audiences that an erasure is about: those of the connection that TikTok lists, and those that it made so lately that TikTok may not
//! list them yet.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use connections::Mark;
use ids::{AudienceId, ConnectionId};
use moka::sync::Cache;
use startup::clock::now_ms;
use tokio::time::Instant;

use crate::App;
use crate::cause::{Cause, Reason};
use crate::token::Usable;

/// How long a list is used again, at most: one that was read before the person asked knows nothing of what was made in between.
const KEPT: Duration = Duration::from_mins(1);
/// Each takes up to 3 KB.
const MAX_CONNECTIONS: u64 = 1_000;

/// The audiences that TikTok listed lately. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Listed(Cache<ConnectionId, Arc<List>>);

#[derive(Debug)]
struct List {
    /// When TikTok was asked, in milliseconds since 1970.
    asked_ms: i64,
    audiences: Vec<AudienceId>,
}

impl Listed {
    /// Nothing is listed yet.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(MAX_CONNECTIONS).time_to_live(KEPT).build())
    }

    /// A list that was asked for after `sent_ms`.
    fn since(&self, connection: ConnectionId, sent_ms: i64) -> Option<Arc<List>> {
        self.0.get(&connection).filter(|list| list.asked_ms > sent_ms)
    }
}

impl App {
    /// Every audience of `connection` that there was at `sent_ms`, those left out that it deleted itself.
    ///
    /// # Errors
    /// Why they are not known: the erasure waits.
    pub(crate) async fn all_audiences(
        &self,
        connection: ConnectionId,
        usable: &Usable,
        sent_ms: i64,
        until: Instant,
    ) -> Result<Vec<AudienceId>, Arc<Reason>> {
        let list = if let Some(list) = self.listed.since(connection, sent_ms) {
            list
        } else {
            let asked_ms = now_ms();
            let list = Arc::new(List { asked_ms, audiences: self.list(connection, usable, until).await? });
            self.listed.0.insert(connection, Arc::clone(&list));
            list
        };
        let made = self.tokens.audiences_made_lately(connection, until).await?;
        let all: BTreeSet<AudienceId> = list.audiences.iter().copied().chain(made).collect();
        Ok(all.into_iter().filter(|audience| !usable.deleted.contains(audience)).collect())
    }

    /// The audiences with the mark of `connection`, on all of TikTok's pages.
    async fn list(
        &self,
        connection: ConnectionId,
        usable: &Usable,
        until: Instant,
    ) -> Result<Vec<AudienceId>, Arc<Reason>> {
        let mut all = Vec::new();
        for page in 1.. {
            if self.turns.turn(connection, until).await.is_err() {
                return Err(Reason::new(Cause::NotTried, "there was no time to list the audiences"));
            }
            let answer = self.tiktok.audiences(&usable.token, connection.advertiser, page).await;
            let answer = answer.map_err(|failure| {
                tracing::warn!(
                    advertiser = %connection.advertiser, account = %connection.account, code = failure.code,
                    tiktok_request_id = failure.trace.request_id, tiktok_message = failure.message,
                    "TikTok does not list the audiences of an advertiser; erasures wait"
                );
                Reason::of(&failure)
            })?;
            let ours = answer.data.audiences.iter().filter(|audience| {
                Mark::of(&audience.name).is_some_and(|mark| mark.account == connection.account)
                    && !audience.is_of_another_kind()
            });
            all.extend(ours.map(|audience| audience.audience_id));
            if page >= answer.data.total_pages {
                break;
            }
        }
        Ok(all)
    }
}
