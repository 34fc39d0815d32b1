//! Ids, from what mParticle hands over to what TikTok may be given: the hash of one person's id.
//!
//! Parse, don't validate: a [`HashedId`] exists only of an id that may be uploaded. It does no I/O and keeps no raw id.

mod kind;
mod placeholder;

use std::fmt;

use ids::{Encoding, IdType};

pub use kind::HashFunction;

/// The longest digest, in bytes.
const LONGEST: usize = 32;

/// The hash of an id that is fit to be uploaded, with the type of the id, which says what it is hashed with. Ordered by type and bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HashedId {
    kind: IdType,
    /// The digest; where it is shorter, zeros follow.
    bytes: [u8; LONGEST],
}

/// Why an id is not uploaded. Each is counted under its [`reason`](Dropped::reason).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// A placeholder, raw or hashed: nobody's, such as the zeros that every iPhone reports whose owner refused tracking.
    Nil,
    /// Not a UUID where one is due, no e-mail address, or not the digits of a digest.
    Malformed,
    /// Hashed with another function than TikTok takes for this type of id.
    Encoding,
}

impl Dropped {
    /// The word under which it is counted.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Malformed => "malformed",
            Self::Encoding => "encoding",
        }
    }
}

impl HashedId {
    /// Parses an identity as mParticle sends it.
    ///
    /// Raw device ids are trimmed, must be UUIDs in the hyphenated form of 36 characters, are lower-cased and hashed with MD5; raw e-mail
    /// addresses are trimmed, lower-cased and hashed with SHA-256: what mParticle itself does before it hashes. A digest must be hex digits
    /// of either case. UUIDs of one repeated digit are placeholders, and so are the hashes of what stands for "no value" in the spellings
    /// that devices and forms send.
    ///
    /// # Errors
    /// [`Dropped`] says why the id must not be uploaded.
    pub fn parse(kind: IdType, encoding: Encoding, value: &str) -> Result<Self, Dropped> {
        let of = kind::row(kind);
        let value = value.trim();
        if encoding == Encoding::Raw {
            return Ok(Self { kind, bytes: (of.hash)(value)? });
        }
        if encoding != of.function.encoding() {
            return Err(Dropped::Encoding);
        }
        let mut bytes = [0; LONGEST];
        match base16ct::mixed::decode(value, &mut bytes) {
            Ok(decoded) if decoded.len() == of.function.digest_bytes() => {}
            Ok(_) | Err(_) => return Err(Dropped::Malformed),
        }
        if placeholder::is_digest(of.function, &bytes) { Err(Dropped::Nil) } else { Ok(Self { kind, bytes }) }
    }

    /// What kind of id it is.
    #[must_use]
    pub const fn kind(self) -> IdType {
        self.kind
    }

    /// How its text is encoded.
    #[must_use]
    pub const fn encoding(self) -> Encoding {
        kind::row(self.kind).function.encoding()
    }

    /// What it is hashed with.
    #[must_use]
    pub const fn function(self) -> HashFunction {
        kind::row(self.kind).function
    }

    /// The first 8 bytes of the hash, most significant first: a short stand-in where ids are sorted. Ids that differ may have one prefix.
    #[must_use]
    pub fn prefix(&self) -> u64 {
        self.bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
    }

    fn digest(&self) -> &[u8] {
        self.bytes.get(..self.function().digest_bytes()).unwrap_or(&self.bytes)
    }

    /// Hands the hash over as lower-case hex digits.
    fn with_hex<T>(&self, take: impl FnOnce(&str) -> T) -> T {
        let mut hex = [0; 2 * LONGEST];
        // Two places for each byte: the encoder has nothing to refuse.
        take(base16ct::lower::encode_str(self.digest(), &mut hex).unwrap_or_default())
    }

    /// Adds the hash to `to`, as lower-case hex digits.
    pub fn push_to(&self, to: &mut Vec<u8>) {
        self.with_hex(|hex| to.extend_from_slice(hex.as_bytes()));
    }

    /// The digest as a number, most significant byte first, modulo `lanes`.
    fn modulo(&self, lanes: u8) -> u8 {
        let (words, _) = self.digest().as_chunks();
        let step = |rest: u64, word: &[u8; 4]| {
            let number = (rest << 32) | u64::from(u32::from_be_bytes(*word));
            number.checked_rem(lanes.into()).unwrap_or(0)
        };
        words.iter().fold(0, step).try_into().unwrap_or(0)
    }
}

/// The lane of an id among `lanes`: all spellings of one id, raw or hashed, are in one lane, so that its changes keep their order.
///
/// What is not uploaded is in lane 0: nothing depends on its order. The same goes for a number of lanes of 0.
#[must_use]
pub fn lane(kind: IdType, encoding: Encoding, value: &str, lanes: u8) -> u8 {
    HashedId::parse(kind, encoding, value).map_or(0, |id| id.modulo(lanes))
}

impl fmt::Display for HashedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_hex(|hex| f.write_str(hex))
    }
}

/// Without the hash: ids, hashed ones too, have no place in a log.
impl fmt::Debug for HashedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashedId({:?}, …)", self.kind)
    }
}

#[cfg(test)]
mod tests;
