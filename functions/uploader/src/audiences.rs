//! The audiences of a connection: those that TikTok lists with the connection's mark, and those that it made so lately that TikTok may not
//! list them yet.

use std::collections::{BTreeSet, HashMap};
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

/// How long a list is used again, at most, and only for messages that were sent before it was asked for.
const KEPT: Duration = Duration::from_mins(1);
/// Each takes up to 3 KB.
const MAX_CONNECTIONS: u64 = 1_000;

/// TikTok's ids of a connection's audiences, by mParticle's ids.
pub(crate) type ByMark = HashMap<i64, AudienceId>;

/// The lists that TikTok gave lately.
#[derive(Debug)]
pub(crate) struct AudienceLists(Cache<ConnectionId, Arc<List>>);

#[derive(Debug)]
struct List {
    /// When TikTok was asked, in milliseconds since 1970.
    asked_ms: i64,
    audiences: Vec<(Mark, AudienceId)>,
}

impl AudienceLists {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(MAX_CONNECTIONS).time_to_live(KEPT).build())
    }

    /// A list that was asked for after `sent_ms`.
    fn since(&self, connection: ConnectionId, sent_ms: i64) -> Option<Arc<List>> {
        self.0.get(&connection).filter(|list| list.asked_ms > sent_ms)
    }
}

impl App {
    /// The audiences that an erasure is about: every one of `connection` that there was at `sent_ms`, without those that it deleted itself.
    ///
    /// # Errors
    /// Why they are not known: the erasure waits.
    pub(crate) async fn erasure_audiences(
        &self,
        connection: ConnectionId,
        usable: &Usable,
        sent_ms: i64,
        until: Instant,
    ) -> Result<Vec<AudienceId>, Arc<Reason>> {
        let list = self.list_since(connection, usable, sent_ms, until).await?;
        let made = self.tokens.audiences_made_lately(connection, until).await?;
        let listed = list.audiences.iter().map(|(_, audience)| *audience);
        let all: BTreeSet<AudienceId> = listed.chain(made).collect();
        Ok(all.into_iter().filter(|audience| !usable.deleted.contains(audience)).collect())
    }

    /// The oldest audience of each mark of `connection` that there was at `sent_ms`, for a dead letter `no_audience` that was sent again then:
    /// it knows only mParticle's id of an audience that may be connected by now.
    ///
    /// # Errors
    /// Why they are not known: the letter waits. A part of the list is of no use: the rest may hold an older audience of the same mark.
    pub(crate) async fn audiences_by_mark(
        &self,
        connection: ConnectionId,
        usable: &Usable,
        sent_ms: i64,
        until: Instant,
    ) -> Result<ByMark, Arc<Reason>> {
        let mut by_mark = ByMark::new();
        for (mark, audience) in &self.list_since(connection, usable, sent_ms, until).await?.audiences {
            if !usable.deleted.contains(audience) {
                let oldest = by_mark.entry(mark.audience).or_insert(*audience);
                *oldest = *audience.min(oldest);
            }
        }
        Ok(by_mark)
    }

    /// A list that was asked for after `sent_ms`, if need be now.
    async fn list_since(
        &self,
        connection: ConnectionId,
        usable: &Usable,
        sent_ms: i64,
        until: Instant,
    ) -> Result<Arc<List>, Arc<Reason>> {
        if let Some(list) = self.audience_lists.since(connection, sent_ms) {
            return Ok(list);
        }
        let asked_ms = now_ms();
        let list = Arc::new(List { asked_ms, audiences: self.list(connection, usable, until).await? });
        self.audience_lists.0.insert(connection, Arc::clone(&list));
        Ok(list)
    }

    /// The audiences with the mark of `connection`, on all of TikTok's pages.
    async fn list(
        &self,
        connection: ConnectionId,
        usable: &Usable,
        until: Instant,
    ) -> Result<Vec<(Mark, AudienceId)>, Arc<Reason>> {
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
                    "TikTok does not list the audiences of an advertiser; the messages that need the list wait"
                );
                Reason::of(&failure)
            })?;
            let usable_kinds = answer.data.audiences.iter().filter(|audience| !audience.is_of_another_kind());
            let marked = usable_kinds.filter_map(|audience| Some((Mark::of(&audience.name)?, audience.audience_id)));
            all.extend(marked.filter(|(mark, _)| mark.account == connection.account));
            if page >= answer.data.total_pages {
                break;
            }
        }
        Ok(all)
    }
}
