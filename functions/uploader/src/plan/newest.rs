//! The newest change of each id and audience wins.

use super::{Change, Origin};
use crate::cause::Outcome;

/// Marks every change that a newer one of the same id and audience makes unnecessary; says how many.
pub(super) fn keep(changes: &mut [Change], origins: &[Origin]) -> u64 {
    let place = |change: &Change| change.origin.of(origins).map(|origin| origin.place);
    // Rows are numbered in the order of the queue within a lane; `Action` orders a delete after an add of the same row.
    changes.sort_unstable_by_key(|c| (c.id, c.audience, place(c), c.origin, c.action));
    let mut superseded = 0;
    for same in changes.chunk_by_mut(|a, b| (a.id, a.audience) == (b.id, b.audience)) {
        let Some((_, older)) = same.split_last_mut() else { continue };
        for change in older {
            change.outcome = Outcome::Superseded;
            superseded += 1;
        }
    }
    superseded
}
