//! Customers, and what mParticle says of their users.

use std::sync::atomic::{AtomicI64, Ordering};

use connections::{Accepted, UserId};
use envelope::{Header, Row, SentId, Writer};
use ids::{AudienceId, ConnectionId, Encoding, IdType};

/// All hashes of a test have it, and no log line may.
pub(crate) const MARK: &str = "abcdef0123456789abcdef01";

/// A customer: an advertiser, its connection and one audience.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    pub(crate) connection: ConnectionId,
    pub(crate) advertiser: String,
    pub(crate) person: String,
    pub(crate) token: String,
    pub(crate) audience: AudienceId,
}

/// The MD5 of a user's device id.
pub(crate) fn hash(user: u32) -> String {
    format!("{MARK}{user:08x}")
}

pub(crate) fn row(user: u32, adds: &[AudienceId], deletes: &[AudienceId]) -> Row<'static> {
    Row {
        mpid: Some((user + 1).to_string().parse().unwrap()),
        id: SentId(IdType::Idfa, Encoding::Md5, hash(user).into()),
        erase: false,
        adds: adds.iter().copied().collect(),
        deletes: deletes.iter().copied().collect(),
        unmapped_adds: [].into_iter().collect(),
        unmapped_deletes: [].into_iter().collect(),
    }
}

/// An envelope of a time of its own: the same body would be dropped as a repetition.
pub(crate) fn body(connection: ConnectionId, rows: &[Row<'_>]) -> String {
    static NEXT_MS: AtomicI64 = AtomicI64::new(1_714_592_744_065);
    let changed_ms = NEXT_MS.fetch_add(1, Ordering::Relaxed);
    let mut writer = Writer::new(Header { connection, changed_ms }, 1_000_000);
    for row in rows {
        writer.push(row).unwrap();
    }
    writer.finish().pop().unwrap()
}

impl Tenant {
    pub(crate) fn joins(&self, user: u32) -> Row<'static> {
        row(user, &[self.audience], &[])
    }

    pub(crate) fn leaves(&self, user: u32) -> Row<'static> {
        row(user, &[], &[self.audience])
    }

    pub(crate) fn group(&self, lane: u8) -> String {
        format!("{}.{lane}", self.connection)
    }

    pub(crate) fn accepted(&self) -> Accepted {
        Accepted { token: self.token.clone().into(), user: UserId::new(self.person.clone()) }
    }

    pub(crate) fn record_name(&self) -> String {
        format!("test/advertiser/{}", self.advertiser)
    }
}
