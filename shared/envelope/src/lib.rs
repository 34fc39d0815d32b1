//! The message on the queue between `ingest`, which writes it, and `uploader`, which reads it: changes of one lane, made at one time.
//!
//! It holds what the upload needs and nothing else of a person: no token, no name; an e-mail address, as a hash, only of people in audiences
//! that are matched by it. Its form is versioned: a change of meaning
//! raises [`VERSION`], and a reader leaves what is newer on the queue until it is deployed itself. New fields need no new version.

mod group;
mod lanes;
mod plain;
mod read;
mod sqs;
mod write;

use std::borrow::Cow;

use ids::{AudienceId, ConnectionId, Encoding, IdType, Mpid};
use serde::Deserialize;
use smallvec::SmallVec;

pub use group::{GroupId, ParseGroupError};
pub use lanes::{LaneParts, Lanes, MAX_LANES};
pub use read::ReadError;
pub use write::Writer;

/// The version that this crate writes, and the only one that it reads.
pub const VERSION: u32 = 2;

/// What all the changes of an envelope have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Whose audiences change, and which configuration at mParticle says so.
    pub connection: ConnectionId,
    /// When the changes were made: the Firehose message's time, in milliseconds since 1970. For letters and metrics; it orders nothing.
    pub changed_ms: i64,
}

/// Membership changes of one connection, as read from a queue message. It has no more changes than its text has bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope<'a> {
    /// What the rows have in common.
    pub header: Header,
    /// In the order of the request.
    pub rows: Vec<Row<'a>>,
}

/// One id, and what changes for it. The deletes come after the adds: of an audience that is in both, the id is out in the end.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Row<'a> {
    /// mParticle's id of the user, for tracing. TikTok never sees it.
    #[serde(default)]
    pub mpid: Option<Mpid>,
    /// The id as mParticle sent it, neither checked nor hashed.
    #[serde(borrow)]
    pub id: SentId<'a>,
    /// The person asked to be forgotten: after all that the row says the id leaves every audience of the connection, named here or not.
    #[serde(default)]
    pub erase: bool,
    /// Audiences that the id joins.
    #[serde(default)]
    pub adds: SmallVec<[AudienceId; 2]>,
    /// Audiences that the id leaves.
    #[serde(default)]
    pub deletes: SmallVec<[AudienceId; 2]>,
    /// mParticle's ids of audiences that the id joins and that have no audience at TikTok.
    #[serde(default)]
    pub unmapped_adds: SmallVec<[i64; 1]>,
    /// The same for audiences that the id leaves.
    #[serde(default)]
    pub unmapped_deletes: SmallVec<[i64; 1]>,
}

/// An id: `["idfa","raw","66b7…"]`.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct SentId<'a>(
    /// What kind of id it is.
    pub IdType,
    /// How the value is encoded.
    pub Encoding,
    /// The value, at most [`MAX_ID_BYTES`](Self::MAX_ID_BYTES) long where `ingest` wrote it.
    #[serde(borrow)]
    pub Cow<'a, str>,
);

impl<'a> Row<'a> {
    /// A row that says nothing of `id` yet.
    #[must_use]
    pub fn of(mpid: Option<Mpid>, id: SentId<'a>) -> Self {
        let (adds, deletes) = (SmallVec::new(), SmallVec::new());
        let (unmapped_adds, unmapped_deletes) = (SmallVec::new(), SmallVec::new());
        Self { mpid, id, erase: false, adds, deletes, unmapped_adds, unmapped_deletes }
    }

    /// How much it says: changes of one audience, and an erasure for one.
    #[must_use]
    pub fn changes(&self) -> usize {
        let unmapped = self.unmapped_adds.len() + self.unmapped_deletes.len();
        usize::from(self.erase) + self.adds.len() + self.deletes.len() + unmapped
    }
}

impl SentId<'_> {
    /// The longest value that `ingest` may write, in bytes. A SHA-256 in hex has 64; what is longer is no id of any encoding.
    pub const MAX_ID_BYTES: usize = 128;
    /// The same for a raw e-mail address, which has at most 254, and a few more where it is not trimmed.
    pub const MAX_ADDRESS_BYTES: usize = 320;
}

/// Without the value: it may be a raw id.
impl std::fmt::Debug for SentId<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SentId({:?}, {:?}, …)", self.0, self.1)
    }
}
