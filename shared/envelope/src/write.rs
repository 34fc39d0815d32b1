//! Writing rows into as few queue messages as fit below a size.

use ids::{AdvertiserId, TokenFingerprint};
use serde::Serialize;
use smallvec::SmallVec;

use crate::{Row, VERSION};

/// What all the envelopes of one request have in common.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    /// The advertiser whose audiences change.
    pub advertiser: AdvertiserId,
    /// Which of the advertiser's tokens came with the request.
    pub token: TokenFingerprint,
    /// When the changes were made, in milliseconds since 1970.
    pub changed_ms: i64,
}

/// Turns rows into the bodies of queue messages.
pub struct Writer {
    max_bytes: usize,
    /// An envelope up to and with the `[` of its rows.
    opening: String,
    current: Vec<u8>,
    done: Vec<String>,
}

const CLOSING: &str = "]}";

impl Writer {
    /// Writes messages of at most `max_bytes`, unless a row that cannot be divided is larger by itself.
    #[must_use]
    pub fn new(header: Header, max_bytes: usize) -> Self {
        let Header { advertiser, token, changed_ms } = header;
        let opening = format!(
            r#"{{"version":{VERSION},"advertiser":"{advertiser}","token":"{token}","changed_ms":{changed_ms},"rows":["#
        );
        Self { max_bytes, opening, current: Vec::new(), done: Vec::new() }
    }

    /// Adds a user. A row that is too large for a message of its own is divided by audiences, then by ids.
    ///
    /// # Errors
    /// None that a [`Row`] can cause; the serializer's, if it has any.
    pub fn push(&mut self, row: &Row<'_>) -> Result<(), serde_json::Error> {
        let start = self.current.len();
        self.current.extend_from_slice(if start == 0 { self.opening.as_bytes() } else { b"," });
        row.serialize(&mut serde_json::Serializer::new(&mut self.current))?;
        if self.current.len() + CLOSING.len() <= self.max_bytes {
            return Ok(());
        }
        self.current.truncate(start);
        if start > 0 {
            self.close();
            return self.push(row);
        }
        if let Some((left, right)) = divide(row) {
            self.push(&left)?;
            return self.push(&right);
        }
        self.current.extend_from_slice(self.opening.as_bytes());
        row.serialize(&mut serde_json::Serializer::new(&mut self.current))?;
        self.close();
        Ok(())
    }

    /// The bodies written: none if no row was pushed.
    #[must_use]
    pub fn finish(mut self) -> Vec<String> {
        if !self.current.is_empty() {
            self.close();
        }
        self.done
    }

    fn close(&mut self) {
        self.current.extend_from_slice(CLOSING.as_bytes());
        // serde_json writes nothing but UTF-8, so the lossy conversion never replaces anything; it only avoids a panic.
        let body = std::mem::take(&mut self.current);
        self.done.push(String::from_utf8(body).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()));
    }
}

/// Two rows that together say what `row` says, its longest list halved; `None` if no list has more than one entry.
fn divide<'a>(row: &Row<'a>) -> Option<(Row<'a>, Row<'a>)> {
    let mut left = row.clone();
    let mut right = Row { changed_ms: row.changed_ms, mpid: row.mpid, ids: row.ids.clone(), ..Row::default() };
    let lists = [row.ids.len(), row.adds.len(), row.deletes.len(), row.unmapped_adds.len(), row.unmapped_deletes.len()];
    let longest = lists.into_iter().max().filter(|longest| *longest > 1)?;
    if row.ids.len() == longest {
        let ids = left.ids.split_off(longest / 2);
        right = Row { ids, ..row.clone() };
    } else if row.adds.len() == longest {
        right.adds = second_half(&mut left.adds);
    } else if row.deletes.len() == longest {
        right.deletes = second_half(&mut left.deletes);
    } else if row.unmapped_adds.len() == longest {
        right.unmapped_adds = second_half(&mut left.unmapped_adds);
    } else {
        right.unmapped_deletes = second_half(&mut left.unmapped_deletes);
    }
    Some((left, right))
}

fn second_half<A: smallvec::Array>(list: &mut SmallVec<A>) -> SmallVec<A> {
    let half = list.len() / 2;
    list.drain(half..).collect()
}
