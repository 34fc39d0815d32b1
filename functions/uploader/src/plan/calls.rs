//! From changes to rows and from rows to calls.

use std::collections::BTreeMap;
use std::ops::Range;

use tiktok::{Action, Mapping, Row, Schema};

use super::{Change, Limits, Origin};

/// A call to TikTok.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What happens to the ids.
    pub action: Action,
    /// What ids they are.
    pub schema: Schema,
    /// The rows, oldest first.
    pub rows: Vec<Span>,
}

/// The changes of one id that one row tells: they lie side by side in [`Plan::changes`](super::Plan::changes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }

    /// The changes that the row tells, by ascending audience; none for a span that another plan gave out.
    #[must_use]
    pub fn changes(self, changes: &[Change]) -> &[Change] {
        changes.get(self.range()).unwrap_or_default()
    }

    /// The row's audiences in two halves; `None` if it names only one.
    #[must_use]
    pub const fn halves(self) -> Option<[Self; 2]> {
        if self.len < 2 {
            return None;
        }
        let half = self.len / 2;
        Some([Self { start: self.start, len: half }, Self { start: self.start + half, len: self.len - half }])
    }

    /// The part of the row whose changes `wanted` names; its audiences are in ascending order, and so must be those that are wanted.
    #[must_use]
    pub fn only(self, changes: &[Change], wanted: impl Fn(&Change) -> bool) -> Option<Self> {
        let mine = changes.get(self.range())?;
        let first = mine.iter().position(&wanted)?;
        let len = mine.iter().skip(first).take_while(|change| wanted(change)).count();
        Some(Self { start: self.start + narrow(first), len: narrow(len) })
    }
}

/// A plan has at most 8 MB of bodies, so no count in it comes near 32 bits.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

pub(super) fn row(changes: &[Change], span: Span) -> Option<Row> {
    let mine = changes.get(span.range())?;
    let first = mine.first()?;
    Some(Row { id: first.id, audiences: mine.iter().map(|change| change.audience).collect() })
}

/// Orders the changes of each id, which lie side by side, by what is to be told of them, and fills calls with that.
pub(super) fn fill(changes: &mut [Change], origins: &[Origin], limits: Limits) -> Vec<Call> {
    let position = |change: &Change| change.origin.of(origins).map(|origin| origin.place.position());
    let mut rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut start = 0;
    for same_id in changes.chunk_by_mut(|a, b| a.id == b.id) {
        // Stable: they stay in the order of their audiences.
        same_id.sort_by_key(|change| (change.waits(), change.action));
        for told in same_id.chunk_by(|a, b| (a.waits(), a.action) == (b.waits(), b.action)) {
            let span = Span { start, len: narrow(told.len()) };
            start += span.len;
            if let Some(first) = told.first().filter(|first| first.waits()) {
                let kind = (first.action, Schema::of(first.id.kind()));
                rows.entry(kind).or_default().push((told.iter().filter_map(position).min(), span));
            }
        }
    }
    let mut calls = Vec::new();
    for ((action, schema), mut rows) in rows {
        // Oldest first: where time or calls run out, the lanes have come forward from their old ends.
        rows.sort_by_key(|(oldest, _)| *oldest);
        let mut filling = Filling { limits, bytes: 0, rows: Vec::new(), full: Vec::new() };
        for (_, span) in rows {
            filling.push(changes, span);
        }
        calls.extend(filling.finish().into_iter().map(|rows| Call { action, schema, rows }).enumerate());
    }
    // By turns, so that neither those who join nor those who leave wait for all of the others.
    calls.sort_by_key(|(turn, _)| *turn);
    calls.into_iter().map(|(_, call)| call).collect()
}

/// Fills one call after the other up to the limits.
struct Filling {
    limits: Limits,
    bytes: usize,
    rows: Vec<Span>,
    full: Vec<Vec<Span>>,
}

impl Filling {
    fn push(&mut self, changes: &[Change], span: Span) {
        let room = self.limits.bytes.saturating_sub(Mapping::OVERHEAD_BYTES);
        let told = span.changes(changes);
        let audiences = told.iter().map(|change| change.audience);
        let bytes = told.first().map_or(0, |first| Row::json_bytes(first.id, audiences));
        if bytes > room
            && let Some(halves) = span.halves()
        {
            return halves.into_iter().for_each(|half| self.push(changes, half));
        }
        if !self.rows.is_empty() && (self.rows.len() >= self.limits.rows || self.bytes + bytes > room) {
            self.full.push(std::mem::take(&mut self.rows));
            self.bytes = 0;
        }
        self.bytes += bytes;
        self.rows.push(span);
    }

    fn finish(mut self) -> Vec<Vec<Span>> {
        if !self.rows.is_empty() {
            self.full.push(self.rows);
        }
        self.full
    }
}
