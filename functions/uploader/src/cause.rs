//! Why a change was not delivered, whose trouble that is, and what became of the change.

use std::sync::Arc;

use tiktok::{Failure, Meaning};

/// Why a change waits, or was given up. The attribute `cause` of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// The connection has no token that TikTok accepts.
    Token,
    /// TikTok throttles this advertiser.
    AdvertiserThrottled,
    /// TikTok throttles the whole app.
    AppThrottled,
    /// TikTok gave no answer, or a server error.
    Unavailable,
    /// Only the operator of this integration can fix it: the app is blocked, its secret is wrong, it is not on the allow-list.
    Operator,
    /// Secrets Manager could not be read.
    Secrets,
    /// The envelope is of a version that this uploader does not know yet.
    NewerVersion,
    /// There was no time to try, or other calls had to come first.
    NotTried,
    /// A fault in this program.
    Internal,
    /// TikTok refuses the audience or the id.
    Rejected,
    /// TikTok refuses it with a code that is not in the table of codes.
    RejectedUnknown,
    /// The audience does not exist at TikTok (any more).
    AudienceMissing,
    /// The audience was never connected: there is no TikTok audience.
    NoAudience,
    /// The message is not an envelope of the group that it came in.
    Unreadable,
    /// Too many messages wait, and this one's connection has been blocked for long.
    Crowded,
}

/// Whose trouble a cause is: it decides how long a change waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The connection's own, or its advertiser's: the customer has to do something.
    Connection,
    /// Everybody's, or the operator's.
    Everybody,
    /// Nobody's: it was not tried.
    Nobody,
}

impl Blame {
    /// The word in metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Everybody => "everybody",
            Self::Nobody => "nobody",
        }
    }
}

impl Cause {
    /// The word in letters, logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::AdvertiserThrottled => "advertiser_throttled",
            Self::AppThrottled => "app_throttled",
            Self::Unavailable => "unavailable",
            Self::Operator => "operator",
            Self::Secrets => "secrets",
            Self::NewerVersion => "newer_version",
            Self::NotTried => "not_tried",
            Self::Internal => "internal",
            Self::Rejected => "rejected",
            Self::RejectedUnknown => "rejected_unknown",
            Self::AudienceMissing => "audience_missing",
            Self::NoAudience => "no_audience",
            Self::Unreadable => "unreadable",
            Self::Crowded => "crowded",
        }
    }
}

/// Why, in full. Safe to log and to write beside a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reason {
    /// Why.
    pub cause: Cause,
    /// TikTok's code.
    pub code: Option<i64>,
    /// TikTok's words, or this function's.
    pub message: String,
    /// Where TikTok's support finds the call.
    pub tiktok_request_id: Option<String>,
    /// [`Cause::Unavailable`] alone: TikTok served another advertiser meanwhile, so it is this one's own trouble.
    pub own: bool,
}

impl Reason {
    /// A reason of this function's own.
    #[must_use]
    pub fn new(cause: Cause, message: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { cause, code: None, message: message.into(), tiktok_request_id: None, own: false })
    }

    /// The reason that TikTok gave.
    #[must_use]
    pub fn of(failure: &Failure) -> Arc<Self> {
        Self::of_with(cause_of(failure.meaning), failure)
    }

    /// TikTok's words under another cause.
    #[must_use]
    pub fn of_with(cause: Cause, failure: &Failure) -> Arc<Self> {
        Arc::new(Self {
            cause,
            code: failure.code,
            message: failure.message.clone(),
            tiktok_request_id: failure.trace.request_id.clone(),
            own: false,
        })
    }

    /// The same trouble, of so many that it is everybody's: those who wait for it did nothing.
    #[must_use]
    pub fn everybodys(&self) -> Self {
        let is_throttled = self.cause == Cause::AdvertiserThrottled;
        let cause = if is_throttled { Cause::AppThrottled } else { self.cause };
        Self { cause, own: false, ..self.clone() }
    }

    /// Whose trouble it is.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self.cause {
            Cause::Token | Cause::AdvertiserThrottled => Blame::Connection,
            Cause::Unavailable if self.own => Blame::Connection,
            Cause::NotTried => Blame::Nobody,
            Cause::AppThrottled
            | Cause::Unavailable
            | Cause::Operator
            | Cause::Secrets
            | Cause::NewerVersion
            | Cause::Internal
            | Cause::Rejected
            | Cause::RejectedUnknown
            | Cause::AudienceMissing
            | Cause::NoAudience
            | Cause::Unreadable
            | Cause::Crowded => Blame::Everybody,
        }
    }
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// TikTok has it.
    Delivered,
    /// A newer change of the same id and audience took its place.
    Superseded,
    /// Its audience was deleted by the connection itself: there is nothing to tell.
    Dropped,
    /// Not now; it may work later.
    Later(Arc<Reason>),
    /// It never will: it becomes a dead letter.
    Rejected(Arc<Reason>),
}

/// The cause that TikTok's answer to a mapping call stands for.
#[must_use]
pub const fn cause_of(meaning: Meaning) -> Cause {
    match meaning {
        Meaning::Unavailable => Cause::Unavailable,
        Meaning::AppThrottled => Cause::AppThrottled,
        Meaning::AdvertiserThrottled => Cause::AdvertiserThrottled,
        Meaning::PartlySuccessful | Meaning::TooLarge | Meaning::Rejected => Cause::Rejected,
        Meaning::RejectedUnknown => Cause::RejectedUnknown,
        Meaning::Missing => Cause::AudienceMissing,
        Meaning::Reauthorize | Meaning::NotPermitted => Cause::Token,
        // A code has no part in these calls: an answer that speaks of one is the operator's to look at.
        Meaning::Operator | Meaning::NotAllowListed | Meaning::RestartConsent => Cause::Operator,
    }
}
