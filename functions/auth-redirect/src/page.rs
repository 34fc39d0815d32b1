//! The pages, as templates. What comes from outside is escaped by the template engine; only our own style and script are not.

use askama::Template;

use crate::audiences::{AudienceState, ConnectedAudience};
use crate::findings::{Account, Findings, Health};
use crate::notice::Verdict;
use crate::problem::Problem;

/// The style of every page, inline.
pub(crate) const STYLE: &str = include_str!("../templates/page.css");
/// The script of every page, inline. The pages work without it.
pub(crate) const SCRIPT: &str = include_str!("../templates/page.js");
/// More accounts than these are counted, not listed: an answer of a Lambda has 6 MB at most.
const LISTED: usize = 5_000;
/// A list of more accounts than these gets a field to filter it.
const FILTERABLE: usize = 8;

/// The page with the button.
#[derive(Template)]
#[template(path = "start.html")]
pub(crate) struct StartPage<'a> {
    pub(crate) own_path: &'a str,
}

/// A page that says what to do instead.
#[derive(Template)]
#[template(path = "problem.html")]
pub(crate) struct ProblemPage<'a> {
    pub(crate) problem: Problem,
    /// For [`Problem::Operator`]: where to find the log.
    pub(crate) reference: &'a str,
    pub(crate) own_path: &'a str,
}

/// The page that shows the token.
#[derive(Template)]
#[template(path = "token.html")]
pub(crate) struct TokenPage<'a> {
    pub(crate) secret: &'a str,
    pub(crate) findings: &'a Findings,
    pub(crate) verdict: Verdict,
    pub(crate) minimum_users: u32,
    /// Whether an audience in mParticle has the setting Send Email.
    pub(crate) email_identities: bool,
    pub(crate) own_path: &'a str,
}

impl ProblemPage<'_> {
    /// What the browser's address becomes. While a code is unspent it stays as it is.
    fn address(&self) -> Option<&'static str> {
        match self.problem {
            Problem::Used | Problem::Shown => Some("?shown=1"),
            Problem::Busy { .. } => None,
            Problem::NotFinished
            | Problem::Damaged
            | Problem::OtherBrowser
            | Problem::Unavailable
            | Problem::Operator
            | Problem::NoSuchPage
            | Problem::Method => Some(""),
        }
    }

    /// After how many seconds the page tries again by itself.
    fn again_in(&self) -> Option<u64> {
        match self.problem {
            Problem::Busy { again_in } => Some(again_in.as_secs().max(1)),
            Problem::Used
            | Problem::Shown
            | Problem::NotFinished
            | Problem::Damaged
            | Problem::OtherBrowser
            | Problem::Unavailable
            | Problem::Operator
            | Problem::NoSuchPage
            | Problem::Method => None,
        }
    }

    /// The words of the button that leads to TikTok.
    fn button(&self) -> Option<&'static str> {
        match self.problem {
            Problem::Busy { .. } | Problem::Operator => None,
            Problem::Used | Problem::Shown => Some("Authorize again"),
            Problem::Unavailable => Some("Try again"),
            Problem::NotFinished | Problem::Damaged | Problem::OtherBrowser | Problem::NoSuchPage | Problem::Method => {
                Some("Start again")
            }
        }
    }
}

