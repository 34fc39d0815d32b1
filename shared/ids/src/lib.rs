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

impl IdType {
    /// Its word in an envelope.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idfa => "idfa",
            Self::Gaid => "gaid",
            Self::Email => "email",
        }
    }

    /// The type of that word.
    #[must_use]
    #[inline]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "idfa" => Some(Self::Idfa),
            "gaid" => Some(Self::Gaid),
            "email" => Some(Self::Email),
            _ => None,
        }
    }
}

impl Encoding {
    /// mParticle's word for it, and the one in an envelope.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// The encoding of that word.
    #[must_use]
    #[inline]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "raw" => Some(Self::Raw),
            "md5" => Some(Self::Md5),
            "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_in_json() {
        for (kind, word) in [(IdType::Idfa, "idfa"), (IdType::Gaid, "gaid"), (IdType::Email, "email")] {
            assert_eq!((kind.as_str(), IdType::of(word)), (word, Some(kind)));
            assert_eq!(serde_json::to_value(kind).unwrap(), word);
        }
        for encoding in [Encoding::Raw, Encoding::Md5, Encoding::Sha1, Encoding::Sha256] {
            assert_eq!(serde_json::to_value(encoding).unwrap(), encoding.as_str());
            assert_eq!(Encoding::of(encoding.as_str()), Some(encoding));
        }
        assert_eq!((IdType::of("imei"), Encoding::of("")), (None, None));
    }
}
