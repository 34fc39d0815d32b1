//! The newest change of each id and audience wins.

use super::{Change, Origin};
use crate::cause::Outcome;

/// Brings the changes of each id side by side, by ascending audience, and marks every one that a newer one of the same id and audience makes
/// unnecessary; says how many.
pub(super) fn keep(changes: &mut [Change], origins: &[Origin]) -> u64 {
    let place = |change: &Change| change.origin.of(origins).map(|origin| origin.place);
    // Two ids with one prefix are next to impossible unless somebody makes them: the whole of the id is looked at where prefixes are the same.
    changes.sort_by_cached_key(|change| change.id.prefix());
    let mut superseded = 0;
    for alike in changes.chunk_by_mut(|a, b| a.id.prefix() == b.id.prefix()) {
        // Rows are numbered in the order of the queue within a lane; `Action` orders a delete after an add of the same row.
        alike.sort_unstable_by(|a, b| {
            (a.id, a.audience)
                .cmp(&(b.id, b.audience))
                .then_with(|| (place(a), a.origin, a.action).cmp(&(place(b), b.origin, b.action)))
        });
        for same in alike.chunk_by_mut(|a, b| (a.id, a.audience) == (b.id, b.audience)) {
            let Some((_, older)) = same.split_last_mut() else { continue };
            for change in older {
                change.outcome = Outcome::Superseded;
                superseded += 1;
            }
        }
    }
    superseded
}
