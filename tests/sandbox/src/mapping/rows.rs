//! The rows of a mapping call: how a place of a row is read, and what makes a row a bad one.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Mapping;
use crate::answer::Refusal;
use crate::member::{Digest, Family, IdKind, NotADigest};
use crate::rules::Rules;
use crate::world::{Kind, World};

/// One place of a row: an id and its audiences, or `{}`.
#[derive(Debug, Default)]
pub(super) struct Slot<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) audience_ids: Option<Vec<&'a str>>,
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
pub(super) type Change = (usize, IdKind, Digest);

/// What is looked up once for a call.
struct Check<'a, 'w> {
    mapping: &'w Mapping<'a>,
    rules: &'w Rules,
    world: &'w World,
    now_ms: u64,
    /// The audiences that may be changed, with the hash family that each is bound to. A call names few.
    audiences: Vec<(&'a str, Option<Family>)>,
}

/// The result of checking: the changes of the good rows, by audience, and why the first bad row is bad.
pub(super) struct Checked<'a> {
    pub(super) audiences: Vec<&'a str>,
    pub(super) changes: Vec<Change>,
    pub(super) bad: Option<Refusal>,
}

impl<'a> Mapping<'a> {
    /// Checks every row. A bad one is an error unless `partly`.
    pub(super) fn check(
        &self,
        rules: &Rules,
        world: &World,
        partly: bool,
        now_ms: u64,
    ) -> Result<Checked<'a>, Refusal> {
        let mut check = Check { mapping: self, rules, world, now_ms, audiences: Vec::new() };
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
            NotADigest::Placeholder => Refusal::parameter("the id is the hash of a placeholder."),
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
            .filter(|audience| self.mapping.advertiser_ids.iter().any(|id| audience.belongs_to(id)))
            .ok_or_else(|| Refusal::missing("audience", audience_id))?;
        match &audience.kind {
            Kind::Partner => {}
            Kind::Other(kind) => {
                let problem = format!("audience {audience_id} is a {kind}, which takes no mapping.");
                return Err(Refusal::parameter(problem));
            }
        }
        if audience.is_expired(self.now_ms) {
            return Err(Refusal::parameter(format!("audience {audience_id} has expired.")));
        }
        self.audiences.push((audience_id, audience.family));
        Ok(self.audiences.len() - 1)
    }
}
