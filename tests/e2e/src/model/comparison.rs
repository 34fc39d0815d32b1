//! Audiences as they are at TikTok against what they should be: in numbers, and id by id.

use std::collections::BTreeSet;

use anyhow::Result;
use sandbox::control::Control;

use super::{Id, Ids, LastChange};

/// An audience as it is against what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// TikTok's id of the audience.
    pub audience_id: String,
    /// Ids that it should hold.
    pub expected: usize,
    /// Ids that it holds.
    pub held: usize,
    /// Of the expected, those that it does not hold.
    pub missing: usize,
    /// Of the held, those that it should not.
    pub extra: usize,
}

impl Comparison {
    /// Whether the audience is exactly as it should be.
    #[must_use]
    pub const fn agrees(&self) -> bool {
        self.missing == 0 && self.extra == 0
    }
}

/// An id that is not where it should be.
#[derive(Clone, PartialEq, Eq)]
pub struct Difference {
    /// TikTok's id of the audience.
    pub audience_id: String,
    /// The id.
    pub id: Id,
    /// What was said of it last; nothing, if it should not be known at all.
    pub last: Option<LastChange>,
    /// Whether TikTok holds it.
    pub is_held: bool,
}

/// Without the id.
impl std::fmt::Debug for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { audience_id, id: (kind, _), last, is_held } = self;
        let mut of = f.debug_struct("Difference");
        of.field("audience", audience_id).field("kind", kind).field("last_change", last).field("held", is_held);
        of.finish_non_exhaustive()
    }
}

pub(super) async fn held(tiktok: &Control, audience_id: &str) -> Result<BTreeSet<Id>> {
    let members = tiktok.members(audience_id).await?.into_iter();
    Ok(members.flat_map(|(kind, hashes)| hashes.into_iter().map(move |hash| (kind, hash))).collect())
}

impl Comparison {
    pub(super) fn of(audience_id: &str, ids: &Ids, held: &BTreeSet<Id>) -> Self {
        let expected: BTreeSet<_> = ids.iter().filter(|(_, last)| last.joined).map(|(id, _)| id).collect();
        let common = expected.iter().filter(|id| held.contains(**id)).count();
        Self {
            audience_id: audience_id.to_owned(),
            expected: expected.len(),
            held: held.len(),
            missing: expected.len() - common,
            extra: held.len() - common,
        }
    }
}
