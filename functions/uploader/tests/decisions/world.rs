//! Messages, changes and outcomes as the tests make them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use envelope::{Envelope, GroupId, Header, Row, SentId, Writer};
use hashed_id::HashedId;
use ids::{AudienceId, ConnectionId, Encoding, IdType};
use queue::Received;
use tiktok::Action;
use uploader::cause::{Cause, Outcome, Reason};
use uploader::plan::{Limits, Plan, Planner};
use uploader::settle::{Content, LaneSettlement, Terms};
use uploader::work::{Lane, Place, Work};

pub(crate) const LIMITS: Limits = Limits { rows: 1000, bytes: 1_000_000 };

pub(crate) fn connection() -> ConnectionId {
    "7.1".parse().unwrap()
}

pub(crate) fn audience(n: u32) -> AudienceId {
    (7_000_000_000_000_000_000_u64 + u64::from(n)).to_string().parse().unwrap()
}

/// Hex of one of a few users, so that changes collide.
pub(crate) fn hash(user: u32) -> String {
    format!("{:032x}", 0xabcd_0000_u128 + u128::from(user))
}

/// The hash of a user's id of that kind.
pub(crate) fn hash_of(kind: IdType, user: u32) -> String {
    match kind {
        IdType::Idfa | IdType::Gaid => hash(user),
        IdType::Email => hash(user).repeat(2),
    }
}

pub(crate) fn id(kind: IdType, user: u32) -> HashedId {
    let sent = sent(kind, user);
    HashedId::parse(kind, sent.1, &sent.2).unwrap()
}

fn sent(kind: IdType, user: u32) -> SentId<'static> {
    let encoding = if kind == IdType::Email { Encoding::Sha256 } else { Encoding::Md5 };
    SentId(kind, encoding, hash_of(kind, user).into())
}

/// A row about one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) user: u32,
    pub(crate) device: IdType,
    pub(crate) erase: bool,
    pub(crate) adds: Vec<u32>,
    pub(crate) deletes: Vec<u32>,
}

impl Said {
    pub(crate) fn joins(user: u32, audience: u32) -> Self {
        Self { user, device: IdType::Idfa, erase: false, adds: vec![audience], deletes: vec![] }
    }

    pub(crate) fn leaves(user: u32, audience: u32) -> Self {
        Self { user, device: IdType::Idfa, erase: false, adds: vec![], deletes: vec![audience] }
    }

    pub(crate) fn is_forgotten(user: u32) -> Self {
        Self { user, device: IdType::Idfa, erase: true, adds: vec![], deletes: vec![] }
    }

    pub(crate) fn row(&self) -> Row<'static> {
        let audiences = |list: &[u32]| list.iter().map(|n| audience(*n)).collect();
        Row {
            mpid: Some(self.user.to_string().parse().unwrap()),
            id: sent(self.device, self.user),
            erase: self.erase,
            adds: audiences(&self.adds),
            deletes: audiences(&self.deletes),
            unmapped_adds: [].into_iter().collect(),
            unmapped_deletes: [].into_iter().collect(),
        }
    }
}

/// The body of an envelope.
pub(crate) fn body(rows: &[Said]) -> String {
    let mut writer = Writer::new(Header { connection: connection(), changed_ms: 1 }, 1_000_000);
    for row in rows {
        writer.push(&row.row()).unwrap();
    }
    writer.finish().pop().expect("an envelope with rows")
}

pub(crate) fn group(lane: u8) -> String {
    GroupId { connection: connection(), lane }.to_string()
}

pub(crate) fn message(id: &str, lane: u8, body: String) -> Received {
    Received {
        message_id: id.to_owned(),
        receipt_handle: format!("handle of {id}"),
        body,
        group: group(lane),
        sent_ms: 0,
        receive_count: 1,
        attributes: HashMap::new(),
    }
}

