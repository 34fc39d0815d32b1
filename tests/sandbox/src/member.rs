//! The ids that an audience holds: which kinds there are, and what a well-formed hash of each looks like.
//! A digest that could be read is never one that everybody shares (nil, empty).

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// An id type of `id_schema`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are TikTok's own")]
pub enum IdKind {
    #[serde(rename = "IDFA_MD5")]
    IdfaMd5,
    #[serde(rename = "AAID_MD5")]
    AaidMd5,
    #[serde(rename = "IDFA_SHA256")]
    IdfaSha256,
    #[serde(rename = "AAID_SHA256")]
    AaidSha256,
    #[serde(rename = "EMAIL_SHA256")]
    EmailSha256,
    #[serde(rename = "PHONE_SHA256")]
    PhoneSha256,
}

/// The hash that a kind is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Md5,
    Sha256,
}

/// A hash, as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Digest {
    Md5([u8; 16]),
    Sha256([u8; 32]),
}

/// Of what is a hash already, the beginning is enough.
impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let bytes: &[u8] = match self {
            Self::Md5(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
        };
        state.write(&bytes[..8]);
    }
}

/// Why an id is not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotADigest {
    /// Not lower-case hex of the right length.
    Shape,
    /// The hash of the nil UUID or of nothing.
    Placeholder,
}

/// MD5 and SHA-256 of `00000000-0000-0000-0000-000000000000` and of the empty string.
const PLACEHOLDERS: [&str; 4] = [
    "9f89c84a559f573636a47ff8daed0d33",
    "d41d8cd98f00b204e9800998ecf8427e",
    "12b9377cbe7e5c94e8a70d9d23929523d14afa954793130f8a3959c7b849aca8",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
];

impl IdKind {
    pub(crate) const fn family(self) -> Family {
        match self {
            Self::IdfaMd5 | Self::AaidMd5 => Family::Md5,
            Self::IdfaSha256 | Self::AaidSha256 | Self::EmailSha256 | Self::PhoneSha256 => Family::Sha256,
        }
    }

    /// Reads a hash of this kind.
    pub(crate) fn digest(self, hex: &str) -> Result<Digest, NotADigest> {
        let digest = match self.family() {
            Family::Md5 => bytes(hex).map(Digest::Md5),
            Family::Sha256 => bytes(hex).map(Digest::Sha256),
        }
        .ok_or(NotADigest::Shape)?;
        if PLACEHOLDERS.contains(&hex) {
            return Err(NotADigest::Placeholder);
        }
        Ok(digest)
    }
}

impl Digest {
    pub(crate) fn hex(&self) -> String {
        match self {
            Self::Md5(bytes) => hex(bytes),
            Self::Sha256(bytes) => hex(bytes),
        }
    }
}

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    if hex.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

const fn nibble(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{IdKind, NotADigest, PLACEHOLDERS};

    #[test]
    fn only_lower_case_hex_of_the_right_length_is_a_digest() {
        let good = "0123456789abcdef0123456789abcdef";
        assert_eq!(IdKind::IdfaMd5.digest(good).map(|digest| digest.hex()), Ok(good.to_owned()));
        for bad in ["", "0123", "0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcdeg"] {
            assert_eq!(IdKind::IdfaMd5.digest(bad), Err(NotADigest::Shape), "{bad}");
        }
        assert_eq!(IdKind::IdfaSha256.digest(good), Err(NotADigest::Shape));
        assert!(IdKind::EmailSha256.digest(&good.repeat(2)).is_ok());
    }

    #[test]
    fn the_hashes_of_nil_and_of_nothing_are_placeholders() {
        for hash in PLACEHOLDERS {
            let kind = if hash.len() == 32 { IdKind::AaidMd5 } else { IdKind::AaidSha256 };
            assert_eq!(kind.digest(hash), Err(NotADigest::Placeholder));
        }
    }
}
