//! What becomes of each message once its changes have an outcome. Pure: a value that says what to delete in which order, what to delay
//! and how long, and which letters to write; `acknowledge` carries it out.
//!
//! A message is done only whole. If one of its changes waits, it and all behind it in its lane stay: the lane is blocked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use queue::Received;

use crate::backoff::lane_delay;
use crate::cause::{Blame, Cause, Outcome, Reason};
use crate::letter::{GivenUp, Letter};
use crate::plan::{Change, Erasure, Origin, Plan, Unmapped};
use crate::work::{Place, Work};

/// What is everybody's trouble, or the operator's, is waited for so long, and an erasure whatever the cause.
const EVERYBODYS_AGE: Duration = Duration::from_hours(8 * 24);
/// The queue keeps a message for 14 days, and then deletes it silently: before that it becomes a letter, whatever it waits for.
const LAST_DAY: Duration = Duration::from_hours(13 * 24);
/// SQS moves a message to the dead-letter queue after 1,000 receives, without a cause: before that it becomes a letter.
const LAST_RECEIVE: u32 = 900;
/// From so many receives on a message comes back later than its connection would: 900 receives have to last for 8 days.
const OFTEN: u32 = 100;
const OFTEN_DELAY: Duration = Duration::from_mins(15);
/// A message is not too old before it was received so often, unless its connection has been failing for longer than the limit.
const RECEIVES_BEFORE_AGE: u32 = 3;
/// What waited for everybody's trouble is old whatever it waits for now: for so long it is not given up for its connection's own.
const SPARED: Duration = Duration::from_hours(1);
/// The most messages that SQS gives of one lane at a time: a lane that gives as many may hide more.
const FULL_LANE: usize = 10;
/// How long a connection has been blocked before its messages can be too many.
const CROWDING_AFTER: Duration = Duration::from_hours(1);

/// What a message is.
#[derive(Debug, Clone)]
pub enum Content {
    /// An envelope of that time, in milliseconds since 1970, whose changes are in the plan.
    Planned(i64),
    /// No envelope, or not one of the group that it came in: it becomes a letter as it is.
    Unreadable(Arc<Reason>),
    /// It cannot be read yet, and blocks its lane.
    Waits(Arc<Reason>),
}

/// What settling has to know besides the outcomes.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
    /// How long a change waits for a cause of its connection's own.
    pub max_age: Duration,
    /// Since when the connection fails, in milliseconds since 1970.
    pub failing_since_ms: Option<i64>,
    /// How long ago the connection last waited for everybody's trouble, if that is known.
    pub waited_for_all: Option<Duration>,
    /// Whether the connection makes no calls for now: all its lanes come back together.
    pub stopped: bool,
    /// Whether the connection is dead.
    pub dead: bool,
    /// Whether more messages wait on the queue than is good for the others.
    pub crowded: bool,
    /// When blocked lanes come back, from now.
    pub delay: Duration,
}

impl Terms {
    /// Whether the connection is in no trouble that its lanes share.
    const fn is_well(&self) -> bool {
        !self.stopped && self.failing_since_ms.is_none()
    }
}

/// What becomes of the messages of one lane.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LaneSettlement {
    /// Messages that are done, oldest first.
    pub done: Vec<Done>,
    /// The oldest message that stays.
    pub head: Option<Head>,
    /// Those behind it: visible at once, they wait behind it.
    pub behind: Vec<Place>,
}

/// A message that is done.
#[derive(Debug, PartialEq, Eq)]
pub struct Done {
    /// The message.
    pub place: Place,
    /// What of it was given up: on the dead-letter queue before the message is deleted.
    pub letters: Vec<Letter>,
}

/// The message that blocks its lane.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// The message.
    pub place: Place,
    /// When it comes back.
    pub delay: Duration,
    /// Why it waits.
    pub reason: Arc<Reason>,
}

