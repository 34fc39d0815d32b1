//! `POST /segment/mapping/`: users into audiences, or out of them. Rows are positional against `id_schema`.
//! All of a call is checked before anything of it is applied. It is read once, borrowed from its body.

mod rows;

use std::collections::{BTreeSet, HashSet};

use serde::Deserialize;
use serde_json::json;

use crate::access::Need;
use crate::answer::{Done, Outcome, Refusal};
use crate::member::IdKind;
use crate::rules::Rules;
use crate::world::{LIFE_MS, World};
use rows::{Change, Checked, Slot};

/// The body of the call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mapping<'a> {
    pub(crate) advertiser_ids: Vec<String>,
    pub(crate) action: Action,
    id_schema: Vec<IdKind>,
    #[serde(borrow)]
    batch_data: Vec<Vec<Slot<'a>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Add,
    Delete,
}

impl<'a> Mapping<'a> {
    pub(crate) const fn rows(&self) -> usize {
        self.batch_data.len()
    }

    pub(crate) fn ids(&self) -> usize {
        self.slots().filter(|slot| slot.id.is_some()).count()
    }

    /// The audiences named, sorted.
    pub(crate) fn audience_ids(&self) -> Vec<String> {
        let mut named = BTreeSet::new();
        let mut last = "";
        for audience_id in self.slots().flat_map(|slot| slot.audience_ids.iter().flatten().copied()) {
            // Most rows name the audience of the row before.
            if audience_id != last {
                named.insert(audience_id);
                last = audience_id;
            }
        }
        named.into_iter().map(str::to_owned).collect()
    }

    /// Applies the call, or its good rows when `partly`.
    pub(crate) fn carry_out(
        &self,
        rules: &Rules,
        world: &mut World,
        token: Option<&str>,
        partly: bool,
        now_ms: u64,
    ) -> Outcome {
        self.permitted(rules, world, token)?;
        self.well_formed(rules)?;
        let Checked { audiences, changes, bad } = self.check(rules, world, partly || rules.partly, now_ms)?;
        match bad {
            Some(refusal) if changes.is_empty() => return Err(refusal),
            _ => apply(world, self.action, &audiences, changes, now_ms),
        }
        Ok(if bad.is_some() { Done::Partly } else { Done::Completely(json!({})) })
    }

    fn slots(&self) -> impl Iterator<Item = &Slot<'a>> {
        self.batch_data.iter().flatten()
    }

    fn permitted(&self, rules: &Rules, world: &World, token: Option<&str>) -> Result<(), Refusal> {
        let grant = world.bearer(token)?;
        if self.advertiser_ids.is_empty() {
            return Err(Refusal::parameter("advertiser_ids is empty."));
        }
        let mut centers = HashSet::new();
        for (index, id) in self.advertiser_ids.iter().enumerate() {
            if self.advertiser_ids.iter().take(index).any(|before| before == id) {
                return Err(Refusal::parameter(format!("advertiser_ids has {id} twice.")));
            }
            let advertiser = world.permit(rules, grant, id, Need::ManageAudiences)?;
            centers.insert(advertiser.business_center.as_str());
        }
        if centers.len() > 1 {
            return Err(Refusal::parameter("The advertisers do not belong to one Business Center."));
        }
        Ok(())
    }

    fn well_formed(&self, rules: &Rules) -> Result<(), Refusal> {
        if self.id_schema.is_empty() {
            return Err(Refusal::parameter("id_schema is empty."));
        }
        let kinds: HashSet<IdKind> = self.id_schema.iter().copied().collect();
        if kinds.len() < self.id_schema.len() {
            return Err(Refusal::parameter("id_schema has an id type twice."));
        }
        if self.batch_data.is_empty() {
            return Err(Refusal::parameter("batch_data is empty."));
        }
        if self.batch_data.len() > rules.max_rows {
            return Err(Refusal::new(40011, format!("batch_data has more than {} rows.", rules.max_rows)));
        }
        Ok(())
    }
}

fn apply(world: &mut World, action: Action, audiences: &[&str], mut changes: Vec<Change>, now_ms: u64) {
    // All of a call go the same way, so that their order is of no account.
    changes.sort_unstable_by_key(|(place, kind, _)| (*place, *kind));
    for same in changes.chunk_by(|one, next| (one.0, one.1) == (next.0, next.1)) {
        let (place, kind, _) = same[0];
        let Some(audience) = world.audiences.get_mut(audiences[place]) else {
            continue;
        };
        audience.expires_ms = now_ms + LIFE_MS;
        let digests = same.iter().map(|(_, _, digest)| *digest);
        let members = audience.members.entry(kind).or_default();
        match action {
            Action::Add => {
                audience.family.get_or_insert(kind.family());
                members.extend(digests);
            }
            Action::Delete => digests.for_each(|digest| {
                members.remove(&digest);
            }),
        }
    }
}
