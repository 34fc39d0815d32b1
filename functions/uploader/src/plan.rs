//! What to send: from the messages of one connection to as few calls as hold their changes. Pure: no I/O, no clock.
//!
//! The newest change of each audience and id wins, by the order of the queue, then by the place in the request. All changes of an
//! id are in one lane, so the order of the lanes among each other does not matter.

mod calls;
mod newest;

use std::sync::Arc;

use envelope::Row;
use hashed_id::{Dropped, Md5};
use ids::{AudienceId, IdType, Mpid};
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
    /// What kind of id it is.
    pub device: IdType,
    /// The id.
    pub id: Md5,
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
}

/// Changes for audiences that do not exist at TikTok: nothing to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// Where they came from.
    pub origin: Origin,
    /// What kind of id it is.
    pub device: IdType,
    /// The id.
    pub id: Md5,
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
    counts: Counts,
    not_tried: Arc<Reason>,
}

impl Planner {
    /// A planner without changes.
    #[must_use]
    pub fn new() -> Self {
        let not_tried = Reason::new(Cause::NotTried, "there was no time to try it");
        Self { changes: Vec::new(), origins: Vec::new(), unmapped: Vec::new(), counts: Counts::default(), not_tried }
    }

    /// Adds the changes of a row of the message at `place`. Of a row that adds and deletes in one audience the delete wins.
    pub fn add(&mut self, place: Place, row: &Row<'_>) {
        self.counts.rows += 1;
        let device = row.id.0;
        let id = match Md5::parse(row.id.1, &row.id.2) {
            Ok(id) => id,
            Err(Dropped::Nil) => return self.counts.nil += 1,
            Err(Dropped::Malformed) => return self.counts.malformed += 1,
            Err(Dropped::Encoding) => return self.counts.encoding += 1,
        };
        let origin = Origin { place, mpid: row.mpid };
        let index = OriginIndex(u32::try_from(self.origins.len()).unwrap_or(u32::MAX));
        self.origins.push(origin);
        for (action, audiences) in [(Action::Add, &row.adds), (Action::Delete, &row.deletes)] {
            let outcome = Outcome::Later(Arc::clone(&self.not_tried));
            self.changes.extend(audiences.iter().map(|&audience| Change {
                action,
                device,
                id,
                audience,
                outcome: outcome.clone(),
                origin: index,
            }));
        }
        if !row.unmapped_adds.is_empty() || !row.unmapped_deletes.is_empty() {
            let (adds, deletes) = (row.unmapped_adds.to_vec(), row.unmapped_deletes.to_vec());
            self.unmapped.push(Unmapped { origin, device, id, adds, deletes });
        }
    }

    /// The plan for all that was added. `known` says what became of a change that need not be told, if that is known already.
    #[must_use]
    pub fn plan(self, limits: Limits, mut known: impl FnMut(&Change, Place) -> Option<Outcome>) -> Plan {
        let Self { mut changes, origins, unmapped, mut counts, .. } = self;
        counts.superseded = newest::keep(&mut changes, &origins);
        for change in changes.iter_mut().filter(|change| change.waits()) {
            let place = origins.get(change.origin.0 as usize).map(|origin| origin.place);
            if let Some(outcome) = place.and_then(|place| known(change, place)) {
                counts.dropped += u64::from(outcome == Outcome::Dropped);
                change.outcome = outcome;
            }
        }
        let calls = calls::fill(&mut changes, &origins, limits);
        Plan { changes, calls, unmapped, counts, origins }
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
        self.origins.get(change.origin.0 as usize).copied()
    }

    /// Notes what became of the changes of a row.
    pub fn settle(&mut self, span: Span, outcome: &Outcome) {
        for change in self.changes.get_mut(span.range()).unwrap_or_default() {
            change.outcome = outcome.clone();
        }
    }

    /// All changes that still wait do so for `reason`.
    pub fn wait_for(&mut self, reason: &Arc<Reason>) {
        for change in self.changes.iter_mut().filter(|change| change.waits()) {
            change.outcome = Outcome::Later(Arc::clone(reason));
        }
    }

    /// A row as TikTok takes it; `None` for a span that this plan did not give out.
    #[must_use]
    pub fn row(&self, span: Span) -> Option<tiktok::Row> {
        calls::row(&self.changes, span)
    }
}
