//! Thousands of seeded worlds: one connection's lanes on a FIFO queue, two uploaders that crash between any two steps, a TikTok that fails,
//! messages that are delivered again. In the end TikTok holds the last word on everything that is not in a letter.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use envelope::GroupId;
use ids::IdType;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tiktok::Action;
use uploader::acknowledge::Deletes;
use uploader::cause::{Cause, Outcome};
use uploader::hand::Hand;
use uploader::plan::{Call, Limits, Plan};
use uploader::settle::{Content, LaneSettlement, Terms, settle};
use uploader::work::{Place, Work};

use crate::queue::Fifo;
use crate::world::{
    Member, Said, all_of_them, body, connection, in_body, last_word, later, lettered, listed, plan, rejected, terms,
};

const LANES: u32 = 4;
const USERS: u32 = 12;
const AUDIENCES: u32 = 3;
const VISIBILITY: u64 = 60;

/// What an uploader is doing.
enum Doing {
    Nothing,
    Calling {
        work: Work,
        plan: Plan,
        contents: BTreeMap<Place, Content>,
        calls: Vec<Call>,
        stopped: bool,
    },
    /// The rounds of deletes that were made, of what was settled.
    Acknowledging {
        work: Work,
        lanes: Vec<LaneSettlement>,
        unwritten: HashSet<Place>,
        rounds: usize,
        failed: Vec<Place>,
    },
}

struct Uploader {
    doing: Doing,
    hand: Hand,
    /// No call is made after it, since the visibility of what is in hand ends then.
    until: u64,
}

impl Uploader {
    fn new() -> Self {
        Self { doing: Doing::Nothing, hand: Hand::default(), until: 0 }
    }
}

struct World {
    random: StdRng,
    now: u64,
    queue: Fifo,
    tiktok: BTreeMap<Member, bool>,
    letters: BTreeSet<Member>,
    healthy: bool,
}

impl World {
    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    /// One step of an uploader. It may crash before it.
    fn step(&mut self, uploader: &mut Uploader) {
        if !self.healthy && self.chance(4) {
            *uploader = Uploader::new();
            return;
        }
        uploader.doing = match std::mem::replace(&mut uploader.doing, Doing::Nothing) {
            Doing::Nothing => self.receive_or_plan(uploader),
            Doing::Calling { work, plan, contents, calls, stopped } => {
                self.call(uploader.until, work, plan, contents, calls, stopped)
            }
            Doing::Acknowledging { work, lanes, unwritten, rounds, failed } => {
                self.acknowledge(work, lanes, unwritten, rounds, failed)
            }
        };
    }

    fn receive_or_plan(&mut self, uploader: &mut Uploader) -> Doing {
        if self.now >= uploader.until {
            // A new invocation; what was in hand comes back when its visibility ends.
            *uploader = Uploader { until: self.now + VISIBILITY, ..Uploader::new() };
        }
        if uploader.hand.connections().next().is_none() || self.chance(60) {
            let visibility = uploader.until - self.now + 5;
            for message in self.queue.receive(self.now, visibility, &mut self.random) {
                uploader.hand.add(message).unwrap();
            }
            return Doing::Nothing;
        }
        let work = uploader.hand.take(connection());
        let limits = Limits { rows: self.random.random_range(1..6), bytes: 10_000 };
        let (mut plan, contents) = plan(&work, limits);
        let mut calls = std::mem::take(&mut plan.calls);
        calls.reverse();
        Doing::Calling { work, plan, contents, calls, stopped: false }
    }

    fn call(
        &mut self,
        until: u64,
        work: Work,
        mut plan: Plan,
        contents: BTreeMap<Place, Content>,
        mut calls: Vec<Call>,
        mut stopped: bool,
    ) -> Doing {
        if let Some(call) = calls.pop().filter(|_| !stopped && self.now < until) {
            for span in &call.rows {
                let outcome = match self.random.random_range(0..100) {
                    _ if self.healthy => Outcome::Delivered,
                    0..15 => later(Cause::Unavailable),
                    15..20 => rejected(),
                    _ => Outcome::Delivered,
                };
                stopped |= matches!(outcome, Outcome::Later(_)) && self.chance(50);
                if outcome == Outcome::Delivered {
                    let told = span.changes(&plan.changes).iter();
                    self.tiktok.extend(told.map(|c| ((c.audience, c.id), call.action == Action::Add)));
                }
                plan.settle(*span, &outcome);
            }
            return Doing::Calling { work, plan, contents, calls, stopped };
        }
        let age = Terms { now_ms: i64::try_from(self.now * 1000).unwrap(), ..terms() };
        let lanes = settle(&work, &contents, &plan, age);
        let places =
            lanes.iter().flat_map(|lane| &lane.done).filter(|done| !done.letters.is_empty()).map(|done| done.place);
        let places: Vec<Place> = places.collect();
        let unwritten: HashSet<Place> = places.into_iter().filter(|_| !self.healthy && self.chance(10)).collect();
        let written = lanes.iter().flat_map(|lane| &lane.done).filter(|done| !unwritten.contains(&done.place));
        let letters = written.flat_map(|done| &done.letters).flat_map(|letter| members(&letter.outgoing().body));
        self.letters.extend(letters);
        debug_assert!(unwritten.is_empty() || !lettered(&lanes).is_empty());
        Doing::Acknowledging { work, lanes, unwritten, rounds: 0, failed: Vec::new() }
    }

