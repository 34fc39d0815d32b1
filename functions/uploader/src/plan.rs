//! What to send: from the messages of one connection to as few calls as hold their changes. Pure: no I/O, no clock.
//!
//! The newest change of each audience and id wins, by the order of the queue, then by the place in the request. All changes of an
//! id are in one lane, so the order of the lanes among each other does not matter.

mod calls;
mod erase;
mod newest;

use std::collections::BTreeSet;
use std::sync::Arc;

use envelope::Row;
use hashed_id::{Dropped, HashedId};
use ids::{AudienceId, Mpid};
use tiktok::Action;

use crate::cause::{Cause, Outcome, Reason};
use crate::work::Place;

pub use calls::{Call, Span};

/// What a call may hold at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Rows a call.
    pub rows: usize,
    /// Bytes of a body.
    pub bytes: usize,
}

/// A change of one id in one audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Joins or leaves.
    pub action: Action,
    /// The id.
    pub id: HashedId,
    /// The audience.
    pub audience: AudienceId,
    /// What became of it.
    pub outcome: Outcome,
    origin: OriginIndex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct OriginIndex(u32);

/// Where changes came from: a row of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The message.
    pub place: Place,
    /// The user.
    pub mpid: Option<Mpid>,
    /// Whether the row is an erasure, which is waited for longer than anything else.
    pub erases: bool,
}

/// An id that leaves every audience of the connection, which are not known: it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Where it came from.
    pub origin: Origin,
    /// The id.
    pub id: HashedId,
    /// Why it waits.
    pub reason: Arc<Reason>,
}

/// Changes for audiences that do not exist at TikTok: nothing to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// Where they came from.
    pub origin: Origin,
    /// The id.
    pub id: HashedId,
    /// mParticle's audience ids that the user joins.
    pub adds: Vec<i64>,
    /// mParticle's audience ids that the user leaves.
    pub deletes: Vec<i64>,
}

/// How many of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows in all envelopes: one id each.
    pub rows: u64,
    /// Placeholders that stand for no device, raw or hashed.
    pub nil: u64,
    /// Ids that are none.
    pub malformed: u64,
    /// Ids hashed in a way that is not taken.
    pub encoding: u64,
    /// Changes that a newer one made unnecessary.
    pub superseded: u64,
    /// Changes for audiences that the connection itself deleted.
    pub dropped: u64,
    /// Ids that are to leave every audience.
    pub erasures: u64,
}

/// What there is to do.
#[derive(Debug)]
pub struct Plan {
    /// Every change. Those of one id that are to be told lie side by side.
    pub changes: Vec<Change>,
    /// What to send, the oldest changes first.
    pub calls: Vec<Call>,
    /// What cannot be sent.
    pub unmapped: Vec<Unmapped>,
    /// What waits without being told in changes.
    pub erasures: Vec<Erasure>,
    /// What was counted.
    pub counts: Counts,
    origins: Vec<Origin>,
}

/// Takes changes in order and makes a [`Plan`].
#[derive(Debug)]
pub struct Planner {
    changes: Vec<Change>,
    origins: Vec<Origin>,
    unmapped: Vec<Unmapped>,
    erasures: Vec<(OriginIndex, HashedId)>,
    counts: Counts,
    not_tried: Arc<Reason>,
}

impl Planner {
    /// A planner without changes.
    #[must_use]
    pub fn new() -> Self {
        let not_tried = Reason::new(Cause::NotTried, "there was no time to try it");
        let (changes, origins, unmapped, erasures) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { changes, origins, unmapped, erasures, counts: Counts::default(), not_tried }
    }

