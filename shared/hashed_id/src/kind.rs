//! What is known of each type of id: the one table that a new type is added to.

use ids::{Encoding, IdType};
use md5::Digest as _;

use crate::{Dropped, LONGEST, placeholder};

/// A function by which TikTok takes ids. An audience may hold the ids of one function alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashFunction {
    /// MD5.
    Md5,
    /// SHA-256.
    Sha256,
}

/// A type of id.
pub(crate) struct Row {
    /// What TikTok takes it hashed with.
    pub(crate) function: HashFunction,
    /// Hashes a raw id without white space around it, in its normal form.
    pub(crate) hash: fn(&str) -> Result<[u8; LONGEST], Dropped>,
}

/// The table.
pub(crate) const fn row(kind: IdType) -> Row {
    match kind {
        IdType::Idfa | IdType::Gaid => Row { function: HashFunction::Md5, hash: uuid },
        IdType::Email => Row { function: HashFunction::Sha256, hash: email },
    }
}

fn uuid(value: &str) -> Result<[u8; LONGEST], Dropped> {
    let text: [u8; 36] = value.as_bytes().try_into().map_err(|_| Dropped::Malformed)?;
    let id = uuid::Uuid::try_parse_ascii(&text).map_err(|_| Dropped::Malformed)?;
    if placeholder::is_uuid(id) {
        Err(Dropped::Nil)
    } else {
        Ok(HashFunction::Md5.digest(text.map(|digit| digit.to_ascii_lowercase())))
    }
}

/// Lower-cased and nothing else: neither dots nor "+tags" are TikTok's to drop. Something stands on both sides of its `@`.
fn email(value: &str) -> Result<[u8; LONGEST], Dropped> {
    let sides = value.rsplit_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty());
    match sides {
        Some(_) if !value.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            Ok(HashFunction::Sha256.digest(value.to_lowercase()))
        }
        Some(_) | None => Err(Dropped::Malformed),
    }
}

impl HashFunction {
    /// mParticle's name of it.
    #[must_use]
    pub const fn encoding(self) -> Encoding {
        match self {
            Self::Md5 => Encoding::Md5,
            Self::Sha256 => Encoding::Sha256,
        }
    }

    /// The length of a digest, in bytes.
    #[must_use]
    pub const fn digest_bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha256 => LONGEST,
        }
    }

    /// The digest of `text`; where it is shorter, zeros follow.
    pub(crate) fn digest(self, text: impl AsRef<[u8]>) -> [u8; LONGEST] {
        match self {
            Self::Md5 => {
                let mut bytes = [0; LONGEST];
                if let Some(digest) = bytes.first_chunk_mut() {
                    *digest = md5::Md5::digest(text).into();
                }
                bytes
            }
            Self::Sha256 => sha2::Sha256::digest(text).into(),
        }
    }
}
