//! What to send: from all the changes of an invocation to as few calls as hold them. Pure: no I/O, no clock.
//!
//! The newest change of each audience and id wins, by the change's own time, then by the order in which changes were given.
//! Planning knows nothing of queues: a strictly ordered source only has to give its changes in order.

mod calls;
mod newest;

use envelope::Envelope;
use hashed_id::{Dropped, Md5};
use ids::{AudienceId, DeviceType, Encoding, Mpid};
use tiktok::Action;

pub use calls::{Call, Piece};

/// What a call may hold at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Rows a call.
    pub rows: usize,
    /// Bytes of a body.
    pub bytes: usize,
}

/// Which way the changes of an envelope go.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// Changes supersede one another within a pool: an advertiser's verified tokens share one, and every other token has its own, so that what
    /// somebody sends with a token that TikTok never accepted displaces nothing.
    pub pool: u32,
    /// The connection whose token is used.
    pub connection: u32,
}

/// A change of one id in one audience that is to be told to TikTok.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// As in [`Route`].
    pub connection: u32,
    /// Joins or leaves.
    pub action: Action,
    /// What kind of id it is.
    pub device: DeviceType,
    /// The id.
    pub id: Md5,
    /// The audience.
    pub audience: AudienceId,
    /// When the change was made, in milliseconds since 1970.
    pub changed_ms: i64,
    /// The index of its [`Origin`].
    pub origin: u32,
    pool: u32,
}

/// Where a change came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The number that was given with the envelope.
    pub message: u32,
    /// The user.
    pub mpid: Option<Mpid>,
}

/// A user's changes for audiences that do not exist at TikTok: nothing to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// The index of its [`Origin`].
    pub origin: u32,
    /// As in [`Route`].
    pub connection: u32,
    /// When the changes were made, in milliseconds since 1970.
    pub changed_ms: i64,
    /// The user's ids.
    pub ids: Vec<(DeviceType, Md5)>,
    /// mParticle's audience ids that the user joins.
    pub adds: Vec<i64>,
    /// mParticle's audience ids that the user leaves.
    pub deletes: Vec<i64>,
}

/// How many of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Users in all envelopes.
    pub users: u64,
    /// Users of whom no id could be used.
    pub users_without_id: u64,
    /// Nil ids, raw or hashed.
    pub nil: u64,
    /// Ids that are none.
    pub malformed: u64,
    /// Ids hashed in a way that is not taken.
    pub encoding: u64,
    /// Changes that a newer one made unnecessary.
    pub superseded: u64,
}

/// What there is to do.
#[derive(Debug)]
pub struct Plan {
    /// Every change that is to be told, those of one id side by side.
    pub changes: Vec<Change>,
    /// By [`Change::origin`].
    pub origins: Vec<Origin>,
    /// What to send.
    pub calls: Vec<Call>,
    /// What cannot be sent.
    pub unmapped: Vec<Unmapped>,
    /// The messages, ascending, some of whose changes were superseded.
    pub superseded_in: Vec<u32>,
    /// What was counted.
    pub counts: Counts,
}

/// Takes changes in order and makes a [`Plan`].
#[derive(Debug)]
pub struct Planner {
    limits: Limits,
    changes: Vec<Change>,
    origins: Vec<Origin>,
    unmapped: Vec<Unmapped>,
    counts: Counts,
}

impl Planner {
    /// A planner for calls within `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, changes: Vec::new(), origins: Vec::new(), unmapped: Vec::new(), counts: Counts::default() }
    }

    /// Adds the changes of an envelope. `message` comes back in [`Origin`].
    pub fn add(&mut self, message: u32, route: Route, envelope: &Envelope<'_>) {
        let mut ids = Vec::new();
        for row in &envelope.rows {
            self.counts.users += 1;
            ids.clear();
            ids.extend(row.ids.iter().filter_map(|id| self.usable(id.0, id.1, &id.2)));
            if ids.is_empty() {
                self.counts.users_without_id += 1;
                continue;
            }
            let origin = u32::try_from(self.origins.len()).unwrap_or(u32::MAX);
            let changed_ms = row.changed_ms.unwrap_or(envelope.changed_ms);
            let Route { pool, connection } = route;
            self.origins.push(Origin { message, mpid: row.mpid });
            for (action, audiences) in [(Action::Add, &row.adds), (Action::Delete, &row.deletes)] {
                for &audience in audiences {
                    self.changes.extend(ids.iter().map(|&(device, id)| Change {
                        connection,
                        action,
                        device,
                        id,
                        audience,
                        changed_ms,
                        origin,
                        pool,
                    }));
                }
            }
            if !row.unmapped_adds.is_empty() || !row.unmapped_deletes.is_empty() {
                self.unmapped.push(Unmapped {
                    origin,
                    connection,
                    changed_ms,
                    ids: ids.clone(),
                    adds: row.unmapped_adds.to_vec(),
                    deletes: row.unmapped_deletes.to_vec(),
                });
            }
        }
    }

    /// The plan for all that was added.
    #[must_use]
    pub fn plan(self) -> Plan {
        let Self { limits, mut changes, origins, unmapped, mut counts } = self;
        let superseded_in = newest::keep(&mut changes, &origins, &mut counts);
        let calls = calls::fill(&mut changes, limits);
        Plan { changes, origins, calls, unmapped, superseded_in, counts }
    }

    fn usable(&mut self, device: DeviceType, encoding: Encoding, value: &str) -> Option<(DeviceType, Md5)> {
        match Md5::parse(encoding, value) {
            Ok(id) => return Some((device, id)),
            Err(Dropped::Nil) => self.counts.nil += 1,
            Err(Dropped::Malformed) => self.counts.malformed += 1,
            Err(Dropped::Encoding) => self.counts.encoding += 1,
        }
        None
    }
}
