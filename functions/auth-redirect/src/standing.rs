//! Whether an account can receive audiences with the token: what TikTok's status, kind and answers mean for it.

use tiktok::{Failure, Meaning};

/// An account's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The person's role does not let the token manage its audiences.
    NotPermitted,
    /// TikTok has not approved this integration for the account.
    NotAllowListed,
    /// TikTok still reviews the account.
    InReview,
    /// TikTok disabled, limited or turned down the account.
    NotEnabled,
    /// An agency's account, which has no audiences of its own.
    Agency,
    /// The token does not reach the account (any more).
    OutOfReach,
    /// Nobody knows: not looked into, or TikTok gave no clear answer.
    Unchecked,
    /// Nothing stands in the way.
    Ready,
}

impl Standing {
    /// What a failed look at the account's audiences means.
    pub(crate) const fn of_probe(failure: &Failure) -> Self {
        match (failure.meaning, failure.code) {
            (_, Some(40118)) => Self::NotAllowListed,
            (Meaning::Reauthorise, Some(40001)) => Self::NotPermitted,
            (Meaning::Reauthorise, _) => Self::OutOfReach,
            (
                Meaning::PartlySuccessful
                | Meaning::AppThrottled
                | Meaning::AdvertiserThrottled
                | Meaning::Unavailable
                | Meaning::RestartConsent
                | Meaning::Operator
                | Meaning::TooLarge
                | Meaning::Rejected
                | Meaning::RejectedUnknown,
                _,
            ) => Self::Unchecked,
        }
    }

    /// The standing after TikTok's `status` and `role` of the account are known. They explain better than a refused call does.
    ///
    /// The words are those of TikTok's enumerations; one that is not known counts as not enabled.
    pub(crate) fn in_light_of(self, status: &str, role: &str) -> Self {
        match status {
            // A change to the account is under review, or was turned down; the account itself goes on.
            "" | "STATUS_ENABLE" | "STATUS_PENDING_CONFIRM_MODIFY" | "STATUS_CONFIRM_MODIFY_FAIL" => {
                if self != Self::Ready && self != Self::Unchecked && role.contains("AGENT") {
                    Self::Agency
                } else {
                    self
                }
            }
            _ if ["PENDING", "WAIT", "UNAUDITED"].iter().any(|word| status.contains(word)) => Self::InReview,
            _ => Self::NotEnabled,
        }
    }

    /// Whether something is known to stand in the way.
    pub(crate) const fn is_blocked(self) -> bool {
        match self {
            Self::Ready | Self::Unchecked => false,
            Self::NotPermitted
            | Self::NotAllowListed
            | Self::InReview
            | Self::NotEnabled
            | Self::Agency
            | Self::OutOfReach => true,
        }
    }

    /// Whether the token is good as it is, and works once the account's own matter is settled at TikTok.
    pub(crate) const fn is_waiting(self) -> bool {
        match self {
            Self::NotAllowListed | Self::InReview | Self::NotEnabled => true,
            Self::NotPermitted | Self::OutOfReach | Self::Agency | Self::Unchecked | Self::Ready => false,
        }
    }

    /// A word or two, to stand beside the account's name.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::NotPermitted => "No access to audiences",
            Self::NotAllowListed => "Not approved for this integration",
            Self::InReview => "In review at TikTok",
            Self::NotEnabled => "Not enabled",
            Self::Agency => "Agency account",
            Self::OutOfReach => "Out of reach",
            Self::Unchecked => "Not checked",
            Self::Ready => "Ready",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiktok::Trace;

    fn probe(code: i64) -> Standing {
        let meaning = Meaning::of_code(code, "").unwrap();
        let failure =
            Failure { meaning, code: Some(code), status: Some(200), message: String::new(), trace: Trace::default() };
        Standing::of_probe(&failure)
    }

    #[test]
    fn a_refused_probe_says_why() {
        let table = [
            (Standing::NotPermitted, &[40001][..]),
            (Standing::NotAllowListed, &[40118]),
            (Standing::OutOfReach, &[40105, 40300, 40301, 40302]),
            (Standing::Unchecked, &[40100, 40133, 50000, 40113, 40002, 40999]),
        ];
        for (standing, codes) in table {
            for code in codes {
                assert_eq!(probe(*code), standing, "{code}");
            }
        }
    }

    #[test]
    fn status_and_kind_explain_better_than_a_refusal() {
        let table = [
            (Standing::Ready, "STATUS_ENABLE", "ROLE_ADVERTISER", Standing::Ready),
            (Standing::Ready, "STATUS_DISABLE", "ROLE_ADVERTISER", Standing::NotEnabled),
            (Standing::NotPermitted, "STATUS_DISABLE", "ROLE_ADVERTISER", Standing::NotEnabled),
            (Standing::NotPermitted, "STATUS_LIMIT", "", Standing::NotEnabled),
            (Standing::NotPermitted, "STATUS_CONFIRM_FAIL", "", Standing::NotEnabled),
            (Standing::NotPermitted, "STATUS_PENDING_CONFIRM", "", Standing::InReview),
            (Standing::Unchecked, "STATUS_SELF_SERVICE_UNAUDITED", "", Standing::InReview),
            (Standing::Ready, "STATUS_PENDING_CONFIRM_MODIFY", "", Standing::Ready),
            (Standing::NotPermitted, "STATUS_ENABLE", "ROLE_CHILD_AGENT", Standing::Agency),
            (Standing::Ready, "STATUS_ENABLE", "ROLE_AGENT", Standing::Ready),
            (Standing::Unchecked, "", "ROLE_AGENT", Standing::Unchecked),
        ];
        for (probed, status, role, standing) in table {
            assert_eq!(probed.in_light_of(status, role), standing, "{probed:?} {status} {role}");
        }
    }
}
