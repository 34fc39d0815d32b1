//! A call that TikTok refuses is divided until what is bad stands alone: by audiences, then by rows, then by the ids of a row.
//!
//! The rest is delivered on the way. The number of calls is bounded, and when everything is bad it is noticed early.

use std::collections::VecDeque;
use std::sync::Arc;

use ids::AudienceId;
use tiktok::{Action, Meaning};

use crate::outcome::{Outcome, Reason};
use crate::plan::{Call, Piece};
use crate::send::{Sender, Sent};

/// Extra calls that one refused call may cost.
const MAX_CALLS: u32 = 400;
/// So many parts that fail alike, with none delivered, condemn all they are parts of.
const ALIKE: u32 = 16;
/// The same where TikTok says that the object does not exist (40007) and only one audience is left: both halves and all quarters.
const ALIKE_GONE: u32 = 6;

/// Pieces of a call that share an outcome.
#[derive(Debug)]
pub struct Settled {
    /// The pieces, perhaps with only some of the audiences or ids of those that were planned.
    pub pieces: Vec<Piece>,
    /// What became of them.
    pub outcome: Outcome,
}

/// A part of the call that still has to be sent.
struct Part {
    pieces: Vec<Piece>,
    /// What it is a part of: an index into the scopes.
    scope: usize,
}

/// The whole call, or all its rows of one audience.
struct Scope {
    reason: Arc<Reason>,
    failed_alike: u32,
    /// A part was delivered, or failed in another way.
    mixed: bool,
    one_audience: bool,
}

impl Scope {
    fn new(reason: &Arc<Reason>, pieces: &[Piece]) -> Self {
        let one_audience = audiences(pieces).len() == 1;
        Self { reason: Arc::clone(reason), failed_alike: 0, mixed: false, one_audience }
    }

    fn failed(&mut self, reason: &Reason) {
        if reason.code == self.reason.code {
            self.failed_alike += 1;
        } else {
            self.mixed = true;
        }
    }

    fn is_condemned(&self) -> bool {
        let gone = self.one_audience && self.reason.code == Some(40007);
        !self.mixed && self.failed_alike >= if gone { ALIKE_GONE } else { ALIKE }
    }
}

/// Sends `call`, and divides it where TikTok refuses it.
pub async fn deliver(sender: Sender<'_>, call: Call) -> Vec<Settled> {
    let Call { action, pieces, .. } = call;
    match sender.send(action, &pieces).await {
        Sent::Delivered => vec![Settled { pieces, outcome: Outcome::Delivered }],
        Sent::Later(reason) => vec![Settled { pieces, outcome: Outcome::Later(reason) }],
        Sent::Refused(reason, meaning) => {
            Division::new(sender, action, &reason, &pieces).run(pieces, reason, meaning).await
        }
    }
}

struct Division<'a> {
    sender: Sender<'a>,
    action: Action,
    scopes: Vec<Scope>,
    open: VecDeque<Part>,
    settled: Vec<Settled>,
}

impl<'a> Division<'a> {
    fn new(sender: Sender<'a>, action: Action, reason: &Arc<Reason>, pieces: &[Piece]) -> Self {
        let scopes = vec![Scope::new(reason, pieces)];
        Self { sender, action, scopes, open: VecDeque::new(), settled: Vec::new() }
    }

    async fn run(mut self, pieces: Vec<Piece>, reason: Arc<Reason>, meaning: Meaning) -> Vec<Settled> {
        self.divide(Part { pieces, scope: 0 }, &reason, meaning);
        for _ in 0..MAX_CALLS {
            let Some(part) = self.open.pop_front() else { break };
            match self.sender.send(self.action, &part.pieces).await {
                Sent::Delivered => {
                    self.scope(part.scope, |scope| scope.mixed = true);
                    self.settle(part.pieces, Outcome::Delivered);
                }
                Sent::Later(reason) => self.settle(part.pieces, Outcome::Later(reason)),
                Sent::Refused(reason, meaning) => self.refused(part, &reason, meaning),
            }
        }
        for part in std::mem::take(&mut self.open) {
            let reason =
                self.scopes.get(part.scope).map_or_else(|| Arc::clone(&reason), |scope| Arc::clone(&scope.reason));
            self.settle(part.pieces, Outcome::Rejected(reason));
        }
        self.settled
    }

    fn refused(&mut self, part: Part, reason: &Arc<Reason>, meaning: Meaning) {
        let condemned = meaning != Meaning::TooLarge
            && self.scope(part.scope, |scope| {
                scope.failed(reason);
                scope.is_condemned()
            });
        if !condemned {
            return self.divide(part, reason, meaning);
        }
        let condemned: VecDeque<Part>;
        (condemned, self.open) =
            std::mem::take(&mut self.open).into_iter().partition(|other| other.scope == part.scope);
        for part in std::iter::once(part).chain(condemned) {
            self.settle(part.pieces, Outcome::Rejected(Arc::clone(reason)));
        }
    }

    /// Puts the halves of a refused part in line; what cannot be divided is what is bad.
    fn divide(&mut self, part: Part, reason: &Arc<Reason>, meaning: Meaning) {
        let Part { pieces, mut scope } = part;
        let halves = if meaning == Meaning::TooLarge {
            by_rows(&pieces).or_else(|| by_audience(&pieces)).or_else(|| by_id(&pieces))
        } else {
            by_audience(&pieces).or_else(|| {
                let is_its_own = self.scopes.get(scope).is_some_and(|scope| scope.one_audience);
                if !is_its_own {
                    self.scopes.push(Scope::new(reason, &pieces));
                    scope = self.scopes.len() - 1;
                }
                by_rows(&pieces).or_else(|| by_id(&pieces))
            })
        };
        match halves {
            Some(halves) => self.open.extend(halves.into_iter().map(|pieces| Part { pieces, scope })),
            None => self.settle(pieces, Outcome::Rejected(Arc::clone(reason))),
        }
    }

    fn scope<T: Default>(&mut self, scope: usize, change: impl FnOnce(&mut Scope) -> T) -> T {
        self.scopes.get_mut(scope).map(change).unwrap_or_default()
    }

    fn settle(&mut self, pieces: Vec<Piece>, outcome: Outcome) {
        self.settled.push(Settled { pieces, outcome });
    }
}

fn audiences(pieces: &[Piece]) -> Vec<AudienceId> {
    let mut audiences: Vec<_> = pieces.iter().flat_map(|piece| piece.row.audiences.iter().copied()).collect();
    audiences.sort_unstable();
    audiences.dedup();
    audiences
}

fn by_audience(pieces: &[Piece]) -> Option<[Vec<Piece>; 2]> {
    let audiences = audiences(pieces);
    let (left, right) = audiences.split_at(audiences.len().div_ceil(2));
    let of = |half: &[AudienceId]| pieces.iter().filter_map(|piece| piece.restricted_to(half)).collect();
    (!right.is_empty()).then(|| [of(left), of(right)])
}

fn by_rows(pieces: &[Piece]) -> Option<[Vec<Piece>; 2]> {
    let (left, right) = pieces.split_at(pieces.len().div_ceil(2));
    (!right.is_empty()).then(|| [left.to_vec(), right.to_vec()])
}

fn by_id(pieces: &[Piece]) -> Option<[Vec<Piece>; 2]> {
    pieces.first()?.by_id().map(|halves| halves.map(|half| vec![half]))
}
