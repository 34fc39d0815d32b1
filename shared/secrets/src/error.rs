//! Why a secret could not be read or written.

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};

/// Why a secret could not be read or written. Safe to log: it holds the secret's name and nothing of its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not exist.
    #[error("the secret {0} does not exist")]
    Missing(String),
    /// It is not of the documented form: a person edited it, or a newer version of this software wrote it. It is never overwritten.
    #[error("the secret {secret} is not in the documented form: {why}")]
    Unreadable {
        /// Its name.
        secret: String,
        /// What is wrong with it.
        why: NotAsDocumented,
    },
    /// It is marked for deletion. The operator restores it, or deletes it at once.
    #[error("the secret {0} is marked for deletion")]
    BeingDeleted(String),
    /// Secrets Manager did not answer, or throttles, or failed.
    #[error("Secrets Manager: {0}")]
    Unavailable(String),
    /// Secrets Manager refuses, and will again: access is missing, or a key does not decrypt.
    #[error("Secrets Manager refused: {0}")]
    Refused(String),
    /// Other writers were first, again and again.
    #[error("the secret {0} is being written by too many at once")]
    Contended(String),
    /// Secrets Manager keeps no more versions of it today, or no more secrets.
    #[error("the secret {0} has reached a quota of Secrets Manager")]
    QuotaReached(String),
    /// With the change it would be larger than Secrets Manager takes.
    #[error("the secret {0} would be larger than 65,536 bytes")]
    TooLarge(String),
}

impl Error {
    /// Whether the same may succeed in a moment. Everything else is for the operator.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Contended(_) => true,
            Self::Missing(_)
            | Self::Refused(_)
            | Self::Unreadable { .. }
            | Self::BeingDeleted(_)
            | Self::QuotaReached(_)
            | Self::TooLarge(_) => false,
        }
    }
}

/// What is wrong with the value of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAsDocumented {
    /// It is binary.
    #[error("binary, not text")]
    Binary,
    /// It is not JSON, or a field is missing, of another type or empty.
    #[error("at line {line}, column {column}")]
    Json {
        /// Where, from 1; 0 if it is about the whole.
        line: usize,
        /// Where, from 1; 0 if it is about the whole.
        column: usize,
    },
    /// It is no record of connections.
    #[error(transparent)]
    Record(connections::Unreadable),
}

/// Only the kind of the failure: the details may hold what was to be written.
pub(crate) fn unavailable<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Error {
    let what = match error {
        SdkError::ConstructionFailure(_) => return Error::Refused("before it was sent".to_owned()),
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(_) => "not reached".to_owned(),
        SdkError::ResponseError(_) => "the answer could not be read".to_owned(),
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("no code");
            if service.raw().status().is_client_error() && !code.contains("Throttl") {
                return Error::Refused(code.to_owned());
            }
            code.to_owned()
        }
        _ => "failed".to_owned(),
    };
    Error::Unavailable(what)
}
