//! The message on the queue between `ingest`, which writes it, and `uploader`, which reads it.
//!
//! It holds what the upload needs and nothing else of a person: no token, no name, no e-mail. Its form is versioned; a change of
//! meaning raises [`VERSION`], and a reader sends versions that it does not know to the dead-letter queue.

mod read;
mod write;

use std::borrow::Cow;

use ids::{AdvertiserId, AudienceId, DeviceType, Encoding, Mpid, TokenFingerprint};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub use read::ReadError;
pub use write::{Header, Writer};

/// The version that this crate writes, and the only one that it reads.
pub const VERSION: u32 = 1;

/// Membership changes of one advertiser, made at one time, to be uploaded with one token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope<'a> {
    /// [`VERSION`].
    pub version: u32,
    /// The advertiser whose audiences change.
    pub advertiser: AdvertiserId,
    /// Which of the advertiser's tokens came with the request.
    pub token: TokenFingerprint,
    /// When the changes were made: the Firehose message's time, in milliseconds since 1970.
    pub changed_ms: i64,
    /// The users, in the order of the request.
    #[serde(borrow)]
    pub rows: Vec<Row<'a>>,
}

/// One user: ids, and what changes for all of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row<'a> {
    /// When this user's changes were made, where that differs from the envelope's time: in what `uploader` puts back or aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_ms: Option<i64>,
    /// mParticle's id of the user, for tracing. TikTok never sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mpid: Option<Mpid>,
    /// Device ids as mParticle sent them, neither checked nor hashed.
    #[serde(borrow, default)]
    pub ids: Vec<DeviceId<'a>>,
    /// Audiences that the user joins.
    #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
    pub adds: SmallVec<[AudienceId; 2]>,
    /// Audiences that the user leaves.
    #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
    pub deletes: SmallVec<[AudienceId; 2]>,
    /// mParticle's ids of audiences that the user joins and that have no audience at TikTok: for the dead-letter queue alone.
    #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
    pub unmapped_adds: SmallVec<[i64; 1]>,
    /// The same for audiences that the user leaves.
    #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
    pub unmapped_deletes: SmallVec<[i64; 1]>,
}

/// A device id: `["idfa","raw","66b7…"]`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceId<'a>(
    /// Apple's or Google's.
    pub DeviceType,
    /// How the value is encoded.
    pub Encoding,
    /// The value, at most [`MAX_ID_BYTES`](Self::MAX_ID_BYTES) long.
    #[serde(borrow)]
    pub Cow<'a, str>,
);

impl DeviceId<'_> {
    /// The longest value that an envelope carries, in bytes. A SHA-256 in hex has 64; what is longer is no id of any encoding.
    pub const MAX_ID_BYTES: usize = 128;
}

/// Without the value: it may be a raw device id.
impl std::fmt::Debug for DeviceId<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceId({:?}, {:?}, …)", self.0, self.1)
    }
}
