//! What the token of a message means for its connection: whether TikTok must be asked.

use ids::{AccountId, TokenFingerprint};

use crate::Record;

/// What the record of an advertiser knows of the token that a membership message brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStatus {
    /// The token of its connection, which is active.
    InUse,
    /// A token that a newer one replaced, and the newer one is active.
    Replaced,
    /// The token of its connection, which is refused or dead. Accepted, it is for [`Record::revive`].
    Suspended,
    /// Unknown to its connection; or replaced, and the newer one is refused or dead; or there is no connection yet. Accepted, it is for
    /// [`Record::accept`].
    Unproven,
}

impl TokenStatus {
    /// What `fingerprint` is for the connection of `account`.
    #[must_use]
    pub fn of(record: Option<&Record>, account: AccountId, fingerprint: TokenFingerprint) -> Self {
        let Some(connection) = record.and_then(|record| record.get(account)) else { return Self::Unproven };
        let is_own = connection.fingerprint == fingerprint;
        match (connection.state.is_active(), is_own) {
            (true, true) => Self::InUse,
            (false, true) => Self::Suspended,
            (true, false) if connection.replaced.contains(&fingerprint) => Self::Replaced,
            (_, false) => Self::Unproven,
        }
    }

    /// Whether TikTok is worth asking about it. The connection's own token is asked about only at a verification: its queued changes make the
    /// uploader ask anyway.
    #[must_use]
    pub const fn is_worth_asking(self, at_verification: bool) -> bool {
        match self {
            Self::InUse | Self::Replaced => false,
            Self::Suspended => at_verification,
            Self::Unproven => true,
        }
    }
}
