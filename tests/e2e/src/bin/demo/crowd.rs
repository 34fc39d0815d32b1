//! Who joins and leaves which audience: people of every kind, many at once, some of them twice, some back and forth.

use e2e::{Account, Action, Audience, Model, People, Person, Profile, message};
use serde_json::Value;

/// Users in one message.
const USERS: usize = 200;

/// People who belong to one account.
pub(crate) struct Crowd {
    pub(crate) account: Account,
    /// The first is everybody's, the others every third one's.
    pub(crate) audiences: Vec<Audience>,
    pub(crate) people: Vec<Person>,
}

impl Crowd {
    pub(crate) fn new(account: Account, audiences: Vec<Audience>, people: &mut People, count: usize) -> Self {
        Self { account, audiences, people: people.of_every_kind(count) }
    }

    pub(crate) fn size(&self) -> usize {
        self.people.len()
    }

    /// Everybody joins. Every tenth is told of twice, some leave again in the same message, some back and forth in one profile, and
    /// some only get an attribute.
    pub(crate) fn joins(&self, model: &mut Model) -> Vec<Value> {
        let messages = self.people.chunks(USERS).map(|people| {
            let mut profiles: Vec<_> =
                people.iter().enumerate().map(|(place, person)| self.joining(place, person)).collect();
            for (place, person) in people.iter().enumerate() {
                if place % 10 == 0 {
                    profiles.push(self.joining(place, person));
                }
                if place % 12 == 5 {
                    profiles.push(self.of_everybody(person, Action::Delete));
                }
                if place % 14 == 3 {
                    profiles.push(self.undecided(person));
                }
                if place % 25 == 7 {
                    profiles.push(self.of_everybody(person, Action::AttributeUpdate));
                }
            }
            self.message(model, &profiles)
        });
        messages.collect()
    }

    /// Every fourth leaves, and every fifth of those comes back in the same message.
    pub(crate) fn leaves(&self, model: &mut Model) -> Vec<Value> {
        let leaving: Vec<_> = self.people.iter().enumerate().filter(|(place, _)| place % 4 == 1).collect();
        let messages = leaving.chunks(USERS).map(|people| {
            let mut profiles: Vec<_> =
                people.iter().map(|(_, person)| self.of_everybody(person, Action::Delete)).collect();
            let back = people.iter().enumerate().filter(|(index, _)| index % 5 == 0);
            profiles.extend(back.map(|(_, (_, person))| self.of_everybody(person, Action::Add)));
            self.message(model, &profiles)
        });
        messages.collect()
    }

    /// A few join an audience that was never connected.
    pub(crate) fn strays(&self, model: &mut Model, audience: &Audience) -> Value {
        let strays = self.people.iter().take(USERS / 2);
        let profiles: Vec<_> = strays.map(|person| Profile::of(person, audience, Action::Add)).collect();
        self.message(model, &profiles)
    }

    fn joining<'a>(&'a self, place: usize, person: &'a Person) -> Profile<'a> {
        let audiences = self.audiences.iter().enumerate();
        let his = audiences.filter(|(index, _)| *index == 0 || place.is_multiple_of(3));
        Profile { person, changes: his.map(|(_, audience)| (audience, Action::Add)).collect() }
    }

    fn of_everybody<'a>(&'a self, person: &'a Person, action: Action) -> Profile<'a> {
        Profile { person, changes: self.audiences.iter().take(1).map(|audience| (audience, action)).collect() }
    }

    fn undecided<'a>(&'a self, person: &'a Person) -> Profile<'a> {
        let back_and_forth = [Action::Delete, Action::Add, Action::Delete];
        let audience = self.audiences.iter().take(1);
        Profile {
            person,
            changes: audience.flat_map(|audience| back_and_forth.map(|action| (audience, action))).collect(),
        }
    }

    fn message(&self, model: &mut Model, profiles: &[Profile<'_>]) -> Value {
        model.apply(profiles);
        message::membership(&self.account, profiles)
    }
}
