//! What TikTok must hold, and what must be counted on the way: a plain sequential model of the product. Of each audience and id the
//! newest change wins, whoever it came with: two people with one device are one id. It is given the same changes in the order in which
//! they were sent, and shares no code with the product.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use sandbox::control::Control;

use crate::identity::{Expected, IdKind};
use crate::message::{Action, Audience, Profile};

type Members = BTreeMap<IdKind, BTreeSet<String>>;

/// The state of every audience after all changes so far.
#[derive(Clone, Debug, Default)]
pub struct Model {
    audiences: BTreeMap<String, Members>,
    /// What was counted so far.
    pub counts: Counts,
}

/// What must be counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Users in all messages.
    pub users: u64,
    /// Changes of a user in an audience that are queued.
    pub changes: u64,
    /// By `ingest`, by reason: of identities, changes and users together.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Ids by `uploader`, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Changes of an id in audiences that TikTok does not have: dead letters.
    pub unmapped: u64,
}

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

impl Model {
    /// Says that an audience exists, though nobody may ever join it.
    pub fn knows(&mut self, audience: &Audience) {
        if let Some(id) = &audience.tiktok_id {
            self.audiences.entry(id.clone()).or_default();
        }
    }

    /// Applies the users of one message, which is newer than all before it.
    pub fn apply(&mut self, profiles: &[Profile<'_>]) {
        self.counts.users += profiles.len() as u64;
        for profile in profiles {
            self.apply_one(profile);
        }
    }

    fn apply_one(&mut self, profile: &Profile<'_>) {
        let changes = self.effective(profile);
        if changes.is_empty() {
            self.leave_out_what_is_read(profile);
            return self.leave_out("no_change");
        }
        let (mut queued, mut uploaded) = (false, Vec::new());
        for device in &profile.person.devices {
            match &device.expected {
                Expected::LeftOut(reason) => self.leave_out(reason),
                Expected::Dropped(reason) => {
                    *self.counts.dropped.entry(reason).or_default() += 1;
                    queued = true;
                }
                Expected::Uploaded(kind, hash) => {
                    uploaded.push((*kind, hash));
                    queued = true;
                }
            }
        }
        if !queued {
            return self.leave_out("no_id");
        }
        self.counts.changes += changes.len() as u64;
        for (audience, action) in changes {
            let Some(id) = &audience.tiktok_id else {
                self.counts.unmapped += uploaded.len() as u64;
                continue;
            };
            let members = self.audiences.entry(id.clone()).or_default();
            for (kind, hash) in &uploaded {
                let of_kind = members.entry(*kind).or_default();
                if action == Action::Add {
                    of_kind.insert((*hash).clone());
                } else {
                    of_kind.remove(*hash);
                }
            }
        }
    }

    /// Identities are counted as they are read, before it is known whether the user changes. Values are looked at only then.
    fn leave_out_what_is_read(&mut self, profile: &Profile<'_>) {
        for device in &profile.person.devices {
            match device.expected {
                Expected::LeftOut("malformed") | Expected::Dropped(_) | Expected::Uploaded(..) => {}
                Expected::LeftOut(reason) => self.leave_out(reason),
            }
        }
    }

    /// The changes of a user that count: of several in one audience the last.
    fn effective<'a>(&mut self, profile: &Profile<'a>) -> Vec<(&'a Audience, Action)> {
        let mut changes: Vec<(&Audience, Action)> = Vec::new();
        for &(audience, action) in &profile.changes {
            if action == Action::AttributeUpdate {
                self.leave_out("attribute_update");
            } else if let Some(earlier) = changes.iter_mut().find(|(other, _)| *other == audience) {
                self.leave_out("superseded");
                earlier.1 = action;
            } else {
                changes.push((audience, action));
            }
        }
        changes
    }

    fn leave_out(&mut self, reason: &'static str) {
        *self.counts.left_out.entry(reason).or_default() += 1;
    }

    /// What was said last of each audience, of models in the order in which they were said.
    #[must_use]
    pub fn newest_of(models: Vec<Self>) -> Self {
        Self { audiences: models.into_iter().flat_map(|model| model.audiences).collect(), counts: Counts::default() }
    }

