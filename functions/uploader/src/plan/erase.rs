//! Erasures: one id leaves every audience of the connection. Each becomes a delete for each audience, at its own place in the order: what is
//! older about the id is superseded, and what is newer wins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashed_id::HashedId;
use ids::AudienceId;
use tiktok::Action;

use super::{Change, Erasure, Origin, OriginIndex, Planner};
use crate::cause::{Cause, Outcome, Reason};

/// The most changes that erasures become in one plan, each of about 70 bytes; those that are left come back at once.
const MAX_CHANGES: usize = 200_000;

impl Planner {
    /// Turns erasures into changes; gives those that wait.
    pub(super) fn expand(&mut self, audiences: &Result<Vec<AudienceId>, Arc<Reason>>) -> Vec<Erasure> {
        let erasures = std::mem::take(&mut self.erasures);
        if erasures.is_empty() {
            return Vec::new();
        }
        let named = self.named_of(&erasures);
        let (mut expanded, mut waiting) = (0, Vec::new());
        for (index, id) in erasures {
            let Some(origin) = index.of(&self.origins).copied() else { continue };
            let before = named.get(&id).into_iter().flatten();
            let before = before.filter(|(of, _)| self.is_up_to(*of, origin, index)).map(|(_, audience)| *audience);
            let all: BTreeSet<AudienceId> = audiences.iter().flatten().copied().chain(before).collect();
            let too_many = expanded > 0 && expanded + all.len() > MAX_CHANGES;
            let reason = audiences.as_ref().err().or(too_many.then_some(&self.not_tried)).map(Arc::clone);
            if let Some(reason) = reason {
                waiting.push(Erasure { origin, id, reason });
                continue;
            }
            expanded += all.len();
            let outcome = Outcome::Later(Arc::clone(&self.not_tried));
            self.changes.extend(all.into_iter().map(|audience| {
                let outcome = outcome.clone();
                Change { action: Action::Delete, id, audience, outcome, origin: index }
            }));
        }
        waiting
    }

    /// The audiences that changes of those ids name: they may be too new for TikTok's list, or have lost their mark. Each with the row that names it.
    fn named_of(&self, erasures: &[(OriginIndex, HashedId)]) -> BTreeMap<HashedId, Vec<(OriginIndex, AudienceId)>> {
        let mut named: BTreeMap<_, Vec<_>> = erasures.iter().map(|(_, id)| (*id, Vec::new())).collect();
        for change in &self.changes {
            if let Some(named) = named.get_mut(&change.id) {
                named.push((change.origin, change.audience));
            }
        }
        named
    }

    fn is_up_to(&self, one: OriginIndex, origin: Origin, index: OriginIndex) -> bool {
        one.of(&self.origins).is_some_and(|one_origin| (one_origin.place, one) <= (origin.place, index))
    }
}

/// What became of a change. Nobody is to be erased from an audience that does not exist.
pub(super) fn settled(origin: Option<&Origin>, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Rejected(reason)
            if reason.cause == Cause::AudienceMissing && origin.is_some_and(|origin| origin.erases) =>
        {
            Outcome::Dropped
        }
        Outcome::Delivered | Outcome::Superseded | Outcome::Dropped | Outcome::Later(_) | Outcome::Rejected(_) => {
            outcome
        }
    }
}
