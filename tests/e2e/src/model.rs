//! What TikTok must hold, and what must be counted on the way: a plain sequential model of the product. Of each audience and id the
//! newest change wins, whoever it came with: two people with one device are one id. It is given the same changes in the order in which
//! they were sent, and shares no code with the product.

mod comparison;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use sandbox::control::Control;

use crate::identity::{Expected, IdKind, sha256_hex};
use crate::message::{Action, Audience, Profile};

use comparison::held;
pub use comparison::{Comparison, Difference};

/// The ids of an audience, each with what was said of it last. Who left is kept: an id may still be there when it should not.
type Ids = BTreeMap<Id, LastChange>;
/// An id as TikTok keeps it.
pub type Id = (IdKind, String);

/// What was said last of an id in an audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastChange {
    /// Whether it joined.
    pub joined: bool,
    /// Whether the person asked to be forgotten.
    pub erased: bool,
    /// The `timestamp_ms` of the message; 0 where nobody asks for it.
    pub at_ms: i64,
}

/// The state of every audience after all changes so far.
#[derive(Clone, Debug, Default)]
pub struct Model {
    audiences: BTreeMap<String, Ids>,
    /// What was said of audiences that TikTok does not have, by mParticle's number of the configuration and of the audience.
    pub unmapped: BTreeMap<(i64, i64), BTreeMap<Id, LastChange>>,
    /// What was counted so far.
    pub counts: Counts,
}

/// What must be counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Users in all messages.
    pub users: u64,
    /// Changes of a user in an audience that are queued, and ids of people to be forgotten.
    pub changes: u64,
    /// By `ingest`, by reason: of identities, changes and users together.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Ids by `uploader`, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Changes of an id in audiences that TikTok does not have: dead letters.
    pub unmapped: u64,
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
        self.apply_message(0, 0, profiles);
    }

    /// The same, of a message that a configuration made at `at_ms`.
    pub fn apply_message(&mut self, account_id: i64, at_ms: i64, profiles: &[Profile<'_>]) {
        self.counts.users += profiles.len() as u64;
        for profile in profiles {
            self.apply_one(account_id, at_ms, profile);
        }
    }

    /// A person with these ids asked at `at_ms` to be forgotten: they leave all of these audiences.
    pub fn erase(&mut self, at_ms: i64, audiences: &[String], ids: &[Id]) {
        self.counts.changes += ids.len() as u64;
        let last = LastChange { joined: false, erased: true, at_ms };
        for audience in audiences {
            let of_audience = self.audiences.entry(audience.clone()).or_default();
            of_audience.extend(ids.iter().map(|id| (id.clone(), last)));
        }
    }

    fn apply_one(&mut self, account_id: i64, at_ms: i64, profile: &Profile<'_>) {
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
                    uploaded.push((*kind, hash.clone()));
                    queued = true;
                }
            }
        }
        queued |= changes.iter().any(|(audience, _)| audience.by_email);
        if !queued {
            return self.leave_out("no_id");
        }
        self.counts.changes += changes.len() as u64;
        for (audience, action) in changes {
            let address = audience.by_email.then(|| (IdKind::EmailSha256, sha256_hex(&profile.person.address())));
            let ids = uploaded.iter().cloned().chain(address);
            let last = LastChange { joined: action == Action::Add, erased: false, at_ms };
            let said = ids.map(|id| (id, last));
            if let Some(id) = &audience.tiktok_id {
                self.audiences.entry(id.clone()).or_default().extend(said);
            } else {
                self.counts.unmapped += uploaded.len() as u64;
                self.unmapped.entry((account_id, audience.audience_id)).or_default().extend(said);
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
        Self { audiences: models.into_iter().flat_map(|model| model.audiences).collect(), ..Self::default() }
    }

    /// Compares every audience with what TikTok holds.
    ///
    /// # Errors
    /// When the sandbox cannot be asked.
    pub async fn compare(&self, tiktok: &Control) -> Result<Vec<Comparison>> {
        let mut comparisons = Vec::new();
        for (audience_id, ids) in &self.audiences {
            comparisons.push(Comparison::of(audience_id, ids, &held(tiktok, audience_id).await?));
        }
        Ok(comparisons)
    }

    /// Each id that is in an audience and should not be, or should be and is not.
    ///
    /// # Errors
    /// When the sandbox cannot be asked.
    pub async fn differences(&self, tiktok: &Control) -> Result<Vec<Difference>> {
        let mut differences = Vec::new();
        for (audience_id, ids) in &self.audiences {
            let held = held(tiktok, audience_id).await?;
            let all: BTreeSet<_> = held.iter().chain(ids.keys()).collect();
            differences.extend(all.into_iter().filter_map(|id| {
                let (last, is_held) = (ids.get(id).copied(), held.contains(id));
                let differs = is_held != last.is_some_and(|last| last.joined);
                differs.then(|| Difference { audience_id: audience_id.clone(), id: id.clone(), last, is_held })
            }));
        }
        Ok(differences)
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
        let none = Ids::new();
        Ok(Comparison::of(id, self.audiences.get(id).unwrap_or(&none), &held(tiktok, id).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{KINDS, People};

    fn audience(tiktok_id: Option<&str>) -> Audience {
        Audience {
            audience_id: 1,
            name: "An audience".to_owned(),
            by_email: false,
            tiktok_id: tiktok_id.map(str::to_owned),
        }
    }

    fn members(model: &Model) -> usize {
        model.audiences.get("7").map_or(0, |ids| ids.values().filter(|last| last.joined).count())
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

    #[test]
    fn addresses_are_said_for_the_audiences_that_want_them_and_who_is_forgotten_is_in_none() {
        let people = People::new("model").plain(2);
        let by_email = Audience { by_email: true, ..audience(Some("7")) };
        let mut model = Model::default();
        let joining = Profile::all(&people, &by_email, Action::Add);
        model.apply_message(1, 10, &joining);
        assert_eq!(members(&model), 4);
        let address = (IdKind::EmailSha256, sha256_hex(&people[0].address()));
        model.erase(20, &["7".to_owned()], std::slice::from_ref(&address));
        assert_eq!(members(&model), 3);
        let last = model.audiences["7"][&address];
        assert_eq!(last, LastChange { joined: false, erased: true, at_ms: 20 });
        model.apply_message(1, 30, &joining);
        assert_eq!((members(&model), model.audiences["7"][&address].at_ms), (4, 30));
    }

    #[test]
    fn what_is_said_of_an_audience_that_was_never_connected_is_known_by_its_configuration() {
        let (people, elsewhere) = (People::new("model").plain(3), audience(None));
        let mut model = Model::default();
        model.apply_message(9, 10, &Profile::all(&people, &elsewhere, Action::Add));
        assert_eq!((model.unmapped[&(9, 1)].len(), model.counts.unmapped), (3, 3));
    }
}
