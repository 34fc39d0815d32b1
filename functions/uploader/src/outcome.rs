//! What becomes of changes, and the one place where the meaning of TikTok's answer turns into it.

use std::sync::Arc;

use tiktok::{Failure, Meaning};

/// What became of a change.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// TikTok has it.
    Delivered,
    /// Not now; it may work later.
    Later(Arc<Reason>),
    /// It never will; it goes to the dead-letter queue.
    Rejected(Arc<Reason>),
}

/// Why a change was not delivered. Safe to log and to write beside a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reason {
    /// One word, such as `rejected`.
    pub word: &'static str,
    /// TikTok's code.
    pub code: Option<i64>,
    /// TikTok's words, or this function's.
    pub message: String,
    /// Where to find the call at TikTok.
    pub request_id: Option<String>,
}

impl Reason {
    /// A reason of this function's own.
    #[must_use]
    pub fn new(word: &'static str, message: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { word, code: None, message: message.into(), request_id: None })
    }
}

impl From<&Failure> for Reason {
    fn from(failure: &Failure) -> Self {
        Self {
            word: failure.meaning.reason(),
            code: failure.code,
            message: failure.message.clone(),
            request_id: failure.trace.request_id.clone(),
        }
    }
}

/// What to do next about a call that was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The same again, after a pause.
    Retry,
    /// The same again, when the app may call again.
    CoolDownApp,
    /// The same again, when there may be calls for the advertiser again.
    CoolDownAdvertiser,
    /// Smaller calls, until what is bad stands alone.
    Divide,
    /// See whether the token is dead.
    ExamineToken,
    /// Much later, with an alarm: only the operator can mend it.
    CallOperator,
}

/// Turns meaning into what to do.
#[must_use]
pub const fn next(meaning: Meaning) -> Next {
    match meaning {
        Meaning::Unavailable => Next::Retry,
        Meaning::AppThrottled => Next::CoolDownApp,
        Meaning::AdvertiserThrottled => Next::CoolDownAdvertiser,
        Meaning::PartlySuccessful | Meaning::TooLarge | Meaning::Rejected | Meaning::RejectedUnknown => Next::Divide,
        Meaning::Reauthorise => Next::ExamineToken,
        // A code has no part in these calls: an answer that speaks of one is the operator's to look at.
        Meaning::Operator | Meaning::RestartConsent => Next::CallOperator,
    }
}
