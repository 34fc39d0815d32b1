//! Why there is no token to show: one variant for each page that says what to do instead.

use std::time::Duration;

use tiktok::{Failure, Meaning};

/// A page without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The consent was refused, or not finished.
    NotFinished,
    /// The address is not one that TikTok makes.
    Damaged,
    /// The authorization was started in another browser, or too long ago.
    OtherBrowser,
    /// The code was exchanged before, or is older than an hour.
    Used,
    /// The page was loaded again after it had shown a token.
    Shown,
    /// Too much at once, or no answer from Secrets Manager, or no way to TikTok. The code is unspent: the page tries again by itself.
    Busy {
        /// When it does.
        again_in: Duration,
    },
    /// TikTok is slow or down, and nobody knows whether the code is spent.
    Unavailable,
    /// Only the operator can fix it. The page has a reference and no detail.
    Operator,
    /// No address of ours.
    NoSuchPage,
    /// Not a GET request.
    Method,
}

impl Problem {
    /// TikTok or Secrets Manager throttles, or cannot be reached. The next seconds may do: TikTok counts the app's calls by the second.
    pub(crate) const BUSY_ELSEWHERE: Self = Self::Busy { again_in: Duration::from_secs(5) };

    /// What a failed exchange means to the person who waits.
    pub(crate) const fn of_exchange(failure: &Failure) -> Self {
        match failure.meaning {
            // The code is all that the person brought: whatever TikTok rejects, known or not, it is that.
            Meaning::RestartConsent | Meaning::Rejected | Meaning::RejectedUnknown | Meaning::Missing => Self::Used,
            Meaning::AppThrottled | Meaning::AdvertiserThrottled => Self::BUSY_ELSEWHERE,
            Meaning::Unavailable if failure.not_sent => Self::BUSY_ELSEWHERE,
            Meaning::Unavailable => Self::Unavailable,
            Meaning::Reauthorize | Meaning::NotPermitted => Self::NotFinished,
            Meaning::Operator | Meaning::NotAllowListed | Meaning::TooLarge | Meaning::PartlySuccessful => {
                Self::Operator
            }
        }
    }

    /// The word under which it is counted and logged.
    pub(crate) const fn outcome(self) -> &'static str {
        match self {
            Self::NotFinished => "not_finished",
            Self::Damaged => "damaged",
            Self::OtherBrowser => "other_browser",
            Self::Used => "used",
            Self::Shown => "shown",
            Self::Busy { .. } => "busy",
            Self::Unavailable => "unavailable",
            Self::Operator => "operator",
            Self::NoSuchPage => "no_such_page",
            Self::Method => "method",
        }
    }

    /// The HTTP status of the page.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Shown => 200,
            Self::NotFinished | Self::Damaged | Self::OtherBrowser => 400,
            Self::NoSuchPage => 404,
            Self::Method => 405,
            Self::Used => 410,
            Self::Busy { .. } => 429,
            Self::Operator => 500,
            Self::Unavailable => 503,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_meaning_of_an_exchange_has_its_page() {
        let table = [
            (Meaning::RestartConsent, "used"),
            (Meaning::Rejected, "used"),
            (Meaning::RejectedUnknown, "used"),
            (Meaning::Missing, "used"),
            (Meaning::Unavailable, "unavailable"),
            (Meaning::AppThrottled, "busy"),
            (Meaning::AdvertiserThrottled, "busy"),
            (Meaning::Reauthorize, "not_finished"),
            (Meaning::NotPermitted, "not_finished"),
            (Meaning::NotAllowListed, "operator"),
            (Meaning::Operator, "operator"),
            (Meaning::TooLarge, "operator"),
            (Meaning::PartlySuccessful, "operator"),
        ];
        for (meaning, outcome) in table {
            let failure = Failure { meaning, ..Failure::without_answer("a test") };
            assert_eq!(Problem::of_exchange(&failure).outcome(), outcome, "{meaning:?}");
        }
    }
}
