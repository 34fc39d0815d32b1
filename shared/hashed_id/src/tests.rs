use super::*;
use ids::IdType::{Email, Gaid, Idfa};
use proptest::prelude::*;

const ENCODINGS: [Encoding; 4] = [Encoding::Raw, Encoding::Md5, Encoding::Sha1, Encoding::Sha256];

fn device(encoding: Encoding, value: &str) -> Result<HashedId, Dropped> {
    HashedId::parse(Idfa, encoding, value)
}

fn email(encoding: Encoding, value: &str) -> Result<HashedId, Dropped> {
    HashedId::parse(Email, encoding, value)
}

/// The hash of any text, which need not be an id.
fn hash(function: HashFunction, text: &str) -> String {
    let kind = if function == HashFunction::Md5 { Gaid } else { Email };
    HashedId { kind, bytes: function.digest(text) }.to_string()
}

#[test]
fn a_raw_id_is_trimmed_lower_cased_and_hashed_with_its_hyphens() {
    let expected = "0ca6a1feca650934a6a80edc68fde56f";
    let upper = device(Encoding::Raw, " 66B728C2-F9A4-4D87-82EF-CE07414FE3F7\n").unwrap();
    let lower = device(Encoding::Raw, "66b728c2-f9a4-4d87-82ef-ce07414fe3f7").unwrap();
    assert_eq!(upper, lower);
    assert_eq!(upper.to_string(), expected);
    let mut text = b"x".to_vec();
    upper.push_to(&mut text);
    assert_eq!(text, format!("x{expected}").into_bytes());
}

#[test]
fn an_md5_is_lower_cased_and_passed_through() {
    let hash = device(Encoding::Md5, "0CA6A1FECA650934A6A80EDC68FDE56F").unwrap();
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
        assert_eq!(device(encoding, value), Err(expected), "{encoding:?} {value}");
    }
}

#[test]
fn the_digest_of_every_placeholder_is_dropped() {
    for text in placeholder::all_spellings() {
        let digest = hash(HashFunction::Md5, &text);
        assert_eq!(device(Encoding::Md5, &digest), Err(Dropped::Nil), "{text:?}");
        assert_eq!(device(Encoding::Md5, &digest.to_uppercase()), Err(Dropped::Nil), "{text:?}");
        assert!(device(Encoding::Raw, &text).is_err(), "{text:?}");
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
        assert_eq!(device(Encoding::Md5, digest), Err(Dropped::Nil), "{digest}");
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
        let digest = hash(HashFunction::Md5, text);
        assert_eq!(device(Encoding::Md5, &digest), Err(Dropped::Nil), "{text:?}");
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
        assert_eq!(lane(Idfa, encoding, value, 16), 0xf, "{value}");
        assert_eq!((lane(Idfa, encoding, value, 1), lane(Idfa, encoding, value, 0)), (0, 0), "{value}");
    }
    assert_eq!(lane(Idfa, Encoding::Raw, "null", 16), 0);
    assert_eq!(lane(Idfa, Encoding::Sha256, raw, 16), 0);
}

#[test]
fn an_address_is_trimmed_lower_cased_and_hashed_and_nothing_else() {
    // The digests are those of `printf %s … | sha256sum`.
    for (raw, expected) in [
        (" Jane.Doe+News@Example.com\n", "dbf1912b4cad4df9823f627874244e64b50a6ac550b9cb33b17df671a26679db"),
        ("jane.doe@example.com", "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d"),
    ] {
        assert_eq!(email(Encoding::Raw, raw).unwrap().to_string(), expected, "{raw:?}");
        assert_eq!(email(Encoding::Sha256, &expected.to_uppercase()), email(Encoding::Raw, raw), "{raw:?}");
    }
}