    /// Adds the changes of a row of the message at `place`. Of a row that adds and deletes in one audience the delete wins, and an erasure
    /// of all that its row says.
    pub fn add(&mut self, place: Place, row: &Row<'_>) {
        self.counts.rows += 1;
        let id = match HashedId::parse(row.id.0, row.id.1, &row.id.2) {
            Ok(id) => id,
            Err(Dropped::Nil) => return self.counts.nil += 1,
            Err(Dropped::Malformed) => return self.counts.malformed += 1,
            Err(Dropped::Encoding) => return self.counts.encoding += 1,
        };
        let origin = Origin { place, mpid: row.mpid, erases: row.erase };
        let index = OriginIndex(u32::try_from(self.origins.len()).unwrap_or(u32::MAX));
        self.origins.push(origin);
        if row.erase {
            self.counts.erasures += 1;
            self.erasures.push((index, id));
        }
        for (action, audiences) in [(Action::Add, &row.adds), (Action::Delete, &row.deletes)] {
            self.changes.extend(audiences.iter().map(|&audience| {
                let outcome = Outcome::Later(Arc::clone(&self.not_tried));
                Change { action, id, audience, outcome, origin: index }
            }));
        }
        if !row.unmapped_adds.is_empty() || !row.unmapped_deletes.is_empty() {
            let (adds, deletes) = (row.unmapped_adds.to_vec(), row.unmapped_deletes.to_vec());
            self.unmapped.push(Unmapped { origin, id, adds, deletes });
        }
    }

    /// The plan for all that was added. `audiences` are those that an erasure is about, besides those that older changes of its id name; or
    /// why they are not known. `known` says what became of a change that need not be told, if that is known already.
    #[must_use]
    pub fn plan(
        mut self,
        limits: Limits,
        audiences: &Result<Vec<AudienceId>, Arc<Reason>>,
        mut known: impl FnMut(&Change, Place) -> Option<Outcome>,
    ) -> Plan {
        let erasures = self.expand(audiences);
        let Self { mut changes, origins, unmapped, mut counts, .. } = self;
        counts.superseded = newest::keep(&mut changes, &origins);
        for change in changes.iter_mut().filter(|change| change.waits()) {
            let place = change.origin.of(&origins).map(|origin| origin.place);
            let outcome = place.and_then(|place| known(change, place));
            if let Some(outcome) = outcome.map(|outcome| erase::settled(change.origin.of(&origins), outcome)) {
                counts.dropped += u64::from(outcome == Outcome::Dropped);
                change.outcome = outcome;
            }
        }
        let calls = calls::fill(&mut changes, &origins, limits);
        Plan { changes, calls, unmapped, erasures, counts, origins }
    }
}

impl OriginIndex {
    fn of(self, origins: &[Origin]) -> Option<&Origin> {
        origins.get(self.0 as usize)
    }
}

impl Default for Planner {
    fn default() -> Self {
        Self::new()
    }
}

impl Change {
    /// Whether it still is to be told.
    #[must_use]
    pub const fn waits(&self) -> bool {
        match self.outcome {
            Outcome::Later(_) => true,
            Outcome::Delivered | Outcome::Superseded | Outcome::Dropped | Outcome::Rejected(_) => false,
        }
    }
}

impl Plan {
    /// Where a change came from.
    #[must_use]
    pub fn origin(&self, change: &Change) -> Option<Origin> {
        change.origin.of(&self.origins).copied()
    }

    /// Notes what became of the changes of a row. Where an audience is missing there is nobody to erase.
    pub fn settle(&mut self, span: Span, outcome: &Outcome) {
        for change in self.changes.get_mut(span.range()).unwrap_or_default() {
            change.outcome = erase::settled(change.origin.of(&self.origins), outcome.clone());
        }
    }

    /// All changes that still wait do so for `reason`.
    pub fn wait_for(&mut self, reason: &Arc<Reason>) {
        for change in self.changes.iter_mut().filter(|change| change.waits()) {
            change.outcome = Outcome::Later(Arc::clone(reason));
        }
        for erasure in &mut self.erasures {
            erasure.reason = Arc::clone(reason);
        }
    }

    /// How many ids are out of every audience: erasures of which nothing waits and nothing was refused.
    #[must_use]
    pub fn erased(&self) -> u64 {
        let left = |change: &&Change| matches!(change.outcome, Outcome::Later(_) | Outcome::Rejected(_));
        let erases = |change: &&Change| change.origin.of(&self.origins).is_some_and(|origin| origin.erases);
        let unfinished: BTreeSet<_> =
            self.changes.iter().filter(left).filter(erases).map(|change| (change.origin, change.id)).collect();
        self.counts.erasures.saturating_sub((unfinished.len() + self.erasures.len()) as u64)
    }

    /// A row as TikTok takes it; `None` for a span that this plan did not give out.
    #[must_use]
    pub fn row(&self, span: Span) -> Option<tiktok::Row> {
        calls::row(&self.changes, span)
    }
}
