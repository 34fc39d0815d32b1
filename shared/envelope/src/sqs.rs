//! JSON without the two characters that it may hold and that SQS refuses in a body: they are escaped. A device id may have them.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

/// Of the characters that JSON takes as they are, those that SQS does not.
const REFUSED: [char; 2] = ['\u{fffe}', '\u{ffff}'];

/// Adds `text` to `to`, in quotes.
///
/// # Errors
/// None that a text can cause; the serializer's, if it has any.
pub(crate) fn push(text: &str, to: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    text.serialize(&mut serde_json::Serializer::with_formatter(to, ForSqs))
}

struct ForSqs;

impl Formatter for ForSqs {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for part in fragment.split_inclusive(REFUSED) {
            let refused = part.chars().next_back().filter(|last| REFUSED.contains(last));
            writer.write_all(part.trim_end_matches(REFUSED).as_bytes())?;
            if let Some(refused) = refused {
                write!(writer, "\\u{:04x}", u32::from(refused))?;
            }
        }
        Ok(())
    }
}
