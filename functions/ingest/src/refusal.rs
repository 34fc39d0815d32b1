//! Why a request is not answered with a response. One table says what mParticle is told, and whether sending it again can help.

use lambda_runtime::Diagnostic;
use queue::QueueError;
use serde::Serialize;
use tiktok::{Failure, Meaning};

/// Why a request is refused. Safe to log and to show: nothing of the request is in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// The message is wrong.
    #[error(transparent)]
    Invalid(#[from] firehose::Invalid),
    /// The event is not one of an HTTP API in payload format 2.0.
    #[error("the event is not one of an HTTP API, payload format 2.0")]
    Event,
    /// `isBase64Encoded`, and it is not.
    #[error("the body is not base64")]
    NotBase64,
    /// No token, or a wrong one.
    #[error("the header Authorization must be \"Token <token>\", with the token of this integration")]
    Unauthorized,
    /// No such path.
    #[error("there is nothing here; messages go to POST /v1/firehose")]
    NotFound,
    /// The path with another method.
    #[error("only POST is allowed here")]
    MethodNotAllowed,
    /// More than Lambda takes.
    #[error("the request is larger than {} bytes", crate::transport::MAX_EVENT_BYTES)]
    TooLarge,
    /// TikTok does not accept the token, or not for this advertiser.
    #[error("TikTok refuses the setting \"{}\" for this advertiser: {}", firehose::ACCESS_TOKEN.name, with_trace(.0))]
    TokenRefused(Failure),
    /// TikTok refuses to create an audience, and the advertiser has as many as TikTok allows.
    #[error("the advertiser has as many audiences as TikTok allows (400): delete some in TikTok Ads Manager; {}", with_trace(.0))]
    TooManyAudiences(Failure),
    /// TikTok refuses what was asked for.
    #[error("refused by {}", with_trace(.0))]
    TikTokRefused(Failure),
    /// TikTok is in trouble, or throttles; or the operator of this integration has something to fix.
    #[error("cannot be done now: {}", with_trace(.0))]
    TikTokUnavailable(Failure),
    /// TikTok took longer than the caller can wait.
    #[error("TikTok did not answer in time")]
    TikTokLate,
    /// Not every change is in the queue. What is there already does no harm when it comes again.
    #[error("the queue did not take every change in time")]
    QueueUnavailable(#[from] QueueError),
    /// Secrets Manager did not answer, or a secret is not as it must be.
    #[error("the integration cannot read or write its secrets now")]
    SecretsUnavailable(#[from] secrets::Error),
    /// JSON could not be written: a fault in this program.
    #[error("the integration failed")]
    Internal,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

#[derive(Serialize)]
struct ErrorResponse<'a> {
    error: ErrorBody<'a>,
}

impl Refusal {
    /// The HTTP status. mParticle sends again what is refused with 503, and nothing else of these.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Invalid(_)
            | Self::Event
            | Self::NotBase64
            | Self::TokenRefused(_)
            | Self::TooManyAudiences(_)
            | Self::TikTokRefused(_) => 400,
            Self::Unauthorized => 401,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TooLarge => 413,
            Self::TikTokUnavailable(_)
            | Self::TikTokLate
            | Self::QueueUnavailable(_)
            | Self::SecretsUnavailable(_)
            | Self::Internal => 503,
        }
    }

    /// The word for programs; also the `errorType` of a direct invocation.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(invalid) => invalid.code(),
            Self::Event => "invalid_event",
            Self::NotBase64 => "invalid_body",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooLarge => "too_large",
            Self::TokenRefused(_) => "token_refused",
            Self::TooManyAudiences(_) => "audience_limit",
            Self::TikTokRefused(_) => "tiktok_refused",
            Self::TikTokUnavailable(_) | Self::TikTokLate => "tiktok_unavailable",
            Self::QueueUnavailable(_) => "queue_unavailable",
            Self::SecretsUnavailable(_) => "secrets_unavailable",
            Self::Internal => "internal",
        }
    }

    /// Whether somebody who runs this integration has something to fix: an alarm.
    pub(crate) const fn is_operators(&self) -> bool {
        match self {
            Self::TikTokUnavailable(failure) | Self::TikTokRefused(failure) => {
                matches!(failure.meaning, Meaning::Operator | Meaning::NotAllowListed | Meaning::RejectedUnknown)
            }
            Self::SecretsUnavailable(error) => !error.is_passing(),
            Self::Internal => true,
            Self::Invalid(_)
            | Self::Event
            | Self::NotBase64
            | Self::Unauthorized
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::TooLarge
            | Self::TokenRefused(_)
            | Self::TooManyAudiences(_)
            | Self::TikTokLate
            | Self::QueueUnavailable(_) => false,
        }
    }

    /// TikTok's id of the call that it failed, for its support.
    pub(crate) fn tiktok_request_id(&self) -> Option<&str> {
        match self {
            Self::TokenRefused(failure)
            | Self::TooManyAudiences(failure)
            | Self::TikTokRefused(failure)
            | Self::TikTokUnavailable(failure) => failure.trace.request_id.as_deref(),
            Self::Invalid(_)
            | Self::Event
            | Self::NotBase64
            | Self::Unauthorized
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::TooLarge
            | Self::TikTokLate
            | Self::QueueUnavailable(_)
            | Self::SecretsUnavailable(_)
            | Self::Internal => None,
        }
    }

    /// `{"error": {"code", "message", "field"}}`.
    pub(crate) fn to_json(&self) -> String {
        self.write_body(|error| serde_json::to_string(&ErrorResponse { error }))
    }

    fn write_body(&self, write: impl FnOnce(ErrorBody<'_>) -> serde_json::Result<String>) -> String {
        let field = match self {
            Self::Invalid(invalid) => invalid.field(),
            Self::TokenRefused(_) => Some(format!("account.account_settings.{}", firehose::ACCESS_TOKEN.id)),
            Self::Unauthorized => Some("Authorization".to_owned()),
            Self::Event
            | Self::NotBase64
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::TooLarge
            | Self::TooManyAudiences(_)
            | Self::TikTokRefused(_)
            | Self::TikTokUnavailable(_)
            | Self::TikTokLate
            | Self::QueueUnavailable(_)
            | Self::SecretsUnavailable(_)
            | Self::Internal => None,
        };
        // Three texts always make JSON; there is nothing to fall back on that would say more.
        write(ErrorBody { code: self.code(), message: &self.to_string(), field }).unwrap_or_default()
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure.meaning {
            Meaning::Reauthorize | Meaning::NotPermitted | Meaning::RestartConsent => Self::TokenRefused(failure),
            Meaning::Rejected | Meaning::RejectedUnknown | Meaning::TooLarge | Meaning::Missing => {
                Self::TikTokRefused(failure)
            }
            Meaning::PartlySuccessful
            | Meaning::AppThrottled
            | Meaning::AdvertiserThrottled
            | Meaning::Unavailable
            | Meaning::NotAllowListed
            | Meaning::Operator => Self::TikTokUnavailable(failure),
        }
    }
}

/// A direct invocation fails with the code as its type and the whole as its message.
impl From<Refusal> for Diagnostic {
    fn from(refusal: Refusal) -> Self {
        let error_message = refusal.write_body(|error| serde_json::to_string(&error));
        Self { error_type: refusal.code().to_owned(), error_message }
    }
}

/// TikTok's words, and where its support finds the call.
fn with_trace(failure: &Failure) -> String {
    match &failure.trace.request_id {
        Some(id) => format!("{failure} (request_id {id})"),
        None => failure.to_string(),
    }
}