/// What the changes of one message came to.
#[derive(Debug, Default)]
struct Changes<'a> {
    /// Those that wait.
    later: Vec<(&'a Arc<Reason>, &'a Change, Origin)>,
    /// Those that were refused.
    rejected: Vec<(&'a Arc<Reason>, &'a Change, Origin)>,
    unmapped: Vec<&'a Unmapped>,
    /// Erasures that wait without being told in changes.
    erasures: Vec<&'a Erasure>,
}

impl<'a> Changes<'a> {
    /// Why the message waits: each reason, and whether it is an erasure that waits for it.
    fn waiting(&self) -> impl Iterator<Item = (&'a Arc<Reason>, bool)> {
        let changes = self.later.iter().map(|(reason, _, origin)| (*reason, origin.erases));
        changes.chain(self.erasures.iter().map(|erasure| (&erasure.reason, true)))
    }
}

/// Settles the messages of `work`, whose planned changes have their outcomes in `plan`.
#[must_use]
pub fn settle(work: &Work, contents: &BTreeMap<Place, Content>, plan: &Plan, terms: Terms) -> Vec<LaneSettlement> {
    let changes = by_message(plan);
    let none = Changes::default();
    let settle_lane = |places: Vec<Place>| {
        let full = places.len() >= FULL_LANE;
        let mut lane = LaneSettlement::default();
        let mut lettered = false;
        for place in places {
            // Of a message that nothing is known of nothing follows, nor of what is behind it: they come back by themselves.
            let (Some(source), Some(content)) = (work.at(place), contents.get(&place)) else { break };
            let message = Message { work, source, content, changes: changes.get(&place).unwrap_or(&none), terms, full };
            match message.fate() {
                _ if lane.head.is_some() => lane.behind.push(place),
                Fate::Done(letters) => lane.done.push(Done { place, letters }),
                Fate::GivenUp(letters) => {
                    lettered = true;
                    lane.done.push(Done { place, letters });
                }
                Fate::Stays(reason) => {
                    let at_once = lettered || reason.blame() == Blame::Nobody;
                    let delay = if at_once { Duration::ZERO } else { message.delay() };
                    lane.head = Some(Head { place, delay, reason });
                }
            }
        }
        lane
    };
    work.lanes().map(|lane| settle_lane(lane.collect())).collect()
}

fn by_message(plan: &Plan) -> BTreeMap<Place, Changes<'_>> {
    let mut messages = BTreeMap::<Place, Changes<'_>>::new();
    for change in &plan.changes {
        let Some(origin) = plan.origin(change) else { continue };
        match &change.outcome {
            Outcome::Later(reason) => messages.entry(origin.place).or_default().later.push((reason, change, origin)),
            Outcome::Rejected(reason) => {
                messages.entry(origin.place).or_default().rejected.push((reason, change, origin));
            }
            Outcome::Delivered | Outcome::Superseded | Outcome::Dropped => {}
        }
    }
    for unmapped in &plan.unmapped {
        messages.entry(unmapped.origin.place).or_default().unmapped.push(unmapped);
    }
    for erasure in &plan.erasures {
        messages.entry(erasure.origin.place).or_default().erasures.push(erasure);
    }
    messages
}

enum Fate {
    /// It can be deleted, once these letters are written.
    Done(Vec<Letter>),
    /// The same, but some of it would have had to wait longer.
    GivenUp(Vec<Letter>),
    /// It waits.
    Stays(Arc<Reason>),
}

struct Message<'a> {
    work: &'a Work,
    source: &'a Received,
    content: &'a Content,
    changes: &'a Changes<'a>,
    terms: Terms,
    full: bool,
}

