//! What was called and how it was answered, in order. A token is only in it as the beginning of its SHA-256; hashes of people
//! are not in it at all.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Calls kept; older ones are forgotten.
const KEPT: usize = 200_000;

/// One call of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 1 over the life of the sandbox, also across clearing.
    pub seq: u64,
    /// When it arrived, in milliseconds since 1970.
    pub at_ms: u64,
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
    /// The audiences named in the call, sorted.
    pub audience_ids: Vec<String>,
    /// Bytes of the request body.
    pub bytes: usize,
    /// The first 16 hex digits of the token's SHA-256.
    pub token: Option<String>,
    /// The HTTP status answered; `None` while the call hangs, and when the connection was cut.
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
        self.last
    }

    /// Changes an entry, unless it was cleared meanwhile.
    pub(crate) fn amend(&mut self, seq: u64, amend: impl FnOnce(&mut Entry)) {
        let place = self.entries.binary_search_by_key(&seq, |entry| entry.seq);
        if let Some(entry) = place.ok().and_then(|place| self.entries.get_mut(place)) {
            amend(entry);
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

/// How the journal names a token: the first 16 hex digits of its SHA-256.
#[must_use]
pub fn token_fingerprint(token: &str) -> String {
    crate::member::hex(Sha256::digest(token.as_bytes()).get(..8).unwrap_or_default())
}
