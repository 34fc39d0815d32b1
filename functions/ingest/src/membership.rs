//! Turns a membership change into envelopes, one writer a lane: of each profile only ids that TikTok can match, MPID and audience ids.
//!
//! Each profile is written as it is read; what is left out is counted and takes no memory.

use std::borrow::Cow;

use envelope::{Header, LaneParts, Lanes, Row, SentId};
use firehose::{Account, Action, Audience, Identity, LeftOut, MembershipChange, Profile, Users};
use ids::{AudienceId, ConnectionId, Encoding, IdType};
use smallvec::SmallVec;

/// What is to be queued of a request, and what is not.
#[derive(Debug, Default)]
pub struct Queueable {
    /// The bodies of queue messages, by lane.
    pub lanes: Vec<LaneParts>,
    /// How many users the request has.
    pub users: u64,
    /// How many changes of a user in an audience are to be queued.
    pub changes: u64,
    /// What was left out.
    pub dropped: Dropped,
}

/// How much was left out, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// By the parser.
    pub left_out: LeftOut,
    /// Identities that are no id of any encoding: not ASCII, or too long.
    pub malformed: u64,
    /// Changes that a later one in the same profile undoes or repeats.
    pub superseded: u64,
    /// Profiles in which no membership changes.
    pub no_change: u64,
    /// Profiles with changes and without an id.
    pub no_id: u64,
}

impl Dropped {
    /// Each reason and its count.
    pub fn by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let own = [
            ("malformed", self.malformed),
            ("superseded", self.superseded),
            ("no_change", self.no_change),
            ("no_id", self.no_id),
        ];
        self.left_out.by_reason().into_iter().chain(own)
    }
}

/// How changes are divided into queue messages.
#[derive(Debug, Clone, Copy)]
pub struct Division {
    /// Lanes of a connection, 1 to 64.
    pub lanes: u8,
    /// The largest message, in bytes.
    pub max_bytes: usize,
}

/// Which identities are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Device ids alone.
    Devices,
    /// Device ids, and e-mail addresses for the audiences whose customers say so.
    DevicesAndEmails,
}

/// Writes the users of a membership change into as few envelopes as hold them, while the message is parsed.
pub struct Envelopes {
    division: Division,
    sent: Sent,
    /// What dates changes whose message has no usable time.
    now_ms: i64,
    /// `Some` from the account on, unless a row could not be written.
    lanes: Option<Lanes>,
    queueable: Queueable,
}

impl Envelopes {
    /// For a message that arrived at `now_ms`, in milliseconds since 1970.
    #[must_use]
    pub fn new(division: Division, sent: Sent, now_ms: i64) -> Self {
        Self { division, sent, now_ms, lanes: None, queueable: Queueable::default() }
    }

    /// What is to be queued, once the message is parsed; `None` if a row could not be written, which no message can cause.
    #[must_use]
    pub fn finish(self, left_out: LeftOut) -> Option<Queueable> {
        let mut queueable = self.queueable;
        queueable.users += left_out.odd_profile;
        queueable.dropped.left_out = left_out;
        queueable.lanes = self.lanes?.finish();
        Some(queueable)
    }
}

impl Users for Envelopes {
    fn begin(&mut self, account: &Account, timestamp_ms: Option<i64>) {
        let connection = ConnectionId { advertiser: account.advertiser, account: account.id };
        let header = Header { connection, changed_ms: timestamp_ms.unwrap_or(self.now_ms) };
        self.lanes = Some(Lanes::new(header, self.division.lanes, self.division.max_bytes));
        self.queueable = Queueable::default();
    }

    fn take(&mut self, user: &Profile<'_>) {
        self.queueable.users += 1;
        if let Some(lanes) = &mut self.lanes {
            let mut writer = Writer { lanes, count: self.division.lanes, sent: self.sent, out: &mut self.queueable };
            if writer.profile(user).is_err() {
                self.lanes = None;
            }
        }
    }
}

