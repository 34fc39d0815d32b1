//! Turns a membership change into envelopes: of each profile only device ids, MPID and audience ids.

use envelope::{DeviceId, Header, Row, Writer};
use firehose::{Action, DeviceIdentity, IdentityEncoding, IdentityKind, Membership, MembershipChange, Profile};
use ids::{AudienceId, TokenFingerprint};
use secrecy::ExposeSecret;
use smallvec::SmallVec;

/// What is to be queued of a request, and what is not.
#[derive(Debug, Default)]
pub struct Queueable {
    /// The bodies of queue messages.
    pub envelopes: Vec<String>,
    /// How many changes of a user in an audience they hold.
    pub changes: u64,
    /// What was left out.
    pub dropped: Dropped,
}

/// How much was left out, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Identities of types that TikTok does not take.
    pub identity_type: u64,
    /// Identities in an encoding that the protocol does not know.
    pub encoding: u64,
    /// Identities without a value, or with one that is no id of any encoding.
    pub malformed: u64,
    /// Updates of attributes.
    pub attribute_update: u64,
    /// Changes that a later one in the same profile undoes or repeats.
    pub superseded: u64,
    /// Profiles in which no membership changes.
    pub no_change: u64,
    /// Profiles with changes and without an id.
    pub no_id: u64,
}

impl Dropped {
    /// Each reason and its count.
    #[must_use]
    pub const fn by_reason(&self) -> [(&'static str, u64); 7] {
        [
            ("identity_type", self.identity_type),
            ("encoding", self.encoding),
            ("malformed", self.malformed),
            ("attribute_update", self.attribute_update),
            ("superseded", self.superseded),
            ("no_change", self.no_change),
            ("no_id", self.no_id),
        ]
    }
}

/// Writes the changes into as few envelopes of at most `max_bytes` as hold them.
///
/// # Errors
/// The serializer's, if it has any.
pub fn envelopes(request: Membership<'_>, max_bytes: usize) -> Result<Queueable, serde_json::Error> {
    let header = Header {
        advertiser: request.account.advertiser,
        token: TokenFingerprint::of(request.account.token.expose_secret()),
        changed_ms: request.timestamp_ms,
    };
    let mut writer = Writer::new(header, max_bytes);
    let mut out = Queueable::default();
    // One row serves for all users: its lists keep their memory.
    let mut row = Row::default();
    for profile in request.profiles {
        out.changes += fill(&mut row, profile, &mut out.dropped);
        if !row.ids.is_empty() {
            writer.push(&row)?;
        }
    }
    out.envelopes = writer.finish();
    Ok(out)
}

/// Puts a user into `row` and tells how many changes it holds: none, and no ids, if there is nothing to queue.
fn fill<'a>(row: &mut Row<'a>, profile: Profile<'a>, dropped: &mut Dropped) -> u64 {
    clear(row);
    row.mpid = profile.mpid;
    put_changes(row, profile.audiences, dropped);
    let changes = row.adds.len() + row.deletes.len() + row.unmapped_adds.len() + row.unmapped_deletes.len();
    if changes == 0 {
        dropped.no_change += 1;
        return 0;
    }
    row.ids.extend(profile.device_identities.into_iter().filter_map(|identity| device_id(identity, dropped)));
    if row.ids.is_empty() {
        dropped.no_id += 1;
        return 0;
    }
    changes as u64
}

fn clear(row: &mut Row<'_>) {
    let Row { changed_ms, mpid, ids, adds, deletes, unmapped_adds, unmapped_deletes } = row;
    *changed_ms = None;
    *mpid = None;
    ids.clear();
    adds.clear();
    deletes.clear();
    unmapped_adds.clear();
    unmapped_deletes.clear();
}

/// An audience as far as it is known. Without one at TikTok the change goes to the dead-letter queue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    AtTikTok(AudienceId),
    Unmapped(i64),
}

fn put_changes(row: &mut Row<'_>, audiences: SmallVec<[MembershipChange; 2]>, dropped: &mut Dropped) {
    let mut changes: SmallVec<[(Target, Action); 2]> = SmallVec::new();
    for MembershipChange { audience_id, tiktok_audience, action } in audiences {
        match action {
            Action::AttributeUpdate => dropped.attribute_update += 1,
            Action::Add | Action::Delete => {
                let target = tiktok_audience.map_or(Target::Unmapped(audience_id), Target::AtTikTok);
                changes.push((target, action));
            }
        }
    }
    // A stable sort: of the changes of one audience the last in the message comes last.
    changes.sort_by_key(|(target, _)| *target);
    for (index, (target, action)) in changes.iter().enumerate() {
        if changes.get(index + 1).is_some_and(|(next, _)| next == target) {
            dropped.superseded += 1;
            continue;
        }
        match (*target, *action) {
            (Target::AtTikTok(audience), Action::Add) => row.adds.push(audience),
            (Target::AtTikTok(audience), Action::Delete) => row.deletes.push(audience),
            (Target::Unmapped(audience), Action::Add) => row.unmapped_adds.push(audience),
            (Target::Unmapped(audience), Action::Delete) => row.unmapped_deletes.push(audience),
            (_, Action::AttributeUpdate) => {}
        }
    }
}

/// An id that may go on. Whether it is a device's is for the uploader to say; here only what no envelope can carry is left out.
fn device_id<'a>(identity: DeviceIdentity<'a>, dropped: &mut Dropped) -> Option<DeviceId<'a>> {
    let IdentityKind::Advertising(kind) = identity.kind else {
        dropped.identity_type += 1;
        return None;
    };
    let IdentityEncoding::Known(encoding) = identity.encoding else {
        dropped.encoding += 1;
        return None;
    };
    // SQS refuses a whole message over some characters outside ASCII, and no id has any.
    let value = identity.value.map(|text| text.0).filter(|id| id.len() <= DeviceId::MAX_ID_BYTES && id.is_ascii());
    dropped.malformed += u64::from(value.is_none());
    value.map(|value| DeviceId(kind, encoding, value))
}
