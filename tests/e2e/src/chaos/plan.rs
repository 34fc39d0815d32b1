//! The plan of a chaotic world: who there is, what each says in which step, and what fails when. It is made of a seed alone, so that the
//! same seed gives the same plan; nothing here does anything.

mod faults;
mod population;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::message::Action;
use crate::mparticle::Transport;
use crate::people::Person;

pub use faults::{CATALOG, Injection, Kind, PlannedFault};

/// A world and what happens in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What it is made of.
    pub seed: u64,
    /// How large it is.
    pub size: Size,
    /// How many steps it has, of a second each.
    pub steps: u32,
    /// How many advertisers there are.
    pub advertisers: usize,
    /// mParticle's configurations.
    pub connections: Vec<Connection>,
    /// What fails, from when to when.
    pub faults: Vec<PlannedFault>,
    /// What happens at once, in the order of the steps.
    pub events: Vec<(u32, Event)>,
}

/// A configuration in mParticle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The advertiser that it feeds.
    pub advertiser: usize,
    /// Whose token it has.
    pub owner: Owner,
    /// Whether its token ends and nobody authorizes again.
    pub is_never_healed: bool,
    /// Its audiences.
    pub audiences: Vec<Lifetime>,
    /// Its users, every kind of them; some share a device.
    pub people: Vec<Person>,
    /// Of these, by number: TikTok refuses their first id for good, with this code.
    pub refused: Vec<(usize, u32)>,
    /// What its sender does, in this order; nothing before its step.
    pub acts: Vec<(u32, Act)>,
}

/// Whose token a connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The admin of the advertiser.
    Admin,
    /// Another person who works there.
    Colleague,
    /// Somebody with one token for several advertisers.
    Agency,
}

/// From when to when an audience is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// When it is connected; never, if the customer forgot to.
    pub connected: Option<u32>,
    /// When it is disconnected.
    pub disconnected: Option<u32>,
    /// When somebody deletes it in TikTok's own pages; mParticle goes on feeding it.
    pub deleted: Option<u32>,
    /// Whether addresses are sent for it.
    pub by_email: bool,
}

/// What a connection's sender does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Connects this audience.
    Connect(usize),
    /// Disconnects it.
    Disconnect(usize),
    /// Sends a membership change.
    Change(Transport, Vec<User>),
    /// This person asks to be forgotten.
    Erase(Transport, usize),
    /// Asks whether the connection lives.
    Verify,
}

/// A user in a message: the person, and the audiences that change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// By number.
    pub person: usize,
    /// By number; of one audience there may be several.
    pub changes: Vec<(usize, Action)>,
}

/// What happens at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The running invocations of a function die.
    Kill(&'static str),
    /// Those of the uploader stand still, until Lambda ends them at their time-out.
    TimeOut,
    /// The idle processes of a function die too: the next invocation is a cold one.
    ColdStart(&'static str),
    /// A function is deployed anew.
    Redeploy(&'static str),
    /// Somebody deletes this audience of that connection at TikTok.
    DeleteAudience(usize, usize),
    /// The token of a connection is revoked.
    Revoke(usize),
    /// The person authorizes again, and pastes nothing.
    Authorize(usize),
    /// The person gets a new token and pastes it.
    Paste(usize),
}

/// How large a world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// For about a minute: few connections, none of which stays revoked, and some of the kinds of faults.
    Short,
    /// Every kind of fault.
    Full,
}

impl Size {
    /// Of a world of so many steps.
    #[must_use]
    pub const fn of(steps: u32) -> Self {
        if steps < 120 { Self::Short } else { Self::Full }
    }
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn new(seed: u64, steps: u32) -> Self {
        let size = Size::of(steps);
        let mut rng = StdRng::seed_from_u64(seed);
        let mut plan =
            Self { seed, size, steps, advertisers: 0, connections: Vec::new(), faults: Vec::new(), events: Vec::new() };
        population::populate(&mut plan, &mut rng, size);
        faults::schedule(&mut plan, &mut rng, size);
        plan.events.sort_by_key(|(step, _)| *step);
        plan
    }

    /// How many messages with users in them there are.
    #[must_use]
    pub fn messages(&self) -> usize {
        let acts = self.connections.iter().flat_map(|connection| &connection.acts);
        acts.filter(|(_, act)| matches!(act, Act::Change(..))).count()
    }
}

/// A step between these shares of all steps.
fn step_between(rng: &mut StdRng, steps: u32, from: f64, until: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small number")]
    let at = |share: f64| (f64::from(steps) * share) as u32;
    rng.random_range(at(from)..at(until).max(at(from) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_plan_and_another_one_another() {
        for steps in [30, 150] {
            let plan = Plan::new(7, steps);
            assert_eq!(plan, Plan::new(7, steps));
            assert_ne!(plan, Plan::new(8, steps));
        }
    }

    #[test]
    fn a_full_world_has_a_fault_of_every_kind_and_everything_in_its_time() {
        for seed in 0..5 {
            let plan = Plan::new(seed, 150);
            for kind in CATALOG {
                assert!(plan.faults.iter().any(|fault| fault.kind == kind.name), "{} of {seed}", kind.name);
            }
            assert!(plan.faults.iter().all(|fault| fault.from < fault.until && fault.until <= plan.steps));
            assert!(plan.events.is_sorted_by_key(|(step, _)| *step));
            for connection in &plan.connections {
                assert!(connection.acts.is_sorted_by_key(|(step, _)| *step));
                let erased = connection.acts.iter().any(|(_, act)| matches!(act, Act::Erase(..)));
                assert!(!(connection.is_never_healed && erased), "an erasure waits for eight days");
            }
            let has = |wanted: fn(&Lifetime) -> bool| {
                plan.connections.iter().flat_map(|connection| &connection.audiences).any(wanted)
            };
            assert!(has(|audience| audience.connected.is_none()) && has(|audience| audience.deleted.is_some()));
            assert!(has(|audience| audience.disconnected.is_some()) && has(|audience| audience.by_email));
            assert!(has(|audience| audience.connected > Some(1)));
            assert_eq!(plan.connections.iter().filter(|connection| connection.is_never_healed).count(), 1);
        }
    }

    #[test]
    fn nothing_is_said_of_an_audience_before_it_is_connected_or_after_it_was_disconnected() {
        let plan = Plan::new(3, 150);
        for connection in &plan.connections {
            let mut open = vec![false; connection.audiences.len()];
            for (_, act) in &connection.acts {
                match act {
                    Act::Connect(audience) => open[*audience] = true,
                    Act::Disconnect(audience) => open[*audience] = false,
                    Act::Change(_, users) => {
                        let said = users.iter().flat_map(|user| &user.changes);
                        for (audience, _) in said {
                            assert!(open[*audience] || connection.audiences[*audience].connected.is_none());
                        }
                    }
                    Act::Erase(..) | Act::Verify => {}
                }
            }
        }
    }
}
