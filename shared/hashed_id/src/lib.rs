//! Device ids, from what mParticle hands over to what TikTok may be given: an MD5 that is nobody else's.
//!
//! Parse, don't validate: an [`Md5`] exists only of an id that may be uploaded. It does no I/O and keeps no raw id.

use std::fmt;

use ids::Encoding;
use md5::{Digest, Md5 as Hasher};
use serde::{Serialize, Serializer};

/// The MD5 of a device id that is fit to be uploaded. Ordered by its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Md5([u8; 16]);

/// Why a device id is not uploaded. Each is counted under its [`reason`](Dropped::reason).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// All zeros, raw or hashed: what every iPhone reports whose owner refused tracking.
    Nil,
    /// Not a UUID where one is due, or not 32 hex digits where an MD5 is due.
    Malformed,
    /// Hashed with SHA-1 or SHA-256; an audience holds one family of hashes for life.
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

/// MD5 of `00000000-0000-0000-0000-000000000000`.
const OF_NIL: [u8; 16] = 0x9f89_c84a_559f_5736_36a4_7ff8_daed_0d33_u128.to_be_bytes();
/// MD5 of the same without hyphens, as some SDKs hash it.
const OF_NIL_SIMPLE: [u8; 16] = 0xcd9e_459e_a708_a948_d5c2_f5a6_ca88_38cf_u128.to_be_bytes();
/// MD5 of nothing: what a client uploads that hashes an id it never had.
const OF_NOTHING: [u8; 16] = 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e_u128.to_be_bytes();

impl Md5 {
    /// Parses an identity as mParticle sends it.
    ///
    /// Raw ids are trimmed, must be UUIDs in the hyphenated form of 36 characters, are lower-cased and hashed: what mParticle itself does
    /// before it hashes. MD5 must be 32 hex digits of either case.
    ///
    /// # Errors
    /// [`Dropped`] says why the id must not be uploaded.
    pub fn parse(encoding: Encoding, value: &str) -> Result<Self, Dropped> {
        let value = value.trim();
        match encoding {
            Encoding::Raw => Self::of_raw(value),
            Encoding::Md5 => Self::of_hex(value),
            Encoding::Sha1 | Encoding::Sha256 => Err(Dropped::Encoding),
        }
    }

    fn of_raw(value: &str) -> Result<Self, Dropped> {
        let text: [u8; 36] = value.as_bytes().try_into().map_err(|_| Dropped::Malformed)?;
        let id = uuid::Uuid::try_parse_ascii(&text).map_err(|_| Dropped::Malformed)?;
        if id.is_nil() {
            return Err(Dropped::Nil);
        }
        Ok(Self(Hasher::digest(text.map(|b| b.to_ascii_lowercase())).into()))
    }

    fn of_hex(value: &str) -> Result<Self, Dropped> {
        let digits = value.len() == 32 && value.bytes().all(|b| b.is_ascii_hexdigit());
        let hash = if digits { u128::from_str_radix(value, 16) } else { return Err(Dropped::Malformed) };
        match hash.map_err(|_| Dropped::Malformed)?.to_be_bytes() {
            OF_NIL | OF_NIL_SIMPLE | OF_NOTHING => Err(Dropped::Nil),
            hash => Ok(Self(hash)),
        }
    }

    /// The hash as 32 lower-case hex digits.
    #[must_use]
    pub fn hex(self) -> [u8; 32] {
        let mut hex = [0; 32];
        for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [byte >> 4, byte & 15].map(|n| if n < 10 { b'0' + n } else { b'a' - 10 + n });
        }
        hex
    }
}

impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Short of the whole hash: device ids, hashed ones too, have no place in a log.
impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Md5(…)")
    }
}

impl Serialize for Md5 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hex = self.hex();
        serializer.serialize_str(str::from_utf8(&hex).map_err(serde::ser::Error::custom)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_raw_id_is_trimmed_lower_cased_and_hashed_with_its_hyphens() {
        let expected = "0ca6a1feca650934a6a80edc68fde56f";
        let upper = Md5::parse(Encoding::Raw, " 66B728C2-F9A4-4D87-82EF-CE07414FE3F7\n").unwrap();
        let lower = Md5::parse(Encoding::Raw, "66b728c2-f9a4-4d87-82ef-ce07414fe3f7").unwrap();
        assert_eq!(upper, lower);
        assert_eq!(upper.to_string(), expected);
        assert_eq!(serde_json::to_string(&upper).unwrap(), format!("\"{expected}\""));
    }

    #[test]
    fn an_md5_is_lower_cased_and_passed_through() {
        let hash = Md5::parse(Encoding::Md5, "0CA6A1FECA650934A6A80EDC68FDE56F").unwrap();
        assert_eq!(hash.to_string(), "0ca6a1feca650934a6a80edc68fde56f");
    }

    #[test]
    fn ids_that_are_nobodys_are_dropped() {
        let cases = [
            (Encoding::Raw, "00000000-0000-0000-0000-000000000000", Dropped::Nil),
            (Encoding::Md5, "9f89c84a559f573636a47ff8daed0d33", Dropped::Nil),
            (Encoding::Md5, "9F89C84A559F573636A47FF8DAED0D33", Dropped::Nil),
            (Encoding::Md5, "cd9e459ea708a948d5c2f5a6ca8838cf", Dropped::Nil),
            (Encoding::Md5, "d41d8cd98f00b204e9800998ecf8427e", Dropped::Nil),
            (Encoding::Raw, "", Dropped::Malformed),
            (Encoding::Raw, "66b728c2f9a44d8782efce07414fe3f7", Dropped::Malformed),
            (Encoding::Raw, "{66b728c2-f9a4-4d87-82ef-ce07414fe3f7}", Dropped::Malformed),
            (Encoding::Raw, "0ca6a1feca650934a6a80edc68fde56f", Dropped::Malformed),
            (Encoding::Md5, "66b728c2-f9a4-4d87-82ef-ce07414fe3f7", Dropped::Malformed),
            (Encoding::Md5, "+ca6a1feca650934a6a80edc68fde56f", Dropped::Malformed),
            (Encoding::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d", Dropped::Encoding),
            (Encoding::Sha256, "0ca6a1feca650934a6a80edc68fde56f", Dropped::Encoding),
        ];
        for (encoding, value, expected) in cases {
            assert_eq!(Md5::parse(encoding, value), Err(expected), "{encoding:?} {value}");
        }
    }

    #[test]
    fn the_known_hashes_of_nothing_are_what_they_say() {
        for (text, hash) in [
            ("00000000-0000-0000-0000-000000000000", OF_NIL),
            ("0".repeat(32).as_str(), OF_NIL_SIMPLE),
            ("", OF_NOTHING),
        ] {
            assert_eq!(<[u8; 16]>::from(Hasher::digest(text)), hash);
        }
    }

    #[test]
    fn debug_output_hides_the_hash() {
        let hash = Md5::parse(Encoding::Md5, "0ca6a1feca650934a6a80edc68fde56f").unwrap();
        assert_eq!(format!("{hash:?}"), "Md5(…)");
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_dropped(value in ".*") {
            for encoding in [Encoding::Raw, Encoding::Md5, Encoding::Sha1, Encoding::Sha256] {
                if let Ok(hash) = Md5::parse(encoding, &value) {
                    prop_assert_eq!(hash.hex().to_vec(), hash.to_string().into_bytes());
                    prop_assert_eq!(Md5::parse(Encoding::Md5, &hash.to_string()), Ok(hash));
                }
            }
        }
    }
}
