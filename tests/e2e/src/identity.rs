//! Identities as mParticle sends them, each with what must become of it. What becomes of one is known from how it was made:
//! nothing here parses, so that a misreading of the product's cannot be repeated.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use sha2::Sha256;

pub use sandbox::IdKind;

/// The nil id, which every phone reports whose owner refused tracking.
pub const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// What must become of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// TikTok gets this hash.
    Uploaded(IdKind, String),
    /// `ingest` leaves it out, counted under this reason.
    LeftOut(&'static str),
    /// `uploader` drops it, counted under this reason.
    Dropped(&'static str),
}

/// An identity of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// mParticle's name of the type.
    pub kind: &'static str,
    /// mParticle's name of the encoding.
    pub encoding: &'static str,
    /// The value; `None` is JSON's null.
    pub value: Option<String>,
    /// What must become of it.
    pub expected: Expected,
}

/// Apple's advertising id.
pub const IDFA: &str = "ios_advertising_id";
/// Google's.
pub const GAID: &str = "google_advertising_id";

impl Identity {
    /// An id that is as it should be: `shown` is how mParticle sends `id`, the lower-case UUID.
    #[must_use]
    pub fn raw(kind: &'static str, id: &str, shown: &str) -> Self {
        Self::new(kind, "raw", shown, Expected::Uploaded(id_kind(kind), md5_hex(id)))
    }

    /// The same id, hashed by mParticle; `shown` may be in upper case.
    #[must_use]
    pub fn md5(kind: &'static str, id: &str, shown: fn(&str) -> String) -> Self {
        let hash = md5_hex(id);
        Self::new(kind, "md5", &shown(&hash), Expected::Uploaded(id_kind(kind), hash.clone()))
    }

    /// One that is sent and not uploaded.
    #[must_use]
    pub fn not_uploaded(kind: &'static str, encoding: &'static str, value: &str, expected: Expected) -> Self {
        Self::new(kind, encoding, value, expected)
    }

    /// One without a value.
    #[must_use]
    pub const fn null(kind: &'static str) -> Self {
        Self { kind, encoding: "raw", value: None, expected: Expected::LeftOut("no_value") }
    }

    fn new(kind: &'static str, encoding: &'static str, value: &str, expected: Expected) -> Self {
        Self { kind, encoding, value: Some(value.to_owned()), expected }
    }

    /// As it stands in a message.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({ "type": self.kind, "encoding": self.encoding, "value": self.value })
    }
}

fn id_kind(kind: &str) -> IdKind {
    if kind == IDFA { IdKind::IdfaMd5 } else { IdKind::AaidMd5 }
}

/// The MD5 of a text, in lower-case hex.
#[must_use]
pub fn md5_hex(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

/// The SHA-256 of a text, in lower-case hex.
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        write!(hex, "{byte:02x}").ok();
        hex
    })
}
