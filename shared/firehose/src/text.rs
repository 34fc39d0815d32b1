//! The text of a message, made readable where that is safe: a byte order mark and halves of surrogate pairs are no reason to
//! refuse what mParticle will not send again.

use std::borrow::Cow;

use crate::Invalid;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// The escape of the replacement character, as long as the escape that it stands for.
const REPLACEMENT: &[u8; 6] = br"\ufffd";

/// The text of a message: without a byte order mark before it, and with U+FFFD for each escaped half of a surrogate pair.
///
/// # Errors
/// [`Invalid::NotUtf8`].
pub fn readable(body: &[u8]) -> Result<Cow<'_, str>, Invalid> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let text = str::from_utf8(body).map_err(|_| Invalid::NotUtf8)?;
    Ok(without_halves(text))
}

/// Copies the text only if there is a half in it: such messages are rare.
fn without_halves(text: &str) -> Cow<'_, str> {
    let mut repaired: Option<Vec<u8>> = None;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += found;
        at += match (surrogate(bytes, at), surrogate(bytes, at + 6)) {
            (Some(Half::High), Some(Half::Low)) => 12,
            (Some(Half::High | Half::Low), _) => {
                let copy = repaired.get_or_insert_with(|| bytes.to_vec());
                if let Some(escape) = copy.get_mut(at..at + 6) {
                    escape.copy_from_slice(REPLACEMENT);
                }
                6
            }
            // Over the next character too: it may be a backslash that begins no escape.
            (None, _) => 2,
        };
    }
    match repaired.map(String::from_utf8) {
        Some(Ok(repaired)) => Cow::Owned(repaired),
        // ASCII was put for ASCII: the second case does not happen.
        None | Some(Err(_)) => Cow::Borrowed(text),
    }
}

enum Half {
    High,
    Low,
}

/// The half of a surrogate pair whose escape (`\ud800` to `\udfff`) begins at `at`.
fn surrogate(bytes: &[u8], at: usize) -> Option<Half> {
    let [b'\\', b'u', b'd' | b'D', third, fourth, fifth] = bytes.get(at..at + 6)? else { return None };
    if !fourth.is_ascii_hexdigit() || !fifth.is_ascii_hexdigit() {
        return None;
    }
    match third.to_ascii_lowercase() {
        b'8'..=b'b' => Some(Half::High),
        b'c'..=b'f' => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_pairs_are_replaced_and_nothing_else_is() {
        for (escaped, expected) in [
            (r#""\ud83d\ude00""#, "\u{1f600}"),
            (r#""\uD83D\uDE00x""#, "\u{1f600}x"),
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\\ud83d""#, r"\ud83d"),
            (r#""\\\ud83d""#, "\\\u{fffd}"),
            (r#""\u0064800\uD7FF""#, "d800\u{d7ff}"),
        ] {
            let text = readable(escaped.as_bytes()).unwrap();
            assert_eq!(serde_json::from_str::<String>(&text).unwrap(), expected, "{escaped}");
        }
        assert!(matches!(without_halves(r#""\ud83d\ude00 \n""#), Cow::Borrowed(_)));
        for broken in [r"\", r"\u", r"\ud8", r"\ud83d\", r"\ud8zz"] {
            without_halves(broken);
        }
    }

    #[test]
    fn a_byte_order_mark_is_left_out_and_other_bytes_are_refused() {
        assert_eq!(readable(b"\xef\xbb\xbf{}").unwrap(), "{}");
        assert_eq!(readable(b"\xff\xfe{\0}\0"), Err(Invalid::NotUtf8));
        assert_eq!(readable(b"\"\xed\xa0\x80\""), Err(Invalid::NotUtf8), "a half that is not escaped");
    }
}