    /// Compares every audience with what TikTok holds.
    ///
    /// # Errors
    /// When the sandbox cannot be asked.
    pub async fn compare(&self, tiktok: &Control) -> Result<Vec<Comparison>> {
        let mut comparisons = Vec::new();
        for (audience_id, expected) in &self.audiences {
            let held = tiktok.members(audience_id).await?;
            comparisons.push(compare(audience_id, expected, &held));
        }
        Ok(comparisons)
    }

    /// The audiences that are not as they should be.
    ///
    /// # Errors
    /// When the sandbox cannot be asked.
    pub async fn differing(&self, tiktok: &Control) -> Result<Vec<Comparison>> {
        Ok(self.compare(tiktok).await?.into_iter().filter(|audience| !audience.agrees()).collect())
    }

    /// Sees that TikTok holds exactly what it should.
    ///
    /// # Errors
    /// Says which audiences differ and by how much.
    pub async fn holds_at(&self, tiktok: &Control) -> Result<()> {
        let differing = self.differing(tiktok).await?;
        ensure!(differing.is_empty(), "TikTok does not hold what it should: {differing:#?}");
        Ok(())
    }

    /// Compares one audience with what TikTok holds.
    ///
    /// # Errors
    /// When the sandbox cannot be asked.
    pub async fn compare_one(&self, tiktok: &Control, audience: &Audience) -> Result<Comparison> {
        let id = audience.tiktok_id.as_deref().context("an audience that was never connected")?;
        let expected = self.audiences.get(id).cloned().unwrap_or_default();
        Ok(compare(id, &expected, &tiktok.members(id).await?))
    }
}

fn size(members: &Members) -> usize {
    members.values().map(BTreeSet::len).sum()
}

fn compare(audience_id: &str, expected: &Members, held: &BTreeMap<IdKind, Vec<String>>) -> Comparison {
    let held: Members =
        held.iter().map(|(kind, hashes)| (*kind, hashes.iter().cloned().collect::<BTreeSet<_>>())).collect();
    let absent_from = |there: &Members, here: &Members| {
        let of_kind = |(kind, hashes): (&IdKind, &BTreeSet<String>)| {
            there.get(kind).map_or(hashes.len(), |there| hashes.difference(there).count())
        };
        here.iter().map(of_kind).sum()
    };
    Comparison {
        audience_id: audience_id.to_owned(),
        expected: size(expected),
        held: size(&held),
        missing: absent_from(&held, expected),
        extra: absent_from(expected, &held),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{KINDS, People};

    fn audience(tiktok_id: Option<&str>) -> Audience {
        Audience { audience_id: 1, name: "An audience".to_owned(), tiktok_id: tiktok_id.map(str::to_owned) }
    }

    fn members(model: &Model) -> usize {
        model.audiences.get("7").map_or(0, size)
    }

    #[test]
    fn one_person_of_each_kind_is_counted_as_the_table_of_answers_says() {
        let (people, audience) = (People::new("model").of_every_kind(KINDS), audience(Some("7")));
        let mut model = Model::default();
        let profiles: Vec<_> = people.iter().map(|person| Profile::of(person, &audience, Action::Add)).collect();
        model.apply(&profiles);
        let Counts { users, changes, left_out, dropped, unmapped } = &model.counts;
        assert_eq!((*users, *changes, *unmapped), (20, 19, 0));
        assert_eq!(
            left_out,
            &BTreeMap::from([("encoding", 1), ("identity_type", 5), ("malformed", 1), ("no_id", 1), ("no_value", 1)])
        );
        assert_eq!(dropped, &BTreeMap::from([("encoding", 2), ("malformed", 2), ("nil", 4)]));
        assert_eq!(members(&model), 20);
    }

    #[test]
    fn the_last_change_of_a_user_in_an_audience_counts() {
        let (people, audience, elsewhere) = (People::new("model").plain(1), audience(Some("7")), audience(None));
        let mut model = Model::default();
        let changes = vec![(&audience, Action::Delete), (&audience, Action::Add), (&elsewhere, Action::Add)];
        model.apply(&[Profile { person: &people[0], changes }]);
        assert_eq!((members(&model), model.counts.unmapped), (1, 1));
        model.apply(&[Profile::of(&people[0], &audience, Action::AttributeUpdate)]);
        assert_eq!(members(&model), 1);
        model.apply(&[Profile::of(&people[0], &audience, Action::Delete)]);
        assert_eq!(members(&model), 0);
        assert_eq!(model.counts.left_out.get("superseded"), Some(&1));
    }
}
