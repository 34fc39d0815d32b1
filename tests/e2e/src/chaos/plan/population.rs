//! Who there is, and what each says.

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::{Act, Connection, Event, Lifetime, Owner, Plan, Size, User, step_between};
use crate::identity::Expected;
use crate::message::Action;
use crate::mparticle::Transport;
use crate::people::People;

/// Codes by which TikTok refuses an id for good. None is used for what is wrong with the form of a call.
const REFUSALS: [u32; 3] = [40109, 40112, 40199];
/// How many users of each connection are refused, and how many there are.
const REFUSED: usize = 3;
const PEOPLE: usize = 400;
/// How many change their minds at a time.
const UNDECIDED: usize = 30;
/// The advertiser and the owner of each connection of a full world: some have two configurations, and one agency feeds two advertisers.
const FULL: [(usize, Owner); 9] = [
    (0, Owner::Admin),
    (1, Owner::Admin),
    (1, Owner::Colleague),
    (2, Owner::Admin),
    (3, Owner::Admin),
    (3, Owner::Admin),
    (4, Owner::Agency),
    (5, Owner::Agency),
    (6, Owner::Admin),
];
/// Of a short one.
const SHORT: [(usize, Owner); 5] =
    [(0, Owner::Admin), (0, Owner::Colleague), (1, Owner::Admin), (2, Owner::Agency), (3, Owner::Agency)];

/// Makes the connections of a plan, with all that they do and that happens to their tokens and audiences.
pub(super) fn populate(plan: &mut Plan, rng: &mut StdRng, size: Size) {
    let roles = if size == Size::Full { &FULL[..] } else { &SHORT[..] };
    plan.advertisers = roles.iter().map(|(advertiser, _)| advertiser + 1).max().unwrap_or_default();
    // The last one's token is its own, in a full world.
    let never_healed = (size == Size::Full).then_some(roles.len() - 1);
    for (number, (advertiser, owner)) in roles.iter().enumerate() {
        let mut connection = connection(plan, rng, number, *advertiser, *owner);
        connection.is_never_healed = never_healed == Some(number);
        connection.acts = acts(rng, &connection, plan.steps);
        for (audience, lifetime) in connection.audiences.iter().enumerate() {
            plan.events.extend(lifetime.deleted.map(|step| (step, Event::DeleteAudience(number, audience))));
        }
        plan.connections.push(connection);
    }
    tokens(plan, rng, never_healed);
}

/// Tokens end and are replaced: an agency's by the page, others by the page or by pasting.
fn tokens(plan: &mut Plan, rng: &mut StdRng, never_healed: Option<usize>) {
    let mut events: Vec<_> = never_healed
        .map(|never_healed| (step_between(rng, plan.steps, 0.2, 0.4), Event::Revoke(never_healed)))
        .into_iter()
        .collect();
    let of = |owner: Owner| plan.connections.iter().position(|connection| connection.owner == owner);
    let heals = [
        of(Owner::Agency).map(|number| (number, Event::Authorize(number))),
        of(Owner::Colleague).map(|number| (number, Event::Paste(number))),
        Some((0, Event::Authorize(0))),
        Some((0, Event::Paste(0))),
    ];
    let mut from = 0.15;
    for (number, heal) in heals.into_iter().flatten() {
        let revoked = step_between(rng, plan.steps, from, from + 0.1);
        let healed = revoked + rng.random_range(3..12).min(plan.steps / 8);
        events.extend([(revoked, Event::Revoke(number)), (healed, heal)]);
        from += 0.17;
    }
    plan.events.extend(events);
}

fn connection(plan: &Plan, rng: &mut StdRng, number: usize, advertiser: usize, owner: Owner) -> Connection {
    let mut people = People::new(format!("chaos {} {number}", plan.seed)).of_every_kind(PEOPLE);
    // Two people, one device: what is said last of it counts, whoever says it.
    for pair in 0..people.len() / 20 {
        let shared = people[pair * 20].devices.clone();
        people[pair * 20 + 7].devices.extend(shared);
    }
    let mut refused = Vec::new();
    while refused.len() < REFUSED {
        let person = rng.random_range(0..people.len());
        let is_uploaded = matches!(people[person].devices.first().map(|id| &id.expected), Some(Expected::Uploaded(..)));
        if is_uploaded {
            refused.push((person, *REFUSALS.choose(rng).unwrap_or(&REFUSALS[0])));
        }
    }
    let audiences = audiences(rng, plan.steps, number);
    Connection { advertiser, owner, is_never_healed: false, audiences, people, refused, acts: Vec::new() }
}

