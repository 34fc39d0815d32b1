//! Why there is no token to show: one variant for each page that says what to do instead.

use lambda_http::http::StatusCode;
use tiktok::{Failure, Meaning};

/// A page without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The consent was refused, or not finished.
    NotFinished,
    /// The address is not one that TikTok makes.
    Damaged,
    /// The authorisation was started in another browser, or too long ago.
    OtherBrowser,
    /// The code was exchanged before, or is older than an hour.
    Used,
    /// The page was loaded again after it had shown a token.
    Shown,
    /// TikTok is slow or down.
    Unavailable,
    /// Only the operator can mend it. The page has a reference and no detail.
    Operator,
    /// Not a GET request.
    Method,
}

impl Problem {
    /// What a failed exchange means to the person who waits.
    pub(crate) const fn of_exchange(failure: &Failure) -> Self {
        match failure.meaning {
            // The code is all that the person brought: whatever TikTok rejects, it is that.
            Meaning::RestartConsent | Meaning::Rejected => Self::Used,
            Meaning::Unavailable | Meaning::AppThrottled | Meaning::AdvertiserThrottled => Self::Unavailable,
            Meaning::Reauthorise => Self::NotFinished,
            Meaning::Operator | Meaning::TooLarge | Meaning::PartlySuccessful | Meaning::RejectedUnknown => {
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
            Self::Unavailable => "unavailable",
            Self::Operator => "operator",
            Self::Method => "method",
        }
    }

    /// The HTTP status of the page.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::NotFinished | Self::Damaged | Self::OtherBrowser => StatusCode::BAD_REQUEST,
            Self::Used => StatusCode::GONE,
            Self::Shown => StatusCode::OK,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Operator => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_meaning_of_an_exchange_has_its_page() {
        let table = [
            (Meaning::RestartConsent, Problem::Used),
            (Meaning::Rejected, Problem::Used),
            (Meaning::Unavailable, Problem::Unavailable),
            (Meaning::AppThrottled, Problem::Unavailable),
            (Meaning::AdvertiserThrottled, Problem::Unavailable),
            (Meaning::Reauthorise, Problem::NotFinished),
            (Meaning::Operator, Problem::Operator),
            (Meaning::TooLarge, Problem::Operator),
            (Meaning::PartlySuccessful, Problem::Operator),
            (Meaning::RejectedUnknown, Problem::Operator),
        ];
        for (meaning, problem) in table {
            let failure =
                Failure { meaning, code: None, status: None, message: String::new(), trace: tiktok::Trace::default() };
            assert_eq!(Problem::of_exchange(&failure), problem, "{meaning:?}");
        }
    }
}
