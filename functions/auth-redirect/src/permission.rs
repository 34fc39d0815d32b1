//! Whether the audiences of an account can be managed with the token: what TikTok's answers, its status and its kind mean for it.

use tiktok::{AccountStatus, Advertiser, Failure, Meaning};

/// What is known of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Nothing stands in the way.
    Ready,
    /// Nobody knows: not asked, or TikTok gave no clear answer.
    NotChecked,
    /// The person's role does not let the token manage its audiences.
    Role,
    /// TikTok has not approved this integration for the account.
    NotApproved,
    /// TikTok still reviews the account.
    InReview,
    /// TikTok disabled, limited or turned down the account.
    NotEnabled,
    /// An agency's account, which has no audiences of its own.
    Agency,
    /// The token does not reach the account (any more).
    OutOfReach,
}

impl Permission {
    /// What TikTok's answer to [`try_to_manage`](tiktok::Client::try_to_manage) means.
    pub(crate) const fn of_answer(failure: Option<&Failure>) -> Self {
        let Some(failure) = failure else { return Self::Ready };
        match failure.meaning {
            Meaning::Missing => Self::Ready,
            Meaning::NotPermitted => Self::Role,
            Meaning::NotAllowListed => Self::NotApproved,
            Meaning::Reauthorize => Self::OutOfReach,
            Meaning::PartlySuccessful
            | Meaning::AppThrottled
            | Meaning::AdvertiserThrottled
            | Meaning::Unavailable
            | Meaning::RestartConsent
            | Meaning::Operator
            | Meaning::TooLarge
            | Meaning::Rejected
            | Meaning::RejectedUnknown => Self::NotChecked,
        }
    }

    /// The same once status and kind of the account are known. They explain better than a refused call does.
    pub(crate) fn with_details(self, advertiser: &Advertiser) -> Self {
        match advertiser.status {
            AccountStatus::InReview => Self::InReview,
            AccountStatus::NotEnabled => Self::NotEnabled,
            AccountStatus::Enabled | AccountStatus::Unknown if self.is_blocked() && advertiser.is_agency() => {
                Self::Agency
            }
            AccountStatus::Enabled | AccountStatus::Unknown => self,
        }
    }

    /// Whether something is known to stand in the way.
    pub(crate) const fn is_blocked(self) -> bool {
        match self {
            Self::Ready | Self::NotChecked => false,
            Self::Role | Self::NotApproved | Self::InReview | Self::NotEnabled | Self::Agency | Self::OutOfReach => {
                true
            }
        }
    }

    /// Whether the token is good as it is, and works once the account's own matter is settled at TikTok.
    pub(crate) const fn is_waiting(self) -> bool {
        match self {
            Self::NotApproved | Self::InReview | Self::NotEnabled => true,
            Self::Role | Self::OutOfReach | Self::Agency | Self::NotChecked | Self::Ready => false,
        }
    }

    /// The word beside the account's name.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::NotChecked => "Not checked",
            Self::Role => "Cannot: your role",
            Self::NotApproved => "Cannot yet: not approved for this integration",
            Self::InReview => "Cannot yet: in review at TikTok",
            Self::NotEnabled => "Cannot yet: not enabled",
            Self::Agency => "Cannot: agency account",
            Self::OutOfReach => "Cannot: out of reach",
        }
    }

    /// The mark before the word, for the eye.
    pub(crate) const fn mark(self) -> &'static str {
        match self {
            Self::Ready => "✓",
            Self::NotChecked => "?",
            Self::Role | Self::NotApproved | Self::InReview | Self::NotEnabled | Self::Agency | Self::OutOfReach => "✕",
        }
    }

    /// The class of the mark and the word.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotChecked => "unknown",
            Self::Role | Self::NotApproved | Self::InReview | Self::NotEnabled | Self::Agency | Self::OutOfReach => {
                "cannot"
            }
        }
    }
}
