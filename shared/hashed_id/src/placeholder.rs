//! Values that stand for nobody: what broken devices, clients and forms send in the place of an id, and what its hash looks like.
//!
//! One list of texts. The digests are computed from it, so that what is refused raw is refused hashed as well. The texts are those that
//! public attribution code and public bug reports name.

use std::collections::HashSet;
use std::sync::LazyLock;

use uuid::Uuid;

use crate::{HashFunction, LONGEST};

/// Words for "no value".
const WORDS: [&str; 14] = [
    "",
    "null",
    "undefined",
    "unknown",
    "none",
    "nil",
    "nan",
    "n/a",
    "na",
    "false",
    "empty",
    "invalid",
    "unavailable",
    "not available",
];
/// The MAC address of nobody, and the one that iOS and Android report instead of the real one.
const MACS: [&str; 2] = ["000000000000", "020000000000"];
/// The longest run of zeros or NUL characters that stands in for an id; a UUID has 36 characters.
const LONGEST_RUN: usize = 40;
/// Marks that clients put around a value before they hash it: a JSON string, Microsoft's UUIDs, the text of an absent object.
const AROUND: [(&str, &str); 6] = [("", ""), ("\"", "\""), ("{", "}"), ("(", ")"), ("[", "]"), ("<", ">")];

/// The hashes of each placeholder in each spelling. The all-zero digest is the hash of nothing that is known: it stands for itself.
static MD5: LazyLock<HashSet<[u8; LONGEST]>> = LazyLock::new(|| digests(HashFunction::Md5));
static SHA_256: LazyLock<HashSet<[u8; LONGEST]>> = LazyLock::new(|| digests(HashFunction::Sha256));

fn digests(function: HashFunction) -> HashSet<[u8; LONGEST]> {
    let digests = texts().flat_map(|text| spellings(&text)).map(|text| function.digest(&text));
    digests.chain([[0; LONGEST]]).collect()
}

/// Whether `digest` is the hash of a placeholder, or all zeros.
pub(crate) fn is_digest(function: HashFunction, digest: &[u8; LONGEST]) -> bool {
    let digests = match function {
        HashFunction::Md5 => &MD5,
        HashFunction::Sha256 => &SHA_256,
    };
    digests.contains(digest)
}

/// Whether `id` is one hexadecimal digit in all places, as the nil UUID is.
pub(crate) fn is_uuid(id: Uuid) -> bool {
    let number = id.as_u128();
    repeated(number & 0xf) == number
}

fn repeated(digit: u128) -> u128 {
    (u128::MAX / 0xf) * digit
}

/// The placeholders in lower case.
fn texts() -> impl Iterator<Item = String> {
    let words = WORDS.into_iter().map(str::to_owned);
    let runs = ["0", "\0"].into_iter().flat_map(|of| (1..=LONGEST_RUN).map(|length| of.repeat(length)));
    let grouped = ["0000-0000", "0000-0000-0000-0000"].into_iter().map(str::to_owned);
    let macs =
        MACS.into_iter().flat_map(|mac| [(mac, 2, ":"), (mac, 2, "-"), (mac, 12, ""), (mac, 4, ".")]).map(parted);
    let uuids = (0..=0xf).map(repeated).map(Uuid::from_u128);
    let uuids = uuids.flat_map(|id| [id.hyphenated().to_string(), id.simple().to_string(), id.urn().to_string()]);
    words.chain(runs).chain(grouped).chain(macs).chain(uuids)
}

/// `digits` in groups of `length`, with `separator` between them.
fn parted((digits, length, separator): (&str, usize, &str)) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % length == 0 {
            text.push_str(separator);
        }
        text.push(digit);
    }
    text
}

/// `text` in lower, upper and title case, alone and between each pair of marks.
fn spellings(text: &str) -> Vec<String> {
    let upper = text.to_ascii_uppercase();
    let first = text.chars().next().map(|first| first.to_ascii_uppercase());
    let title: String = first.into_iter().chain(text.chars().skip(1)).collect();
    let cases = [text, upper.as_str(), title.as_str()];
    AROUND.iter().flat_map(|(before, after)| cases.map(|case| format!("{before}{case}{after}"))).collect()
}

#[cfg(test)]
pub(crate) fn all_spellings() -> Vec<String> {
    texts().flat_map(|text| spellings(&text)).collect()
}
