//! A user as a membership change carries one: of the identities those that TikTok can match, of the person nothing.

use std::borrow::Cow;
use std::fmt;

use ids::{AudienceId, Encoding, IdType, Mpid};
use smallvec::SmallVec;

/// A user, by whatever ids the message has, and what changes.
#[derive(Debug, Default)]
pub struct Profile<'a> {
    /// mParticle's id of the user.
    pub mpid: Option<Mpid>,
    /// Of the types and encodings that this product knows.
    pub device_ids: SmallVec<[Identity<'a>; 4]>,
    /// E-mail addresses; the user and partner identities beside them are skipped.
    pub emails: SmallVec<[Identity<'a>; 1]>,
    /// In the order of the message.
    pub changes: SmallVec<[MembershipChange; 2]>,
}

/// An identity as it stands in the message. Its `Debug` output hides the id.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Which id it is.
    pub kind: IdType,
    /// How the value is encoded.
    pub encoding: Encoding,
    /// The id, borrowed unless it was escaped or a number.
    pub value: Cow<'a, str>,
}

impl fmt::Debug for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("kind", &self.kind).field("encoding", &self.encoding).finish_non_exhaustive()
    }
}

/// A user joins or leaves an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembershipChange {
    /// Where.
    pub audience: Audience,
    /// What happens.
    pub action: Action,
    /// Whether e-mail addresses may be sent for the audience: the customer's setting [`SEND_EMAIL`](crate::SEND_EMAIL) is on.
    pub by_email: bool,
}

/// An audience as far as the message knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// TikTok's, as the subscription's response set it.
    AtTikTok(AudienceId),
    /// mParticle's id of one that has none at TikTok.
    Unmapped(i64),
}

/// What happens to a user in an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The user joins.
    Add,
    /// The user leaves.
    Delete,
}

/// How much of the profiles was left out, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Profiles that are no object, or hold a number that nothing can hold where it matters.
    pub odd_profile: u64,
    /// MPIDs that are no signed 64-bit number: the profile counts without it.
    pub odd_mpid: u64,
    /// Lists of identities or audiences, and elements of them, that have another shape.
    pub odd_value: u64,
    /// Identities of types that TikTok does not take.
    pub identity_type: u64,
    /// Identities in an encoding that the protocol does not know.
    pub encoding: u64,
    /// Identities whose value is missing or no text.
    pub no_value: u64,
    /// Updates of attributes: the membership did not change.
    pub attribute_update: u64,
    /// Changes with an action that the protocol does not have, or with none.
    pub unknown_action: u64,
    /// Changes of an audience without an id.
    pub no_audience_id: u64,
    /// Changes of an audience whose setting [`SEND_EMAIL`](crate::SEND_EMAIL) says neither yes nor no: it counts as off.
    pub odd_send_email: u64,
    /// Ids and changes of profiles that have more than anybody has.
    pub too_many: u64,
}

impl LeftOut {
    /// Each reason and its count.
    #[must_use]
    pub const fn by_reason(&self) -> [(&'static str, u64); 11] {
        [
            ("odd_profile", self.odd_profile),
            ("odd_mpid", self.odd_mpid),
            ("odd_value", self.odd_value),
            ("identity_type", self.identity_type),
            ("encoding", self.encoding),
            ("no_value", self.no_value),
            ("attribute_update", self.attribute_update),
            ("unknown_action", self.unknown_action),
            ("no_audience_id", self.no_audience_id),
            ("odd_send_email", self.odd_send_email),
            ("too_many", self.too_many),
        ]
    }
}
