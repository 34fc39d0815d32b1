//! `POST /segment/mapping/`: users into audiences, or out of them. Rows are positional against `id_schema`.
//! A call is checked as a whole before anything of it is applied, and read once, borrowed from its body.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::json;

use crate::access::Need;
use crate::answer::{Done, Outcome, Refusal};
use crate::member::{Digest, Family, IdKind, NotADigest};
use crate::rules::Rules;
use crate::world::{PARTNER_AUDIENCE, World};

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

/// One place of a row: an id and its audiences, or `{}`.
#[derive(Debug, Default)]
struct Slot<'a> {
    id: Option<&'a str>,
    audience_ids: Option<Vec<&'a str>>,
}

/// By hand, because a derived struct can also be read from an array, and `[]` would pass for `{}`.
impl<'de: 'a, 'a> Deserialize<'de> for Slot<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(SlotVisitor)
    }
}

struct SlotVisitor;

impl<'de> Visitor<'de> for SlotVisitor {
    type Value = Slot<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with id and audience_ids, or {}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut slot = Slot::default();
        while let Some(field) = map.next_key::<&str>()? {
            match field {
                "id" if slot.id.is_none() => slot.id = Some(map.next_value()?),
                "audience_ids" if slot.audience_ids.is_none() => slot.audience_ids = Some(map.next_value()?),
                _ => return Err(A::Error::custom(format_args!("unknown or repeated field {field:?}"))),
            }
        }
        Ok(slot)
    }
}

/// One id in one audience, which is a place in [`Check::audiences`].
type Change = (usize, IdKind, Digest);

/// What is looked up once for a call.
struct Check<'a, 'w> {
    mapping: &'w Mapping<'a>,
    rules: &'w Rules,
    world: &'w World,
    /// The audiences that may be changed, with the hash family that each is bound to. A call names few.
    audiences: Vec<(&'a str, Option<Family>)>,
}

/// What a call comes to: the changes of its good rows, by audience, and why its first bad row is bad.
struct Checked<'a> {
    audiences: Vec<&'a str>,
    changes: Vec<Change>,
    bad: Option<Refusal>,
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
    pub(crate) fn carry_out(&self, rules: &Rules, world: &mut World, token: Option<&str>, partly: bool) -> Outcome {
        self.permitted(rules, world, token)?;
        self.well_formed(rules)?;
        let Checked { audiences, changes, bad } = self.check(rules, world, partly)?;
        match bad {
            Some(refusal) if changes.is_empty() => return Err(refusal),
            _ => apply(world, self.action, &audiences, changes),
        }
        Ok(if bad.is_some() { Done::Partly } else { Done::Whole(json!({})) })
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

    /// Checks every row. A bad one is an error unless `partly`.
    fn check(&self, rules: &Rules, world: &World, partly: bool) -> Result<Checked<'a>, Refusal> {
        let mut check = Check { mapping: self, rules, world, audiences: Vec::new() };
        let mut changes = Vec::with_capacity(self.batch_data.len() * self.id_schema.len());
        let mut bad = None;
        for (index, row) in self.batch_data.iter().enumerate() {
            let good = changes.len();
            if let Err(mut refusal) = check.row(row, &mut changes) {
                refusal.message = format!("batch_data[{index}]: {}", refusal.message);
                if !partly {
                    return Err(refusal);
                }
                changes.truncate(good);
                bad.get_or_insert(refusal);
            }
        }
        let audiences = check.audiences.into_iter().map(|(audience_id, _)| audience_id).collect();
        Ok(Checked { audiences, changes, bad })
    }
}

impl<'a> Check<'a, '_> {
    fn row(&mut self, row: &[Slot<'a>], changes: &mut Vec<Change>) -> Result<(), Refusal> {
        let schema = &self.mapping.id_schema;
        if row.len() != schema.len() {
            return Err(Refusal::parameter(format!(
                "the row has {} places, id_schema has {}.",
                row.len(),
                schema.len()
            )));
        }
        let before = changes.len();
        for (slot, kind) in row.iter().zip(schema) {
            match (slot.id, slot.audience_ids.as_deref()) {
                (None, None) => {}
                (Some(id), Some(audience_ids)) if !audience_ids.is_empty() => {
                    self.slot(*kind, id, audience_ids, changes)?;
                }
                _ => return Err(Refusal::parameter("a place has an id without audiences, or the reverse.")),
            }
        }
        if changes.len() == before {
            return Err(Refusal::parameter("the row has no id."));
        }
        Ok(())
    }

    fn slot(
        &mut self,
        kind: IdKind,
        id: &str,
        audience_ids: &[&'a str],
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let digest = kind.digest(id).map_err(|problem| match problem {
            NotADigest::Shape => Refusal::new(40062, format!("the id is not a {kind:?} hash.")),
            NotADigest::Nobody => Refusal::parameter("the id is the hash of nobody."),
        })?;
        if let Some(refusal) = self.world.poison.get(id) {
            return Err(refusal.clone());
        }
        for (index, audience_id) in audience_ids.iter().enumerate() {
            if audience_ids.iter().take(index).any(|before| before == audience_id) {
                return Err(Refusal::parameter("audience_ids has an audience twice."));
            }
            changes.push((self.audience(audience_id, kind.family())?, kind, digest));
        }
        Ok(())
    }

    /// The place of the audience, if it may take ids of this family.
    fn audience(&mut self, audience_id: &'a str, family: Family) -> Result<usize, Refusal> {
        let known = self.audiences.iter().position(|(known, _)| *known == audience_id);
        let place = match known {
            Some(place) => place,
            None => self.look_up(audience_id)?,
        };
        let (_, bound) = &mut self.audiences[place];
        if self.rules.one_hash_family && bound.is_some_and(|bound| bound != family) {
            return Err(Refusal::parameter(format!("audience {audience_id} holds hashes of another family.")));
        }
        bound.get_or_insert(family);
        Ok(place)
    }

    fn look_up(&mut self, audience_id: &'a str) -> Result<usize, Refusal> {
        let audience = self
            .world
            .audiences
            .get(audience_id)
            .filter(|audience| audience.deleted_ms.is_none())
            .filter(|audience| self.mapping.advertiser_ids.contains(&audience.advertiser_id))
            .ok_or_else(|| Refusal::missing("audience", audience_id))?;
        if audience.kind != PARTNER_AUDIENCE {
            return Err(Refusal::parameter(format!(
                "audience {audience_id} is a {}, not a {PARTNER_AUDIENCE}.",
                audience.kind
            )));
        }
        self.audiences.push((audience_id, audience.family));
        Ok(self.audiences.len() - 1)
    }
}

fn apply(world: &mut World, action: Action, audiences: &[&str], mut changes: Vec<Change>) {
    // All of a call go the same way, so that their order is of no account.
    changes.sort_unstable_by_key(|(place, kind, _)| (*place, *kind));
    for same in changes.chunk_by(|one, next| (one.0, one.1) == (next.0, next.1)) {
        let (place, kind, _) = same[0];
        let Some(audience) = world.audiences.get_mut(audiences[place]) else {
            continue;
        };
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