struct Writer<'w> {
    lanes: &'w mut Lanes,
    /// How many lanes there are.
    count: u8,
    sent: Sent,
    out: &'w mut Queueable,
}

impl Writer<'_> {
    fn profile(&mut self, profile: &Profile<'_>) -> Result<(), serde_json::Error> {
        let last = last_of_each(&profile.changes);
        self.out.dropped.superseded += (profile.changes.len() - last.len()) as u64;
        if last.is_empty() {
            self.out.dropped.no_change += 1;
            return Ok(());
        }
        let mut ids = self.rows(profile, &profile.device_ids, &last)?;
        if self.sent == Sent::DevicesAndEmails && !profile.emails.is_empty() {
            let by_email: SmallVec<[MembershipChange; 2]> =
                last.iter().copied().filter(|change| change.by_email).collect();
            if !by_email.is_empty() {
                ids += self.rows(profile, &profile.emails, &by_email)?;
            }
        }
        if ids == 0 {
            self.out.dropped.no_id += 1;
        } else {
            self.out.changes += last.len() as u64;
        }
        Ok(())
    }

    /// Writes the changes for each of `ids`; says of how many.
    fn rows(
        &mut self,
        profile: &Profile<'_>,
        ids: &[Identity<'_>],
        changes: &[MembershipChange],
    ) -> Result<u64, serde_json::Error> {
        let Some(first) = ids.first() else { return Ok(0) };
        let mut row = Row {
            mpid: profile.mpid,
            id: sent(first),
            erase: false,
            adds: at_tiktok(changes, Action::Add),
            deletes: at_tiktok(changes, Action::Delete),
            unmapped_adds: unmapped(changes, Action::Add),
            unmapped_deletes: unmapped(changes, Action::Delete),
        };
        let mut written = 0;
        for id in ids {
            if !may_be_one(id) {
                self.out.dropped.malformed += 1;
                continue;
            }
            row.id = sent(id);
            self.lanes.push(hashed_id::lane(id.kind, id.encoding, &id.value, self.count), &row)?;
            written += 1;
        }
        Ok(written)
    }
}

fn sent<'a>(id: &'a Identity<'_>) -> SentId<'a> {
    SentId(id.kind, id.encoding, Cow::Borrowed(&id.value))
}

/// Whether the value may be an id; whether it is one is for the uploader to say. Only a raw e-mail address has characters outside ASCII.
fn may_be_one(id: &Identity<'_>) -> bool {
    if id.kind == IdType::Email && id.encoding == Encoding::Raw {
        return id.value.len() <= SentId::MAX_ADDRESS_BYTES;
    }
    id.value.len() <= SentId::MAX_ID_BYTES && id.value.is_ascii()
}

/// Of the changes of one audience the last in the profile; in the order of the audiences.
fn last_of_each(changes: &[MembershipChange]) -> SmallVec<[MembershipChange; 2]> {
    let mut all: SmallVec<[MembershipChange; 2]> = SmallVec::from_slice(changes);
    // Stable: of the changes of one audience the last comes first. The first of equals is what stays.
    all.reverse();
    all.sort_by_key(|change| change.audience);
    all.dedup_by_key(|change| change.audience);
    all
}

fn at_tiktok(changes: &[MembershipChange], action: Action) -> SmallVec<[AudienceId; 2]> {
    let of_action = changes.iter().filter(|change| change.action == action);
    of_action
        .filter_map(|change| match change.audience {
            Audience::AtTikTok(id) => Some(id),
            Audience::Unmapped(_) => None,
        })
        .collect()
}

/// mParticle's ids of audiences without one at TikTok: those changes become dead letters.
fn unmapped(changes: &[MembershipChange], action: Action) -> SmallVec<[i64; 1]> {
    let of_action = changes.iter().filter(|change| change.action == action);
    of_action
        .filter_map(|change| match change.audience {
            Audience::AtTikTok(_) => None,
            Audience::Unmapped(id) => Some(id),
        })
        .collect()
}
