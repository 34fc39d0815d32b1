//! What the page says of the accounts, in plain words: what is wrong, whose it is, and what to do.

use crate::check::{Account, Findings};
use crate::repair::Repair;
use crate::standing::Standing;

/// So many accounts are named in a notice; of more, only their number is told.
const NAMED: usize = 4;
/// The order in which problems are told: what the person can mend first.
const PROBLEMS: [Standing; 6] = [
    Standing::NotPermitted,
    Standing::OutOfReach,
    Standing::Agency,
    Standing::InReview,
    Standing::NotEnabled,
    Standing::NotAllowListed,
];

/// How a notice looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Something stands in the way.
    Stop,
    /// Good to know.
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
    pub(crate) text: &'static str,
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

/// What the authorisation is good for.
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
    /// What the authorisation is good for.
    pub(crate) fn verdict(&self) -> Verdict {
        let standings = || self.accounts.iter().map(|account| account.standing);
        if self.accounts_known && self.accounts.is_empty() {
            Verdict::NoAccounts
        } else if !self.permission {
            Verdict::NoPermission
        } else if self.accounts.is_empty() || !standings().all(Standing::is_blocked) {
            Verdict::Usable
        } else if standings().any(Standing::is_waiting) {
            Verdict::Waiting
        } else {
            Verdict::AllBlocked
        }
    }

    /// What stands in the way of accounts, each kind of problem once.
    pub(crate) fn problems(&self) -> Vec<Notice<'_>> {
        let told = |standing: &Standing| {
            let (what, text) = problem_text(*standing)?;
            self.about(Tone::Stop, what, text, |account| account.standing == *standing)
        };
        PROBLEMS.iter().filter_map(told).collect()
    }

    /// The heading over several problems.
    pub(crate) fn problems_title(&self) -> String {
        let blocked = self.accounts.iter().filter(|account| account.standing.is_blocked()).count();
        match self.accounts.len() {
            all if all == blocked => "No account can receive audiences yet".to_owned(),
            all => format!("{} cannot receive audiences yet", counted(blocked, all)),
        }
    }

    /// What the authorisation did to connections that there are already.
    pub(crate) fn repairs(&self) -> Vec<Notice<'_>> {
        let stored = |account: &Account| match account.repair {
            Repair::Stored { healed, others_dead } => (healed, others_dead),
            Repair::None | Repair::Kept | Repair::Failed => (false, false),
        };
        let told = [
            self.about(
                Tone::Good,
                "connected again",
                "Audience changes that were waiting flow again by themselves. You need not paste anything for the \
                 connections that you had authorised.",
                |account| stored(account).0,
            ),
            self.about(
                Tone::Mind,
                "a connection still needs a new token",
                "The token of a connection has stopped working, and this authorisation does not stand in for it, most \
                 likely because another TikTok user gave it. If that connection is yours to mend, paste the new token \
                 into it in mParticle.",
                |account| stored(account).1,
            ),
            self.about(
                Tone::Mind,
                "connected, and left as it was",
                "The new token is not known to work there, so the connection keeps the token that it has. Nothing got \
                 worse.",
                |account| account.repair == Repair::Kept,
            ),
            self.about(
                Tone::Mind,
                "connected, but the new token could not be saved",
                "If the connection had stopped, paste the new token into it in mParticle, or authorise again in a few \
                 minutes.",
                |account| account.repair == Repair::Failed,
            ),
        ];
        told.into_iter().flatten().collect()
    }

    /// How many accounts nobody looked into, if a look would have made sense.
    pub(crate) fn unchecked(&self) -> usize {
        let unchecked = |account: &&Account| account.standing == Standing::Unchecked;
        if self.permission { self.accounts.iter().filter(unchecked).count() } else { 0 }
    }

    /// A notice about the accounts that `are_meant`, if there are any.
    fn about(
        &self,
        tone: Tone,
        what: &'static str,
        text: &'static str,
        are_meant: impl Fn(&Account) -> bool,
    ) -> Option<Notice<'_>> {
        let meant: Vec<_> = self.accounts.iter().filter(|account| are_meant(account)).collect();
        let (some, all) = (meant.len(), self.accounts.len());
        let accounts = if some <= NAMED && some < all { meant } else { Vec::new() };
        (some > 0).then_some(Notice { tone, what, text, some, all, accounts })
    }
}

fn counted(some: usize, all: usize) -> String {
    if some == all { format!("All {all} accounts") } else { format!("{some} of {all} accounts") }
}

/// What is wrong, and what to do.
const fn problem_text(standing: Standing) -> Option<(&'static str, &'static str)> {
    Some(match standing {
        Standing::NotPermitted => (
            "your role does not let you manage audiences",
            "Ask an admin of the ad account to make you Operator or Admin there (Analyst is not enough). Then authorise \
             again.",
        ),
        Standing::OutOfReach => (
            "out of your reach at TikTok",
            "TikTok does not let you in any more. Ask an admin of the ad account to add you as Operator or Admin. Then \
             authorise again.",
        ),
        Standing::Agency => (
            "an agency’s own account, which has no audiences",
            "Sign in to TikTok with access to the client’s advertiser account, as Operator or Admin. Then authorise \
             again.",
        ),
        Standing::InReview => (
            "still in review at TikTok",
            "Wait until TikTok has approved the account; TikTok Ads Manager shows when. You need not authorise again: \
             the token works from then on.",
        ),
        Standing::NotEnabled => (
            "disabled, or not approved by TikTok",
            "Open the account in TikTok Ads Manager to see why, and ask TikTok’s support to enable it. You need not \
             authorise again: the token works from then on.",
        ),
        Standing::NotAllowListed => (
            "this integration is not approved yet",
            "Ask your TikTok account manager to approve the mParticle audience integration, and give them the account \
             id. You need not authorise again: the token works from then on.",
        ),
        Standing::Unchecked | Standing::Ready => return None,
    })
}
