//! The pages, as templates. What comes from outside is escaped by the template engine; only our own style and script are not.

use askama::Template;

use crate::check::Findings;
use crate::notice::Verdict;
use crate::problem::Problem;

/// The style of every page, inline.
pub(crate) const STYLE: &str = include_str!("../templates/page.css");
/// The script of every page, inline. The pages work without it.
pub(crate) const SCRIPT: &str = include_str!("../templates/page.js");
/// More accounts than these are counted, not listed: an answer of a Lambda has 6 MB at most.
const LISTED: usize = 2_000;
/// A list of more accounts than these gets a field to search it.
const SEARCHABLE: usize = 8;

/// The page with the button.
#[derive(Template)]
#[template(path = "start.html")]
pub(crate) struct Start;

/// A page that says what to do instead.
#[derive(Template)]
#[template(path = "problem.html")]
pub(crate) struct Sorry<'a> {
    pub(crate) problem: Problem,
    /// For [`Problem::Operator`]: where to find the log.
    pub(crate) reference: &'a str,
}

/// The page that shows the token.
#[derive(Template)]
#[template(path = "token.html")]
pub(crate) struct Token<'a> {
    pub(crate) secret: &'a str,
    pub(crate) findings: &'a Findings,
    pub(crate) verdict: Verdict,
    pub(crate) minimum_users: u32,
}

impl Sorry<'_> {
    /// What the browser's address becomes.
    fn address(&self) -> &'static str {
        match self.problem {
            Problem::Used | Problem::Shown => "?shown=1",
            Problem::NotFinished
            | Problem::Damaged
            | Problem::OtherBrowser
            | Problem::Unavailable
            | Problem::Operator
            | Problem::Method => "",
        }
    }
}

impl Token<'_> {
    fn listed(&self) -> impl Iterator<Item = &crate::check::Account> {
        self.findings.accounts.iter().take(LISTED)
    }

    /// Whether the token is what the page is about, rather than what is wrong with it.
    fn is_useful(&self) -> bool {
        match self.verdict {
            Verdict::Usable | Verdict::Waiting => true,
            Verdict::NoAccounts | Verdict::NoPermission | Verdict::AllBlocked => false,
        }
    }

    fn unlisted(&self) -> usize {
        self.findings.accounts.len().saturating_sub(LISTED)
    }

    fn is_long(&self) -> bool {
        self.findings.accounts.len() > SEARCHABLE
    }

    fn minimum(&self) -> String {
        grouped(self.minimum_users)
    }

    fn scopes(&self) -> String {
        let scopes: Vec<_> = self.findings.scopes.iter().map(u64::to_string).collect();
        if scopes.is_empty() { "none".to_owned() } else { scopes.join(", ") }
    }
}

/// `50000` as `50,000`.
fn grouped(number: u32) -> String {
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