/// Work of lanes of messages of rows, each received for the first time.
pub(crate) fn work(lanes: &[Vec<Vec<Said>>]) -> Work {
    received_work(lanes, 1)
}

/// The same, each message received so many times.
pub(crate) fn received_work(lanes: &[Vec<Vec<Said>>], receive_count: u32) -> Work {
    let lanes = lanes.iter().zip(0_u8..).map(|(messages, number)| {
        let mut lane = Lane::default();
        for (n, rows) in messages.iter().enumerate() {
            lane.push(Received { receive_count, ..message(&format!("{number}-{n}"), number, body(rows)) });
        }
        lane
    });
    Work::new(connection(), lanes.collect())
}

/// The audiences that erasures are about. Others may be named by changes.
pub(crate) fn listed() -> Vec<AudienceId> {
    (0..3).map(audience).collect()
}

/// Reads and plans all of `work`.
pub(crate) fn plan(work: &Work, limits: Limits) -> (Plan, BTreeMap<Place, Content>) {
    let (mut planner, mut contents) = (Planner::new(), BTreeMap::new());
    for (place, message) in work.messages() {
        let envelope = Envelope::read(&message.body).unwrap();
        for row in &envelope.rows {
            planner.add(place, row);
        }
        contents.insert(place, Content::Planned(envelope.header.changed_ms));
    }
    (planner.plan(limits, &Ok(listed()), |_, _| None), contents)
}

pub(crate) type Member = (AudienceId, HashedId);

/// What each change says in the end: in or out. An erasure is about what is listed and what was said before.
pub(crate) fn last_word<'a>(rows: impl IntoIterator<Item = &'a Said>) -> BTreeMap<Member, bool> {
    let mut last = BTreeMap::new();
    for row in rows {
        let id = id(row.device, row.user);
        let member = |n: &u32| (audience(*n), id);
        last.extend(row.adds.iter().map(|n| (member(n), true)));
        last.extend(row.deletes.iter().map(|n| (member(n), false)));
        if row.erase {
            last.extend(listed().into_iter().map(|audience| ((audience, id), false)));
            last.iter_mut().filter(|((_, of), _)| *of == id).for_each(|(_, joins)| *joins = false);
        }
    }
    last
}

/// The changes that letters hold.
pub(crate) fn lettered(lanes: &[LaneSettlement]) -> BTreeSet<(Member, Action)> {
    let letters = lanes.iter().flat_map(|lane| &lane.done).flat_map(|done| &done.letters);
    letters.flat_map(|letter| in_body(&letter.outgoing().body)).collect()
}

/// In the place of an audience: every one.
pub(crate) fn all_of_them() -> AudienceId {
    audience(999)
}

/// The changes that a body holds.
pub(crate) fn in_body(body: &str) -> Vec<(Member, Action)> {
    let envelope = Envelope::read(body).unwrap();
    let mut all = Vec::new();
    for row in &envelope.rows {
        let id = HashedId::parse(row.id.0, row.id.1, &row.id.2).unwrap();
        let member = |audience: &AudienceId| (*audience, id);
        all.extend(row.adds.iter().map(|audience| (member(audience), Action::Add)));
        all.extend(row.erase.then(|| (member(&all_of_them()), Action::Delete)));
        all.extend(row.deletes.iter().map(|audience| (member(audience), Action::Delete)));
    }
    all
}

pub(crate) fn later(cause: Cause) -> Outcome {
    Outcome::Later(Reason::new(cause, "a test"))
}

pub(crate) fn rejected() -> Outcome {
    Outcome::Rejected(Arc::new(Reason { code: Some(40002), ..Reason::new(Cause::Rejected, "bad").as_ref().clone() }))
}

pub(crate) fn terms() -> Terms {
    Terms {
        now_ms: 1_000,
        max_age: std::time::Duration::from_hours(24),
        failing_since_ms: None,
        waited_for_all: None,
        stopped: false,
        dead: false,
        crowded: false,
        delay: std::time::Duration::from_secs(10),
    }
}
