//! What the page says of the accounts, in plain words: what is wrong, whose it is, and what to do.

use crate::findings::{Account, Findings, Health};
use crate::permission::Permission;

/// So many accounts are named in a notice; of more, only their number is told.
const NAMED: usize = 4;
/// The order in which problems are told: what the person can fix first.
const PROBLEMS: [Permission; 6] = [
    Permission::Role,
    Permission::OutOfReach,
    Permission::Agency,
    Permission::NotApproved,
    Permission::InReview,
    Permission::NotEnabled,
];
/// How a notice looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Something stands in the way.
    Stop,
    /// Something is left to do, or good to know.
    Mind,
    /// Something got better.
    Good,
}

impl Tone {
    /// The class of the notice's element.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Mind => "mind",
            Self::Good => "good",
        }
    }
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice<'a> {
    pub(crate) tone: Tone,
    /// In few words, beginning with a small letter.
    what: &'static str,
    pub(crate) paragraphs: &'static [&'static str],
    /// How many accounts it is about.
    some: usize,
    /// How many there are.
    all: usize,
    /// The accounts that it is about, if they are few and not all of them.
    pub(crate) accounts: Vec<&'a Account>,
}

impl Notice<'_> {
    /// The heading.
    pub(crate) fn title(&self) -> String {
        match (self.some, self.all) {
            (1, 1) => {
                let mut letters = self.what.chars();
                letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
            }
            (some, all) => format!("{}: {}", counted(some, all), self.what),
        }
    }

    /// The heading where it is one of several in a list.
    pub(crate) fn row(&self) -> String {
        let accounts = if self.some == 1 { "account" } else { "accounts" };
        format!("{} {accounts}: {}", self.some, self.what)
    }
}

/// What the authorization is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// At least one account can receive audiences, or nobody knows of a reason against it.
    Usable,
    /// The token is good, but no account can receive audiences before its own matter is settled at TikTok.
    Waiting,
    /// There is no advertiser account.
    NoAccounts,
    /// The permission to manage audiences is missing.
    NoPermission,
    /// The token may not manage the audiences of any account.
    AllBlocked,
}

impl Verdict {
    /// The word under which it is counted and logged.
    pub(crate) const fn outcome(self) -> &'static str {
        match self {
            Self::Usable => "shown_usable",
            Self::Waiting => "shown_waiting",
            Self::NoAccounts => "shown_no_accounts",
            Self::NoPermission => "shown_no_permission",
            Self::AllBlocked => "shown_all_blocked",
        }
    }
}

impl Findings {
    /// What the authorization is good for.
    pub(crate) fn verdict(&self) -> Verdict {
        let permissions = || self.accounts.iter().map(|account| account.permission);
        if self.accounts_known && self.accounts.is_empty() {
            Verdict::NoAccounts
        } else if !self.may_manage {
            Verdict::NoPermission
        } else if self.accounts.is_empty() || !permissions().all(Permission::is_blocked) {
            Verdict::Usable
        } else if permissions().any(Permission::is_waiting) {
            Verdict::Waiting
        } else {
            Verdict::AllBlocked
        }
    }

    /// What stands in the way of accounts, each kind of problem once.
    pub(crate) fn problems(&self) -> Vec<Notice<'_>> {
        let told = |permission: &Permission| {
            let (what, paragraphs) = problem_text(*permission)?;
            self.about(Tone::Stop, what, paragraphs, |account| account.permission == *permission)
        };
        PROBLEMS.iter().filter_map(told).collect()
    }

    /// The heading over several problems.
    pub(crate) fn problems_title(&self) -> String {
        let blocked = self.accounts.iter().filter(|account| account.permission.is_blocked()).count();
        match self.accounts.len() {
            all if all == blocked => "No account can receive audiences yet".to_owned(),
            all => format!("{} cannot receive audiences yet", counted(blocked, all)),
        }
    }

    /// How the connections are that had stopped, and where that is not known.
    pub(crate) fn connections(&self) -> Vec<Notice<'_>> {
        let kinds = [
            Health::WorksAgain { was_suspended: true },
            Health::WorksAgain { was_suspended: false },
            Health::OfAnotherLogin,
            Health::NotPermitted,
            Health::NotKnown,
            Health::NotSaved,
        ];
        let told = |kind: &Health| {
            let (tone, what, paragraphs) = health_text(*kind)?;
            self.about(tone, what, paragraphs, |account| account.any(|health| health == *kind))
        };
        let unread = self.about(
            Tone::Mind,
            "connections could not be looked at",
            &[
                "They were left as they are. If one had stopped, authorize again in a few minutes; if you read this again then, ask the people who gave you the link. If none had stopped, there is nothing to do.",
            ],
            |account| account.unread,
        );
        kinds.iter().filter_map(told).chain(unread).collect()
    }

    /// How many accounts are `Ready`, cannot, and were not checked.
    pub(crate) fn counts(&self) -> [usize; 3] {
        let count =
            |is_so: fn(Permission) -> bool| self.accounts.iter().filter(|account| is_so(account.permission)).count();
        [
            count(|permission| permission == Permission::Ready),
            count(Permission::is_blocked),
            count(|permission| permission == Permission::NotChecked),
        ]
    }

    /// A notice about the accounts that `are_meant`, if there are any.
    fn about(
        &self,
        tone: Tone,
        what: &'static str,
        paragraphs: &'static [&'static str],
        are_meant: impl Fn(&Account) -> bool,
    ) -> Option<Notice<'_>> {
        let meant: Vec<_> = self.accounts.iter().filter(|account| are_meant(account)).collect();
        let (some, all) = (meant.len(), self.accounts.len());
        let accounts = if some <= NAMED && some < all { meant } else { Vec::new() };
        (some > 0).then_some(Notice { tone, what, paragraphs, some, all, accounts })
    }
}

