//! The newest change of each id and audience wins.

use super::{Change, Counts, Origin};

/// Keeps the newest change of each (pool, id, audience) and returns the messages, ascending, that lost any.
pub(super) fn keep(changes: &mut Vec<Change>, origins: &[Origin], counts: &mut Counts) -> Vec<u32> {
    // Of a row that both adds and deletes, the delete wins: `Action` orders it last.
    changes.sort_unstable_by_key(|c| (c.pool, c.device, c.id, c.audience, c.changed_ms, c.origin, c.action));
    let mut superseded_in = Vec::new();
    // Newest first, so that `dedup_by` keeps it.
    changes.reverse();
    changes.dedup_by(|older, newer| {
        let same = (older.pool, older.device, older.id, older.audience)
            == (newer.pool, newer.device, newer.id, newer.audience);
        if same {
            counts.superseded += 1;
            superseded_in.extend(origins.get(older.origin as usize).map(|origin| origin.message));
        }
        same
    });
    superseded_in.sort_unstable();
    superseded_in.dedup();
    superseded_in
}
