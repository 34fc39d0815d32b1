//! Decodes texts where they lie: what is decoded is never longer than what it was encoded as.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Characters of base64 that are decoded at a time, and the bytes that they make.
const CHUNK: usize = 4 * 256;
const DECODED_CHUNK: usize = 3 * 256;

/// Decodes the inside of a JSON text and tells the length of what it makes, which lies at the start. Half a surrogate pair makes U+FFFD.
/// `None` if it is no such text; what is in `text` then is of no use.
pub(crate) fn json_text(text: &mut [u8]) -> Option<usize> {
    // Up to the first escape everything stays where it is.
    let Some(first) = memchr::memchr(b'\\', text) else { return Some(text.len()) };
    let (mut read, mut written) = (first, first);
    while let Some(byte) = text.get(read) {
        if *byte == b'\\' {
            let (decoded, length) = escape(text.get(read..)?)?;
            let mut utf8 = [0; 4];
            let utf8 = decoded.encode_utf8(&mut utf8).as_bytes();
            text.get_mut(written..written + utf8.len())?.copy_from_slice(utf8);
            read += length;
            written += utf8.len();
        } else {
            let rest = text.get(read..)?;
            let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
            text.copy_within(read..read + plain, written);
            read += plain;
            written += plain;
        }
    }
    Some(written)
}

/// The character of the escape at the start of `text`, and the length of the escape.
fn escape(text: &[u8]) -> Option<(char, usize)> {
    let plain = |c| Some((c, 2));
    match text.get(1)? {
        b'n' => plain('\n'),
        b'r' => plain('\r'),
        b't' => plain('\t'),
        b'b' => plain('\u{8}'),
        b'f' => plain('\u{c}'),
        b'u' => {
            let first = unit(text)?;
            if let Some(c) = char::from_u32(u32::from(first)) {
                return Some((c, 6));
            }
            let second = text.get(6..).and_then(unit);
            let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
            Some(pair.map_or((char::REPLACEMENT_CHARACTER, 6), |c| (c, 12)))
        }
        c @ (b'"' | b'\\' | b'/') => plain(char::from(*c)),
        _ => None,
    }
}

/// The UTF-16 unit of `\uXXXX` at the start of `text`.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(br"\u")?.get(..4)?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// Decodes base64 and tells the length of what it makes, which lies at the start. `None` if it is no base64; what is in `text` then is of
/// no use.
pub(crate) fn base64(text: &mut [u8]) -> Option<usize> {
    let mut decoded = [0; DECODED_CHUNK];
    let (mut read, mut written) = (0, 0);
    while read < text.len() {
        let end = text.len().min(read + CHUNK);
        let length = BASE64_STANDARD.decode_slice(text.get(read..end)?, &mut decoded).ok()?;
        // Only the last may be padded.
        if end < text.len() && length < DECODED_CHUNK {
            return None;
        }
        text.get_mut(written..written + length)?.copy_from_slice(decoded.get(..length)?);
        read = end;
        written += length;
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(mut text: Vec<u8>, decode: fn(&mut [u8]) -> Option<usize>) -> Option<Vec<u8>> {
        let length = decode(&mut text)?;
        text.truncate(length);
        Some(text)
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        for (inside, expected) in [
            (r"a\ud800", "a\u{fffd}"),
            (r"\udc00b", "\u{fffd}b"),
            (r"\ud83dA\ude00", "\u{fffd}A\u{fffd}"),
            (r"\ud83d\ude00", "\u{1f600}"),
            (r#"\"\\\/\b\f\n\r\t\u0000"#, "\"\\/\u{8}\u{c}\n\r\t\0"),
        ] {
            assert_eq!(decoded(inside.into(), json_text).unwrap(), expected.as_bytes(), "{inside}");
        }
        for broken in [r"\", r"\x", r"\u12", r"\u12g4"] {
            assert_eq!(decoded(broken.into(), json_text), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn any_text_that_json_holds_is_decoded(text in any::<String>(), all_escaped in any::<bool>()) {
            let json = if all_escaped {
                text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat()
            } else {
                let json = serde_json::to_string(&text).unwrap();
                json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap().to_owned()
            };
            prop_assert_eq!(decoded(json.into_bytes(), json_text).unwrap(), text.as_bytes());
        }

        #[test]
        fn any_bytes_that_base64_holds_are_decoded(bytes in proptest::collection::vec(any::<u8>(), 0..3_000)) {
            prop_assert_eq!(decoded(BASE64_STANDARD.encode(&bytes).into_bytes(), base64).unwrap(), bytes);
        }

        #[test]
        fn other_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            decoded(bytes.clone(), json_text);
            let expected = BASE64_STANDARD.decode(&bytes).ok();
            prop_assert_eq!(decoded(bytes, base64), expected);
        }
    }
}
