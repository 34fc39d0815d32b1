//! What was called and how it was answered, in order. A token is only in it as the beginning of its SHA-256; hashes of people
//! are not in it at all.

mod query;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

pub use query::Query;

/// Calls kept; older ones are forgotten.
const KEPT: usize = 200_000;

/// One call of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 1 over the life of the sandbox, also across clearing.
    pub seq: u64,
    /// When it arrived, in milliseconds since 1970.
    pub at_ms: u64,
    /// When it took effect, in milliseconds since 1970; `None` if it did not.
    pub applied_at_ms: Option<u64>,
    /// When it was answered, or its connection cut, in milliseconds since 1970; `None` before.
    pub answered_at_ms: Option<u64>,
    /// The HTTP method.
    pub method: String,
    /// The path after `/open_api/v1.3`, without the query (it may hold a secret).
    pub path: String,
    /// The advertisers named in the call.
    pub advertiser_ids: Vec<String>,
    /// `add`, `delete`, `create`: what the body asked for.
    pub action: Option<String>,
    /// Rows of a mapping call.
    pub rows: usize,
    /// Ids in these rows.
    pub ids: usize,
    /// The audiences named in the call, sorted; of a creation, the one that it made.
    pub audience_ids: Vec<String>,
    /// Bytes of the request body.
    pub bytes: usize,
    /// The first 16 hex digits of the token's SHA-256.
    pub token: Option<String>,
    /// Whose token it was, if TikTok knew it when the call arrived.
    pub core_user_id: Option<String>,
    /// The HTTP status answered; `None` while the call is not answered, and when its connection was cut.
    pub status: Option<u16>,
    /// The body code answered; `None` where no TikTok body was.
    pub code: Option<u32>,
    /// Whether the call took effect, whatever was answered.
    pub applied: bool,
    /// The fault that hit the call, by the name of its kind.
    pub fault: Option<String>,
    /// The request id answered.
    pub request_id: String,
}

/// The calls so far.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: VecDeque<Entry>,
    last: u64,
    changes: watch::Sender<()>,
}

impl Journal {
    /// Writes the call down and returns its number.
    pub(crate) fn open(&mut self, mut entry: Entry) -> u64 {
        self.last += 1;
        entry.seq = self.last;
        self.entries.push_back(entry);
        if self.entries.len() > KEPT {
            self.entries.pop_front();
        }
        self.changes.send_replace(());
        self.last
    }

    /// Changes an entry, unless it was cleared meanwhile.
    pub(crate) fn amend(&mut self, seq: u64, amend: impl FnOnce(&mut Entry)) {
        let place = self.entries.binary_search_by_key(&seq, |entry| entry.seq);
        if let Some(entry) = place.ok().and_then(|place| self.entries.get_mut(place)) {
            amend(entry);
            self.changes.send_replace(());
        }
    }

    /// The calls that were asked for, oldest first.
    pub(crate) fn find(&self, query: &Query) -> impl Iterator<Item = &Entry> {
        let first = self.entries.partition_point(|entry| entry.seq <= query.after);
        self.entries.range(first..).filter(|entry| query.matches(entry))
    }

    /// Says when an entry is written or changed from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The number of the newest call, cleared or not; 0 before the first.
    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

/// How the journal names a token: the first 16 hex digits of its SHA-256.
#[must_use]
pub fn token_fingerprint(token: &str) -> String {
    token_digest(token).chars().take(16).collect()
}

/// The SHA-256 of a token, in lower-case hex.
pub(crate) fn token_digest(token: &str) -> String {
    crate::member::hex(&Sha256::digest(token.as_bytes()))
}