    /// One round of deletes, or the visibility of what stays.
    fn acknowledge(
        &mut self,
        work: Work,
        lanes: Vec<LaneSettlement>,
        unwritten: HashSet<Place>,
        rounds: usize,
        mut failed: Vec<Place>,
    ) -> Doing {
        let mut deletes = Deletes::new(&lanes, &unwritten);
        for _ in 0..rounds {
            for place in deletes.next_round() {
                if failed.contains(&place) {
                    deletes.failed(place);
                }
            }
        }
        let round = deletes.next_round();
        if round.is_empty() {
            for (place, delay) in deletes.visibility() {
                // One that is not this uploader's any more stays as it is.
                let _expired = self.queue.set_visibility(work.at(place).unwrap(), delay.as_secs(), self.now);
            }
            return Doing::Nothing;
        }
        for place in round {
            let lost = !self.healthy && self.chance(5);
            if lost || self.queue.delete(work.at(place).unwrap(), self.now).is_err() {
                failed.push(place);
            }
            if !self.healthy && self.chance(2) {
                // Killed in the middle of a round.
                return Doing::Nothing;
            }
        }
        Doing::Acknowledging { work, lanes, unwritten, rounds: rounds + 1, failed }
    }

    /// Somebody joins or leaves.
    fn request(&mut self) -> Vec<Said> {
        let lane = self.random.random_range(0..LANES);
        let rows = self.random.random_range(1..4);
        let row = |random: &mut StdRng| {
            let user = random.random_range(0..USERS) * LANES + lane;
            let list = |random: &mut StdRng| {
                (0..random.random_range(0..2)).map(|_| random.random_range(0..AUDIENCES)).collect()
            };
            let device = if random.random_bool(0.3) { IdType::Email } else { IdType::Idfa };
            Said { user, device, erase: random.random_bool(0.1), adds: list(random), deletes: list(random) }
        };
        let said: Vec<Said> = (0..rows).map(|_| row(&mut self.random)).collect();
        let group = GroupId { connection: connection(), lane: u8::try_from(lane).unwrap() };
        self.queue.send(&group, body(&said), self.now);
        said
    }
}

/// Who is in a letter: of an id that is to be erased, all its memberships.
fn members(body: &str) -> Vec<Member> {
    let of = |((audience, id), _): (Member, Action)| {
        let named = if audience == all_of_them() { listed() } else { vec![audience] };
        named.into_iter().map(move |audience| (audience, id))
    };
    in_body(body).into_iter().flat_map(of).collect()
}

fn live(seed: u64) {
    let mut world = World {
        random: StdRng::seed_from_u64(seed),
        now: 0,
        queue: Fifo::default(),
        tiktok: BTreeMap::new(),
        letters: BTreeSet::new(),
        healthy: false,
    };
    let mut uploaders = [Uploader::new(), Uploader::new()];
    let mut said = Vec::new();
    for _ in 0..400 {
        if world.chance(30) {
            said.extend(world.request());
        }
        let which = world.random.random_range(0..uploaders.len());
        world.step(&mut uploaders[which]);
        world.now += if world.chance(2) { 70 } else { u64::from(world.chance(50)) };
    }
    world.healthy = true;
    for _ in 0..100_000 {
        if world.queue.is_empty() {
            break;
        }
        let which = world.random.random_range(0..uploaders.len());
        world.step(&mut uploaders[which]);
        world.now += u64::from(world.chance(50));
    }
    assert!(world.queue.is_empty(), "seed {seed}: the queue drains");
    for (member, joins) in last_word(&said) {
        let held = world.tiktok.get(&member).copied();
        assert!(
            held == Some(joins) || world.letters.contains(&member),
            "seed {seed}: TikTok has {held:?}, not {joins}"
        );
    }
}

#[test]
fn whatever_fails_tiktok_ends_with_the_last_word() {
    for seed in 0..2_000 {
        live(seed);
    }
}