impl TokenPage<'_> {
    fn listed(&self) -> impl Iterator<Item = &Account> {
        self.findings.accounts.iter().take(LISTED)
    }

    /// The account, if there is only one.
    fn only_account(&self) -> Option<&Account> {
        match self.findings.accounts.as_slice() {
            [account] => Some(account),
            _ => None,
        }
    }

    /// Whether the token is what the page is about, rather than what is wrong with it.
    fn is_useful(&self) -> bool {
        match self.verdict {
            Verdict::Usable | Verdict::Waiting => true,
            Verdict::NoAccounts | Verdict::NoPermission | Verdict::AllBlocked => false,
        }
    }

    /// How many connections work again: nothing has to be pasted into them.
    fn healed(&self) -> usize {
        let connected = self.findings.accounts.iter().filter_map(|account| account.connected.as_ref());
        connected.flat_map(|connected| &connected.connections).filter(|(_, health)| health.works_again()).count()
    }

    /// Whether rows say what the account can do. Without the permission none can do anything, as the page says above.
    fn has_states(&self) -> bool {
        self.findings.may_manage
    }

    fn unlisted(&self) -> usize {
        self.findings.accounts.len().saturating_sub(LISTED)
    }

    fn is_long(&self) -> bool {
        self.findings.accounts.len() > FILTERABLE
    }

    fn minimum(&self) -> String {
        grouped(self.minimum_users.into())
    }

    /// `12 ready, 1 cannot, 4 not checked`
    fn summary(&self) -> String {
        let [ready, cannot, not_checked] = self.findings.counts();
        let parts = [(ready, "ready"), (cannot, "cannot receive audiences"), (not_checked, "not checked")];
        let parts: Vec<_> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        parts.join(", ")
    }

    fn not_checked(&self) -> usize {
        let [_, _, not_checked] = self.findings.counts();
        not_checked
    }

    /// What an audience's size and age mean.
    fn audience_text(&self, audience: &ConnectedAudience) -> String {
        let users =
            audience.users.map_or_else(|| "size not known".to_owned(), |users| format!("{} users", grouped(users)));
        match audience.state {
            AudienceState::Usable => users,
            AudienceState::TooSmall => format!("{users}: too few, TikTok uses it from {} on", self.minimum()),
            AudienceState::Expiring => format!("{users}: expires soon, use it in a campaign to keep it"),
            AudienceState::Expired => {
                "expired: TikTok does not use it any more. Disconnect it in mParticle, wait 24 hours, and connect it again"
                    .to_owned()
            }
        }
    }

    /// The permissions that were granted, in words, and the numbers of those that have none.
    fn permissions(&self) -> Vec<String> {
        let scopes = &self.findings.scopes;
        let mut granted: Vec<String> = Vec::new();
        for name in scopes.iter().filter_map(|scope| permission_name(*scope)) {
            if !granted.iter().any(|known| known == name) {
                granted.push(name.to_owned());
            }
        }
        let others = scopes.iter().filter(|scope| permission_name(**scope).is_none());
        let others: Vec<_> = others.map(u64::to_string).collect();
        if !others.is_empty() {
            granted.push(format!("Others, by TikTok’s numbers: {}", others.join(", ")));
        }
        granted
    }
}

impl ConnectedAudience {
    fn class(&self) -> &'static str {
        match self.state {
            AudienceState::Usable => "ready",
            AudienceState::TooSmall | AudienceState::Expiring => "warning",
            AudienceState::Expired => "cannot",
        }
    }

    fn mark(&self) -> &'static str {
        match self.state {
            AudienceState::Usable => "✓",
            AudienceState::TooSmall | AudienceState::Expiring => "!",
            AudienceState::Expired => "✕",
        }
    }
}

impl Health {
    /// The words for one connection in the row of its account.
    fn text(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::WorksAgain { was_suspended: true } => "works again; resume it in mParticle",
            Self::WorksAgain { was_suspended: false } => "works again",
            Self::OfAnotherLogin => "stopped; another TikTok login authorized it",
            Self::NotPermitted => "stopped, and left as it was",
            Self::NotKnown => "stopped, and not healed yet",
            Self::NotSaved => "stopped; the new token could not be saved",
        }
    }
}

/// One source only names them (`reference`), so the numbers stay for those that are not named.
const fn permission_name(scope: u64) -> Option<&'static str> {
    Some(match scope {
        3 => "Audience Management",
        30 => "See audiences",
        31 => "Create and change audiences",
        32 => "Share audiences",
        1 | 10 | 100 => "See the ad account’s information",
        _ => return None,
    })
}

/// `50000` as `50,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (50_000, "50,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