impl Message<'_> {
    fn fate(&self) -> Fate {
        let connection = self.work.connection;
        match self.content {
            Content::Unreadable(reason) => Fate::Done(vec![Letter::as_it_is(self.source, Some(connection), reason)]),
            Content::Waits(reason) => match self.given_up(reason) {
                Some(reason) => Fate::GivenUp(vec![Letter::as_it_is(self.source, Some(connection), &reason)]),
                None => Fate::Stays(Arc::clone(reason)),
            },
            Content::Planned(changed_ms) => match self.waits_for() {
                None => self.letters(None, *changed_ms).map_or_else(Fate::Stays, Fate::Done),
                Some(reason) => match self.given_up(reason) {
                    Some(cause) => self.letters(Some(&cause), *changed_ms).map_or_else(Fate::Stays, Fate::GivenUp),
                    None => Fate::Stays(Arc::clone(reason)),
                },
            },
        }
    }

    /// A message that cannot be read yet is its lane's trouble alone, and so is an erasure from audiences that are not known while the
    /// connection is well; any other one comes back with its connection.
    fn delay(&self) -> Duration {
        let lanes_own = || lane_delay(self.source.receive_count, self.since(self.source.sent_ms));
        match self.content {
            Content::Waits(_) => lanes_own(),
            Content::Planned(_) if !self.changes.erasures.is_empty() && self.terms.is_well() => {
                lanes_own().max(self.terms.delay)
            }
            // A process forgets since when its connections fail, and the message does not.
            Content::Planned(_) | Content::Unreadable(_) if self.source.receive_count > OFTEN => {
                self.terms.delay.max(OFTEN_DELAY)
            }
            Content::Planned(_) | Content::Unreadable(_) => self.terms.delay,
        }
    }

    fn since(&self, ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(self.terms.now_ms.saturating_sub(ms)).unwrap_or(0))
    }

    /// Of several reasons the one that waits longest: what was not tried does not age.
    fn waits_for(&self) -> Option<&Arc<Reason>> {
        let patience = |reason: &Reason| match reason.blame() {
            Blame::Nobody => 2,
            Blame::Everybody => 1,
            Blame::Connection => 0,
        };
        self.changes.waiting().map(|(reason, _)| reason).max_by_key(|reason| patience(reason))
    }

    /// Why a message that waits for `reason` is given up; `None` while it may wait.
    fn given_up(&self, reason: &Arc<Reason>) -> Option<Arc<Reason>> {
        let terms = self.terms;
        let failing = terms.failing_since_ms.map_or(Duration::ZERO, |since_ms| self.since(since_ms));
        let age = self.since(self.source.sent_ms);
        if self.source.receive_count >= LAST_RECEIVE || age >= LAST_DAY {
            return Some(Arc::clone(reason));
        }
        let held_up = terms.waited_for_all.is_some_and(|ago| ago < SPARED);
        let erases = self.changes.waiting().any(|(_, erases)| erases);
        let limit = match reason.blame() {
            Blame::Nobody => return None,
            Blame::Everybody => EVERYBODYS_AGE,
            Blame::Connection if held_up || erases => EVERYBODYS_AGE,
            Blame::Connection => terms.max_age,
        };
        if age >= limit && (self.source.receive_count >= RECEIVES_BEFORE_AGE || failing >= limit) {
            return Some(Arc::clone(reason));
        }
        let blocked_long = terms.dead || failing >= CROWDING_AFTER;
        let crowded = terms.crowded && self.full && blocked_long && reason.blame() == Blame::Connection && !erases;
        crowded.then(|| Arc::new(Reason { cause: Cause::Crowded, ..reason.as_ref().clone() }))
    }

    /// The letters of all that was rejected, and with `given_up` of all that waits.
    fn letters(&self, given_up: Option<&Arc<Reason>>, changed_ms: i64) -> Result<Vec<Letter>, Arc<Reason>> {
        let mut letters = GivenUp::default();
        for (reason, change, origin) in &self.changes.rejected {
            letters.change(reason, change, *origin);
        }
        if let Some(cause) = given_up {
            for (reason, change, origin) in &self.changes.later {
                let reason = if cause.cause == Cause::Crowded { cause } else { *reason };
                letters.change(reason, change, *origin);
            }
            for erasure in &self.changes.erasures {
                letters.erasure(&erasure.reason, erasure.id, erasure.origin);
            }
        }
        for unmapped in &self.changes.unmapped {
            letters.unmapped(unmapped);
        }
        letters
            .letters(self.source, self.work.connection, changed_ms)
            .map_err(|error| Reason::new(Cause::Internal, format!("a dead letter cannot be written as JSON: {error}")))
    }
}
