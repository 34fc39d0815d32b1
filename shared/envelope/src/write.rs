//! Writing rows into as few queue messages as fit below a size.

use smallvec::SmallVec;

use crate::plain::{self, CLOSING};
use crate::{Header, Row};

/// Turns rows into the bodies of queue messages.
pub struct Writer {
    max_bytes: usize,
    /// An envelope up to and with the `[` of its rows.
    opening: String,
    current: Vec<u8>,
    done: Vec<String>,
}

/// Room for a message of one row, with some to spare; it grows where there are more.
const LEAST_BYTES: usize = 384;

impl Writer {
    /// Writes messages of at most `max_bytes`, unless a row that cannot be divided is larger by itself.
    #[must_use]
    pub fn new(header: Header, max_bytes: usize) -> Self {
        Self { max_bytes, opening: plain::opening(header), current: Vec::new(), done: Vec::new() }
    }

    /// Adds a row. One that is too large for a message of its own is divided by audiences, its changes kept in order.
    ///
    /// # Errors
    /// None that a [`Row`] can cause; the serializer's, if it has any.
    pub fn push(&mut self, row: &Row<'_>) -> Result<(), serde_json::Error> {
        let start = self.current.len();
        if start == 0 {
            self.current.reserve(LEAST_BYTES);
        }
        self.current.extend_from_slice(if start == 0 { self.opening.as_bytes() } else { b"," });
        plain::push(row, &mut self.current)?;
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
        plain::push(row, &mut self.current)?;
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
        // Nothing but UTF-8 was written, so the lossy conversion never replaces anything; it only avoids a panic.
        let body = std::mem::take(&mut self.current);
        self.done.push(String::from_utf8(body).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()));
    }
}

/// Two rows that say one after the other what `row` says, each with half of the audiences; `None` if there is one audience or none.
fn divide<'a>(row: &Row<'a>) -> Option<(Row<'a>, Row<'a>)> {
    let (mut left, mut right) = (row.clone(), row.clone());
    let changes = row.adds.len() + row.deletes.len() + row.unmapped_adds.len() + row.unmapped_deletes.len();
    if changes < 2 {
        return None;
    }
    // An erasure comes after what is said with it, and is said once.
    left.erase = false;
    // The lists count as one, in the order in which they apply, so that a delete never comes before the add that it follows.
    let mut kept = changes / 2;
    cut(&mut left.adds, &mut right.adds, &mut kept);
    cut(&mut left.deletes, &mut right.deletes, &mut kept);
    cut(&mut left.unmapped_adds, &mut right.unmapped_adds, &mut kept);
    cut(&mut left.unmapped_deletes, &mut right.unmapped_deletes, &mut kept);
    Some((left, right))
}

/// Of two equal lists, leaves up to `kept` entries in the first and the others in the second; lowers `kept` by what it left.
fn cut<A: smallvec::Array>(first: &mut SmallVec<A>, second: &mut SmallVec<A>, kept: &mut usize) {
    let here = first.len().min(*kept);
    first.truncate(here);
    second.drain(..here);
    *kept -= here;
}
