//! Device ids, from what mParticle hands over to what TikTok may be given: the MD5 of one device's id.
//!
//! Parse, don't validate: an [`Md5`] exists only of an id that may be uploaded. It does no I/O and keeps no raw id.

mod placeholder;

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
    /// A placeholder, raw or hashed: no device's, such as the zeros that every iPhone reports whose owner refused tracking.
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

impl Md5 {
    /// Parses an identity as mParticle sends it.
    ///
    /// Raw ids are trimmed, must be UUIDs in the hyphenated form of 36 characters, are lower-cased and hashed: what mParticle itself does
    /// before it hashes. MD5 must be 32 hex digits of either case. UUIDs of one repeated digit are placeholders, and so are the hashes of
    /// what stands for "no value" in the spellings that devices send.
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
        if placeholder::is_uuid(id) {
            return Err(Dropped::Nil);
        }
        Ok(Self(Hasher::digest(text.map(|b| b.to_ascii_lowercase())).into()))
    }

    fn of_hex(value: &str) -> Result<Self, Dropped> {
        let mut digest = [0; 16];
        match base16ct::mixed::decode(value, &mut digest) {
            Ok(decoded) if decoded.len() == 16 => {}
            Ok(_) | Err(_) => return Err(Dropped::Malformed),
        }
        if placeholder::is_digest(digest) { Err(Dropped::Nil) } else { Ok(Self(digest)) }
    }

    /// The hash as 32 lower-case hex digits.
    #[must_use]
    pub fn hex(self) -> [u8; 32] {
        let mut hex = [0; 32];
        for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            // Two places for one byte: the encoder has nothing to refuse.
            base16ct::lower::encode(&[byte], pair).ok();
        }
        hex
    }

    /// The hash as a number, most significant byte first.
    const fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

/// The lane of a device id among `lanes`: all spellings of one id, raw or as MD5, are in one lane, so that its changes keep their order.
///
/// What is not uploaded is in lane 0: nothing depends on its order. The same goes for a number of lanes of 0.
#[must_use]
pub fn lane(encoding: Encoding, value: &str, lanes: u8) -> u8 {
    let Ok(hash) = Md5::parse(encoding, value) else { return 0 };
    hash.number().checked_rem(lanes.into()).and_then(|lane| lane.try_into().ok()).unwrap_or(0)
}

impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.hex()).map_err(|_| fmt::Error)?)
    }
}

/// Without the hash: device ids, hashed ones too, have no place in a log.
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
            (Encoding::Raw, "ffffffff-ffff-ffff-ffff-ffffffffffff", Dropped::Nil),
            (Encoding::Raw, "AAAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA", Dropped::Nil),
            (Encoding::Raw, "", Dropped::Malformed),
            (Encoding::Raw, "null", Dropped::Malformed),
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
    fn the_digest_of_every_placeholder_is_dropped() {
        for text in placeholder::all_spellings() {
            let digest = Md5(Hasher::digest(&text).into());
            assert_eq!(Md5::parse(Encoding::Md5, &digest.to_string()), Err(Dropped::Nil), "{text:?}");
            assert_eq!(Md5::parse(Encoding::Md5, &digest.to_string().to_uppercase()), Err(Dropped::Nil), "{text:?}");
            assert!(Md5::parse(Encoding::Raw, &text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn digests_that_public_reports_name_are_dropped() {
        for digest in [
            "37a6259cc0c1dae299a7866489dff0bd", // null
            "5e543256c480ac577d30f76f9120eb74", // undefined
            "ad921d60486366258809553a3db49a4a", // unknown
            "cfcd208495d565ef66e7dff9f98764da", // 0
            "dd4b21e9ef71e1291183a46b913ae6f2", // 00000000
            "00000000000000000000000000000000",
        ] {
            assert_eq!(Md5::parse(Encoding::Md5, digest), Err(Dropped::Nil), "{digest}");
        }
        for text in [
            "NULL",
            "Null",
            "None",
            "0000-0000",
            "000000000000000",
            "00:00:00:00:00:00",
            "02:00:00:00:00:00",
            "02-00-00-00-00-00",
            "020000000000",
            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            "{00000000-0000-0000-0000-000000000000}",
            "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
        ] {
            let digest = Md5(Hasher::digest(text).into()).to_string();
            assert_eq!(Md5::parse(Encoding::Md5, &digest), Err(Dropped::Nil), "{text:?}");
        }
    }

    #[test]
    fn a_lane_is_the_digests_whatever_the_spelling() {
        let raw = "66b728c2-f9a4-4d87-82ef-ce07414fe3f7";
        // 0x0ca6a1feca650934a6a80edc68fde56f: its last digit is its remainder by 16.
        for (encoding, value) in [
            (Encoding::Raw, raw),
            (Encoding::Raw, " 66B728C2-F9A4-4D87-82EF-CE07414FE3F7 "),
            (Encoding::Md5, "0CA6A1FECA650934A6A80EDC68FDE56F"),
        ] {
            assert_eq!(lane(encoding, value, 16), 0xf, "{value}");
            assert_eq!((lane(encoding, value, 1), lane(encoding, value, 0)), (0, 0), "{value}");
        }
        assert_eq!(lane(Encoding::Raw, "null", 16), 0);
        assert_eq!(lane(Encoding::Sha256, raw, 16), 0);
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

        #[test]
        fn a_device_is_in_one_lane_raw_and_hashed(id in any::<u128>(), lanes in 1_u8..=64) {
            let raw = uuid::Uuid::from_u128(id).hyphenated().to_string();
            if let Ok(hash) = Md5::parse(Encoding::Raw, &raw) {
                let expected = lane(Encoding::Raw, &raw, lanes);
                prop_assert!(expected < lanes);
                prop_assert_eq!(lane(Encoding::Raw, &raw.to_uppercase(), lanes), expected);
                prop_assert_eq!(lane(Encoding::Md5, &hash.to_string(), lanes), expected);
            }
        }

        #[test]
        fn what_is_refused_raw_as_nobodys_is_refused_as_its_digest(digit in "[0-9a-fA-F]", upper in any::<bool>()) {
            let simple = digit.repeat(32);
            let raw = uuid::Uuid::try_parse(&simple).unwrap().hyphenated().to_string();
            prop_assert_eq!(Md5::parse(Encoding::Raw, &raw), Err(Dropped::Nil));
            let sent = if upper { raw.to_uppercase() } else { raw };
            let digest = Md5(Hasher::digest(sent).into()).to_string();
            prop_assert_eq!(Md5::parse(Encoding::Md5, &digest), Err(Dropped::Nil));
        }
    }
}
