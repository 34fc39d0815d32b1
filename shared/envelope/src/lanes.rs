//! Writing the rows of one request into the lanes of its connection.

use crate::{Header, Row, Writer};

/// The largest number of lanes that a connection can have.
pub const MAX_LANES: u8 = 64;

/// One writer for each lane that a request touches.
pub struct Lanes {
    header: Header,
    max_bytes: usize,
    writers: Vec<Option<Writer>>,
}

/// The messages of one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneParts {
    /// Which lane, counted from 0.
    pub lane: u8,
    /// The bodies, in the order in which they must be queued.
    pub parts: Vec<String>,
}

impl Lanes {
    /// Writes into `lanes` lanes, from 1 to [`MAX_LANES`], in messages of at most `max_bytes`, as [`Writer::new`] does.
    #[must_use]
    pub fn new(header: Header, lanes: u8, max_bytes: usize) -> Self {
        let writers = std::iter::repeat_with(|| None).take(lanes.clamp(1, MAX_LANES).into()).collect();
        Self { header, max_bytes, writers }
    }

    /// Adds a row to `lane`. Lanes go round: the one after the last is lane 0.
    ///
    /// # Errors
    /// None that a [`Row`] can cause; the serializer's, if it has any.
    pub fn push(&mut self, lane: u8, row: &Row<'_>) -> Result<(), serde_json::Error> {
        let at = usize::from(lane) % self.writers.len();
        let (header, max_bytes) = (self.header, self.max_bytes);
        match self.writers.get_mut(at) {
            Some(writer) => writer.get_or_insert_with(|| Writer::new(header, max_bytes)).push(row),
            None => Ok(()),
        }
    }

    /// The messages of each lane that got a row, by lane.
    #[must_use]
    pub fn finish(self) -> Vec<LaneParts> {
        let numbered = (0..=u8::MAX).zip(self.writers);
        numbered.filter_map(|(lane, writer)| Some(LaneParts { lane, parts: writer?.finish() })).collect()
    }
}
