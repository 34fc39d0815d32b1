//! The text of an envelope as it is written, byte for byte. Reading it is short work; what is written in any other way, which JSON allows,
//! is left to the reader of JSON.

use std::borrow::Cow;

use ids::{AudienceId, ConnectionId, Encoding, IdType};
use smallvec::SmallVec;

use crate::{Envelope, Header, Row, SentId, VERSION, sqs};

/// What comes after the rows.
pub(crate) const CLOSING: &str = "]}";
const OPENING: [&str; 5] =
    [r#"{"version":"#, r#","advertiser":""#, r#"","account":""#, r#"","changed_ms":"#, r#","rows":["#];
const MPID: &str = r#""mpid":""#;
const ID: &str = r#""id":[""#;
const NEXT: &str = r#"",""#;
const ERASE: &str = r#","erase":true"#;
const ADDS: &str = r#","adds":[""#;
const DELETES: &str = r#","deletes":[""#;
const END: &str = r#""]"#;

/// An envelope up to and with the `[` of its rows.
pub(crate) fn opening(header: Header) -> String {
    let Header { connection: ConnectionId { advertiser, account }, changed_ms } = header;
    let [version, of, and, at, rows] = OPENING;
    format!("{version}{VERSION}{of}{advertiser}{and}{account}{at}{changed_ms}{rows}")
}

/// Adds a row to `to`.
///
/// # Errors
/// None that a [`Row`] can cause; the serializer's, if it has any.
pub(crate) fn push(row: &Row<'_>, to: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let Row { mpid, id: SentId(kind, encoding, value), erase, adds, deletes, unmapped_adds, unmapped_deletes } = row;
    to.push(b'{');
    if let Some(mpid) = mpid {
        to.extend_from_slice(MPID.as_bytes());
        mpid.push_to(to);
        to.extend_from_slice(br#"","#);
    }
    for part in [ID, kind.as_str(), NEXT, encoding.as_str(), r#"","#] {
        to.extend_from_slice(part.as_bytes());
    }
    push_text(value, to)?;
    to.push(b']');
    if *erase {
        to.extend_from_slice(ERASE.as_bytes());
    }
    push_audiences(ADDS, adds, to);
    push_audiences(DELETES, deletes, to);
    push_numbers(r#","unmapped_adds":["#, unmapped_adds, to);
    push_numbers(r#","unmapped_deletes":["#, unmapped_deletes, to);
    to.push(b'}');
    Ok(())
}

/// Adds a value in quotes. Most need no escapes.
fn push_text(value: &str, to: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    if value.is_ascii() && is_plain(value) {
        to.push(b'"');
        to.extend_from_slice(value.as_bytes());
        to.push(b'"');
        return Ok(());
    }
    sqs::push(value, to)
}

fn push_audiences(opening: &str, audiences: &[AudienceId], to: &mut Vec<u8>) {
    for (place, audience) in audiences.iter().enumerate() {
        to.extend_from_slice(if place == 0 { opening } else { NEXT }.as_bytes());
        audience.push_to(to);
    }
    if !audiences.is_empty() {
        to.extend_from_slice(END.as_bytes());
    }
}

fn push_numbers(opening: &str, numbers: &[i64], to: &mut Vec<u8>) {
    for (place, number) in numbers.iter().enumerate() {
        to.extend_from_slice(if place == 0 { opening } else { "," }.as_bytes());
        to.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
    }
    if !numbers.is_empty() {
        to.push(b']');
    }
}

/// Whether a text stands in JSON as it is.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(u8::MAX, u8::min) >= b' ' && memchr::memchr2(b'"', b'\\', text.as_bytes()).is_none()
}

/// Reads an envelope of this version; `None` if anything about it is not as it is written here.
pub(crate) fn read(body: &str) -> Option<Envelope<'_>> {
    let [version, of, and, at, rows] = OPENING;
    let mut text = Text(body);
    text.pass(version)?;
    text.pass(itoa::Buffer::new().format(VERSION))?;
    text.pass(of)?;
    let advertiser = text.quoted()?.parse().ok()?;
    text.pass(and)?;
    let account = text.quoted()?.parse().ok()?;
    text.pass(at)?;
    let changed_ms = text.positive()?;
    text.pass(rows)?;
    let header = Header { connection: ConnectionId { advertiser, account }, changed_ms };
    // A row that says something of one audience has about so many bytes.
    let mut rows = Vec::with_capacity(body.len() / 120);
    loop {
        text.row(&mut rows)?;
        if text.pass(",").is_none() {
            break;
        }
    }
    (text.0 == CLOSING).then_some(Envelope { header, rows })
}

/// What is left to read.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    #[inline]
    fn pass(&mut self, expected: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// What stands before the next quote, which is left. It may have half of an escape.
    fn quoted(&mut self) -> Option<&'a str> {
        let (text, rest) = self.0.split_at_checked(memchr::memchr(b'"', self.0.as_bytes())?)?;
        self.0 = rest;
        Some(text)
    }

    /// A number without a sign.
    fn positive(&mut self) -> Option<i64> {
        let (text, rest) = self.0.split_at_checked(self.0.bytes().position(|byte| !byte.is_ascii_digit())?)?;
        self.0 = rest;
        if text.starts_with('0') { None } else { text.parse().ok() }
    }

    /// Adds a row of which all audiences are at TikTok to `rows`: the others are few. A row is large: it is made where it stays.
    fn row(&mut self, rows: &mut Vec<Row<'a>>) -> Option<()> {
        self.pass("{")?;
        let mpid = if self.pass(MPID).is_some() {
            let mpid = self.quoted()?.parse().ok()?;
            self.pass(r#"","#)?;
            Some(mpid)
        } else {
            None
        };
        self.pass(ID)?;
        let kind = IdType::of(self.quoted()?)?;
        self.pass(NEXT)?;
        let encoding = Encoding::of(self.quoted()?)?;
        self.pass(NEXT)?;
        let value = self.quoted().filter(|value| is_plain(value))?;
        self.pass(END)?;
        let id = SentId(kind, encoding, Cow::Borrowed(value));
        let erase = self.pass(ERASE).is_some();
        let (adds, deletes) = (self.audiences(ADDS)?, self.audiences(DELETES)?);
        self.pass("}")?;
        let (unmapped_adds, unmapped_deletes) = (SmallVec::new(), SmallVec::new());
        rows.push(Row { mpid, id, erase, adds, deletes, unmapped_adds, unmapped_deletes });
        Some(())
    }

    fn audiences(&mut self, opening: &str) -> Option<SmallVec<[AudienceId; 2]>> {
        let mut audiences = SmallVec::new();
        let mut before = opening;
        while self.pass(before).is_some() {
            audiences.push(self.quoted()?.parse().ok()?);
            before = NEXT;
        }
        if !audiences.is_empty() {
            self.pass(END)?;
        }
        Some(audiences)
    }
}

#[cfg(test)]
mod tests;
