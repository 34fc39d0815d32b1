//! From changes to rows and from rows to calls.

use std::ops::Range;

use hashed_id::Md5;
use ids::{AudienceId, DeviceType};
use smallvec::SmallVec;
use tiktok::{Action, Mapping, Row};

use super::{Change, Limits, Plan};

/// A call to TikTok.
#[derive(Debug, Clone)]
pub struct Call {
    /// Whose token is used.
    pub connection: u32,
    /// What happens to the users.
    pub action: Action,
    /// The rows, and where they came from.
    pub pieces: Vec<Piece>,
}

/// A row of a call and the changes that it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What is sent. Its audiences may be some of those that the changes are about.
    pub row: Row,
    /// The changes of the row's IDFA, and of its Google id, in [`Plan::changes`].
    spans: [Span; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    const NONE: Self = Self { start: 0, len: 0 };

    fn range(self) -> Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

impl Piece {
    /// The indices in [`Plan::changes`] of what the row tells.
    pub fn changes<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = usize> + 'a {
        let told = |index: &usize| plan.changes.get(*index).is_some_and(|c| self.row.audiences.contains(&c.audience));
        self.spans.into_iter().flat_map(Span::range).filter(told)
    }

    /// The same row for those of its audiences that `wanted` names; `None` if there are none.
    #[must_use]
    pub fn restricted_to(&self, wanted: &[AudienceId]) -> Option<Self> {
        let audiences: SmallVec<_> = self.row.audiences.iter().copied().filter(|a| wanted.contains(a)).collect();
        (!audiences.is_empty()).then(|| Self { row: Row { audiences, ..self.row }, spans: self.spans })
    }

    /// A row for each of its ids; `None` if it has only one.
    #[must_use]
    pub fn by_id(&self) -> Option<[Self; 2]> {
        let Row { idfa: Some(_), gaid: Some(_), audiences } = &self.row else { return None };
        let [idfa, gaid] = self.spans;
        let row = Row { audiences: audiences.clone(), ..self.row };
        Some([
            Self { row: Row { gaid: None, ..row.clone() }, spans: [idfa, Span::NONE] },
            Self { row: Row { idfa: None, ..row }, spans: [Span::NONE, gaid] },
        ])
    }
}

/// An id and its audiences, ready to share a row with another id of the same user.
struct Member {
    device: DeviceType,
    id: Md5,
    span: Span,
    owner: u32,
    audiences: SmallVec<[AudienceId; 2]>,
}

/// Sorts `changes` so that those of one id lie side by side, and fills calls with them.
pub(super) fn fill(changes: &mut [Change], limits: Limits) -> Vec<Call> {
    changes.sort_unstable_by_key(|c| (c.connection, c.action, c.device, c.id, c.audience));
    let mut calls = Vec::new();
    let mut start = 0;
    for together in changes.chunk_by(|a, b| (a.connection, a.action) == (b.connection, b.action)) {
        let Some(&Change { connection, action, .. }) = together.first() else { continue };
        let mut filling = Filling { limits, bytes: 0, pieces: Vec::new(), full: Vec::new() };
        pair(&ids_of(together, start), &mut filling);
        start += length(together);
        calls.extend(filling.finish().into_iter().map(|pieces| Call { connection, action, pieces }));
    }
    calls
}

/// Each id with its audiences, those of one user side by side: the user who was last seen with the id.
fn ids_of(together: &[Change], mut start: u32) -> Vec<Member> {
    let mut ids = Vec::with_capacity(together.len());
    for same_id in together.chunk_by(|a, b| (a.device, a.id) == (b.device, b.id)) {
        let Some(&Change { device, id, .. }) = same_id.first() else { continue };
        ids.push(Member {
            device,
            id,
            span: Span { start, len: length(same_id) },
            owner: same_id.iter().map(|c| c.origin).max().unwrap_or_default(),
            audiences: same_id.iter().map(|c| c.audience).collect(),
        });
        start += length(same_id);
    }
    ids.sort_unstable_by(|a, b| (a.owner, &a.audiences, a.device, a.id).cmp(&(b.owner, &b.audiences, b.device, b.id)));
    ids
}

/// Puts ids of one user that go to the same audiences into one row, one of each type; further ones take further rows.
fn pair(ids: &[Member], filling: &mut Filling) {
    for alike in ids.chunk_by(|a, b| (a.owner, &a.audiences) == (b.owner, &b.audiences)) {
        let (idfas, gaids) = alike.split_at(alike.partition_point(|id| id.device == DeviceType::Idfa));
        for at in 0..idfas.len().max(gaids.len()) {
            let (idfa, gaid) = (idfas.get(at), gaids.get(at));
            let Some(either) = idfa.or(gaid) else { continue };
            filling.push(Piece {
                row: Row { idfa: idfa.map(|i| i.id), gaid: gaid.map(|i| i.id), audiences: either.audiences.clone() },
                spans: [idfa, gaid].map(|id| id.map_or(Span::NONE, |id| id.span)),
            });
        }
    }
}

/// An event has at most 6 MB, so no count in it comes near 32 bits.
fn length(changes: &[Change]) -> u32 {
    u32::try_from(changes.len()).unwrap_or(u32::MAX)
}

/// Fills one call after the other up to the limits.
struct Filling {
    limits: Limits,
    bytes: usize,
    pieces: Vec<Piece>,
    full: Vec<Vec<Piece>>,
}

impl Filling {
    fn push(&mut self, piece: Piece) {
        let room = self.limits.bytes.saturating_sub(Mapping::OVERHEAD_BYTES);
        let bytes = piece.row.json_bytes();
        if bytes > room && piece.row.audiences.len() > 1 {
            let (left, right) = piece.row.audiences.split_at(piece.row.audiences.len() / 2);
            [left, right].into_iter().filter_map(|half| piece.restricted_to(half)).for_each(|half| self.push(half));
            return;
        }
        if !self.pieces.is_empty() && (self.pieces.len() >= self.limits.rows || self.bytes + bytes > room) {
            self.full.push(std::mem::take(&mut self.pieces));
            self.bytes = 0;
        }
        self.bytes += bytes;
        self.pieces.push(piece);
    }

    fn finish(mut self) -> Vec<Vec<Piece>> {
        if !self.pieces.is_empty() {
            self.full.push(self.pieces);
        }
        self.full
    }
}
