//! The identifiers that the other crates speak in: parsed once at the edge, always valid.
//!
//! Nothing here knows HTTP, queues or hashing of device ids.

mod connection;
mod fingerprint;
mod number;

use serde::{Deserialize, Serialize};

pub use connection::{ConnectionId, ParseConnectionError};
pub use fingerprint::{ParseFingerprintError, TokenFingerprint};
pub use number::{AccountId, AdvertiserId, AudienceId, Mpid, ParseIdError};

/// The types of id by which TikTok can match a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdType {
    /// Apple's Identifier for Advertisers.
    Idfa,
    /// Google's advertising id; TikTok calls it AAID.
    Gaid,
    /// An e-mail address.
    Email,
}

/// How mParticle says that an identity's value is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As the device reports it, or as the person wrote it.
    Raw,
    /// Trimmed, lower-cased, then MD5 in hex.
    Md5,
    /// Hashed in a way that TikTok does not take for these ids.
    Sha1,
    /// Trimmed, lower-cased, then SHA-256 in hex.
    Sha256,
}