fn counted(some: usize, all: usize) -> String {
    if some == all { format!("All {all} accounts") } else { format!("{some} of {all} accounts") }
}

/// What is wrong, and what to do.
const fn problem_text(permission: Permission) -> Option<(&'static str, &'static [&'static str])> {
    Some(match permission {
        Permission::Role => (
            "your role does not let you manage audiences",
            &[
                "Ask an admin of the ad account to make you Operator or Admin there (Analyst is not enough). Then authorize again.",
            ],
        ),
        Permission::OutOfReach => (
            "out of your reach at TikTok",
            &[
                "TikTok does not let you in any more. Ask an admin of the ad account to add you as Operator or Admin. Then authorize again.",
            ],
        ),
        Permission::Agency => (
            "an agency’s own account, which has no audiences",
            &[
                "Log in to TikTok with access to the client’s advertiser account, as Operator or Admin. Then authorize again.",
            ],
        ),
        Permission::InReview => (
            "still in review at TikTok",
            &[
                "Wait until TikTok has approved the account; TikTok Ads Manager shows when. You need not authorize again: the token works from then on.",
            ],
        ),
        Permission::NotEnabled => (
            "disabled, or not approved by TikTok",
            &[
                "Open the account in TikTok Ads Manager to see why, and ask TikTok’s support to enable it. You need not authorize again: the token works from then on.",
            ],
        ),
        Permission::NotApproved => (
            "this integration is not approved yet",
            &[
                "Ask your TikTok account manager to approve the mParticle audience integration, and give them the account id. You need not authorize again: the token works from then on.",
            ],
        ),
        Permission::NotChecked | Permission::Ready => return None,
    })
}

/// What became of a connection that had stopped, and what is left to do.
const fn health_text(health: Health) -> Option<(Tone, &'static str, &'static [&'static str])> {
    Some(match health {
        Health::Works => return None,
        Health::WorksAgain { was_suspended: false } => (
            Tone::Good,
            "connected again",
            &["Audience changes that were waiting are sent to TikTok by themselves. You need not paste anything."],
        ),
        Health::WorksAgain { was_suspended: true } => (
            Tone::Mind,
            "connected again; now resume it in mParticle",
            &[
                "The connection was stopped for so long that mParticle was told to suspend it. In mParticle, open the audience’s connection to TikTok and choose Resume. You need not paste anything.",
                "Changes from while it was suspended may be missing. To send the whole audience again, disconnect it from TikTok in mParticle, wait 24 hours, and connect it again: TikTok then has a new audience with everybody in it. Choose that one in your campaigns.",
            ],
        ),
        Health::OfAnotherLogin => (
            Tone::Mind,
            "a connection of another TikTok login is stopped",
            &[
                "Another login authorized it, so this authorization leaves it alone. Ask that person to authorize again. If the connection is yours to take over, paste the new token into it in mParticle.",
            ],
        ),
        Health::NotPermitted => (
            Tone::Mind,
            "a connection is still stopped",
            &[
                "TikTok does not take its token any more, and the new one may not manage audiences. It was left as it was: nothing got worse.",
            ],
        ),
        Health::NotKnown => (
            Tone::Mind,
            "a stopped connection is not healed yet",
            &[
                "TikTok did not say, or not in time, that the new token works for it. Nothing got worse: authorize again in a few minutes, or paste the new token into the connection in mParticle.",
            ],
        ),
        Health::NotSaved => (
            Tone::Mind,
            "a connection is stopped, and the new token could not be saved for it",
            &["Authorize again in a few minutes, or paste the new token into the connection in mParticle."],
        ),
    })
}