#[test]
fn addresses_that_are_nobodys_are_dropped() {
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for (encoding, value, expected) in [
        (Encoding::Sha256, nothing, Dropped::Nil),
        (Encoding::Sha256, &nothing.to_uppercase(), Dropped::Nil),
        (Encoding::Sha256, &"0".repeat(64), Dropped::Nil),
        (Encoding::Sha256, "12b9377cbe7e5c94e8a70d9d23929523d14afa954793130f8a3959c7b849aca8", Dropped::Nil),
        (Encoding::Sha256, "0ca6a1feca650934a6a80edc68fde56f", Dropped::Malformed),
        (Encoding::Sha256, "jane.doe@example.com", Dropped::Malformed),
        (Encoding::Raw, "", Dropped::Malformed),
        (Encoding::Raw, "null", Dropped::Malformed),
        (Encoding::Raw, "@example.com", Dropped::Malformed),
        (Encoding::Raw, "jane@", Dropped::Malformed),
        (Encoding::Raw, "jane doe@example.com", Dropped::Malformed),
        (Encoding::Md5, "0ca6a1feca650934a6a80edc68fde56f", Dropped::Encoding),
        (Encoding::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d", Dropped::Encoding),
    ] {
        assert_eq!(email(encoding, value), Err(expected), "{encoding:?} {value}");
    }
    for text in placeholder::all_spellings() {
        assert_eq!(email(Encoding::Sha256, &hash(HashFunction::Sha256, &text)), Err(Dropped::Nil), "{text:?}");
    }
}

#[test]
fn debug_output_hides_the_hash() {
    let hash = device(Encoding::Md5, "0ca6a1feca650934a6a80edc68fde56f").unwrap();
    assert_eq!(format!("{hash:?}"), "HashedId(Idfa, …)");
}

proptest! {
    #[test]
    fn any_text_parses_or_is_dropped(value in ".*") {
        for (kind, encoding) in [Idfa, Gaid, Email].into_iter().flat_map(|kind| ENCODINGS.map(|encoding| (kind, encoding))) {
            if let Ok(hash) = HashedId::parse(kind, encoding, &value) {
                prop_assert_eq!(hash.to_string().len(), 2 * hash.function().digest_bytes());
                prop_assert_eq!(HashedId::parse(kind, hash.encoding(), &hash.to_string()), Ok(hash));
            }
        }
    }

    #[test]
    fn an_address_is_in_one_lane_raw_and_hashed(local in "[a-zA-Z0-9.+ü]{1,20}", domain in "[a-zA-Z.]{1,20}", lanes in 1_u8..=64) {
        let raw = format!("{local}@{domain}");
        let hash = email(Encoding::Raw, &raw).unwrap();
        let expected = lane(Email, Encoding::Raw, &raw, lanes);
        prop_assert!(expected < lanes);
        for (encoding, value) in [
            (Encoding::Raw, format!(" {}\t", raw.to_lowercase())),
            (Encoding::Sha256, hash.to_string()),
            (Encoding::Sha256, hash.to_string().to_uppercase()),
        ] {
            prop_assert_eq!(HashedId::parse(Email, encoding, &value), Ok(hash));
            prop_assert_eq!(lane(Email, encoding, &value, lanes), expected);
        }
    }

    #[test]
    fn a_device_is_in_one_lane_raw_and_hashed(id in any::<u128>(), lanes in 1_u8..=64) {
        let raw = uuid::Uuid::from_u128(id).hyphenated().to_string();
        if let Ok(hash) = device(Encoding::Raw, &raw) {
            let expected = lane(Idfa, Encoding::Raw, &raw, lanes);
            prop_assert!(expected < lanes);
            prop_assert_eq!(lane(Idfa, Encoding::Raw, &raw.to_uppercase(), lanes), expected);
            prop_assert_eq!(lane(Idfa, Encoding::Md5, &hash.to_string(), lanes), expected);
        }
    }

    #[test]
    fn what_is_refused_raw_as_nobodys_is_refused_as_its_digest(digit in "[0-9a-fA-F]", upper in any::<bool>()) {
        let simple = digit.repeat(32);
        let raw = uuid::Uuid::try_parse(&simple).unwrap().hyphenated().to_string();
        prop_assert_eq!(device(Encoding::Raw, &raw), Err(Dropped::Nil));
        let sent = if upper { raw.to_uppercase() } else { raw };
        let digest = hash(HashFunction::Md5, &sent);
        prop_assert_eq!(device(Encoding::Md5, &digest), Err(Dropped::Nil));
    }
}
