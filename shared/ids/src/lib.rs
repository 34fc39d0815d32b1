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

/// The device identities that TikTok can match.
///
/// mParticle's names are `ios_advertising_id` and `google_advertising_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceType {
    /// Apple's Identifier for Advertisers.
    Idfa,
    /// Google's advertising id; TikTok calls it AAID.
    Gaid,
}

/// How mParticle says that an identity's value is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As the device reports it.
    Raw,
    /// Trimmed, lower-cased, then MD5 in hex.
    Md5,
    /// Hashed in a way that TikTok does not take for these ids.
    Sha1,
    /// Hashed in a way that this product does not mix with MD5.
    Sha256,
}