/// Each connection has one audience for all the time; of the others each is late, never connected, deleted or disconnected.
fn audiences(rng: &mut StdRng, steps: u32, number: usize) -> Vec<Lifetime> {
    let always = Lifetime { connected: Some(0), disconnected: None, deleted: None, by_email: number.is_multiple_of(2) };
    let late =
        Lifetime { connected: Some(step_between(rng, steps, 0.1, 0.6)), by_email: rng.random_bool(0.3), ..always };
    let other = match number % 3 {
        0 => Lifetime { connected: None, by_email: false, ..always },
        1 => Lifetime { deleted: Some(step_between(rng, steps, 0.3, 0.7)), ..always },
        _ => Lifetime { disconnected: Some(step_between(rng, steps, 0.3, 0.7)), by_email: true, ..always },
    };
    vec![always, late, other]
}

fn acts(rng: &mut StdRng, connection: &Connection, steps: u32) -> Vec<(u32, Act)> {
    let mut acts = Vec::new();
    let mut open = vec![false; connection.audiences.len()];
    let never = connection.audiences.iter().position(|audience| audience.connected.is_none());
    // What a connection that is never healed says last is given up before the queue of the others is empty.
    let last = if connection.is_never_healed { steps * 3 / 5 } else { steps };
    for step in 0..last {
        for (audience, lifetime) in connection.audiences.iter().enumerate() {
            if lifetime.connected == Some(step) {
                open[audience] = true;
                acts.push((step, Act::Connect(audience)));
            }
            if lifetime.disconnected == Some(step) {
                open[audience] = false;
                acts.push((step, Act::Disconnect(audience)));
            }
        }
        let fed: Vec<_> = (0..open.len()).filter(|audience| open[*audience]).collect();
        let scope = StepScope { fed: &fed, never, first: first_of(step, steps, connection.people.len()) };
        if rng.random_bool(0.6) {
            acts.push((step, Act::Change(transport(rng), users(rng, connection, scope))));
        }
        if !connection.is_never_healed && rng.random_bool(0.05) {
            acts.push((step, Act::Erase(transport(rng), rng.random_range(scope.first..connection.people.len()))));
        }
        if rng.random_bool(0.03) {
            acts.push((step, Act::Verify));
        }
    }
    acts
}

fn transport(rng: &mut StdRng) -> Transport {
    if rng.random_bool(0.5) { Transport::Http } else { Transport::Lambda }
}

/// Of whom and of what something is said in a step.
#[derive(Clone, Copy)]
struct StepScope<'a> {
    /// The audiences that are fed.
    fed: &'a [usize],
    /// The one that was never connected.
    never: Option<usize>,
    /// The first person of whom anything is said from now on. What was said last of those before is what counts: a fault of any step is
    /// the last for some of them.
    first: usize,
}

fn first_of(step: u32, steps: u32, people: usize) -> usize {
    let passed = people.saturating_sub(UNDECIDED) * usize::try_from(step).unwrap_or_default();
    passed / usize::try_from(steps).unwrap_or(1)
}

/// One user, some, or hundreds; most of them among a few who change their minds again and again.
fn users(rng: &mut StdRng, connection: &Connection, scope: StepScope<'_>) -> Vec<User> {
    let count = match rng.random_range(0..20) {
        0..10 => 1,
        10..17 => rng.random_range(2..25),
        _ => rng.random_range(50..350),
    };
    (0..count).map(|_| user(rng, connection, scope)).collect()
}

fn user(rng: &mut StdRng, connection: &Connection, StepScope { fed, never, first }: StepScope<'_>) -> User {
    let until = if rng.random_bool(0.7) { first + UNDECIDED } else { connection.people.len() };
    let mut changes = Vec::new();
    for audience in fed {
        if rng.random_bool(0.6) {
            changes.push((*audience, action(rng)));
        }
    }
    // In one profile back and forth.
    if let Some((audience, _)) = changes.first().copied().filter(|_| rng.random_bool(0.05)) {
        changes.push((audience, action(rng)));
    }
    changes.extend(never.filter(|_| rng.random_bool(0.03)).map(|audience| (audience, Action::Add)));
    User { person: rng.random_range(first..until), changes }
}

fn action(rng: &mut StdRng) -> Action {
    match rng.random_range(0..20) {
        0..11 => Action::Add,
        11..19 => Action::Delete,
        _ => Action::AttributeUpdate,
    }
}
