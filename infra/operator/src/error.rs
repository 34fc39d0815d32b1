//! Why a command could not be carried out: one line each, which says what to do where that is known.

use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use queue::QueueError;

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Neither `--stack` nor `--stack-name`.
    #[error("which stack? --stack target/local/stack.json for the local one, --stack-name NAME for one on AWS")]
    NoStack,
    /// The file of the local stack is not there, or is none.
    #[error("{0}: {1}; `make up` starts the local stack and writes it")]
    StackFile(String, String),
    /// CloudFormation has no such stack.
    #[error("there is no stack {0} in {1}")]
    StackMissing(String, String),
    /// The stack is not of this product, or of another version of it.
    #[error("the stack {0} has no {1}: it is not of this product, or of an older version")]
    NotOurs(String, String),
    /// No credentials for AWS.
    #[error("no AWS credentials: sign in as for the AWS CLI, or set AWS_PROFILE ({0})")]
    Credentials(String),
    /// No region for AWS.
    #[error("no AWS region: set AWS_REGION, or one in the profile")]
    Region,
    /// The caller may not do that.
    #[error(
        "not permitted: {0}. The managed policy of the stack for operators (its output OperatorPolicyArn) allows it"
    )]
    Denied(String),
    /// A service was not reached.
    #[error("{0} cannot be reached")]
    Unreachable(&'static str),
    /// A service refused.
    #[error("{0} refuses: {1}")]
    Refused(&'static str, String),
    /// SQS.
    #[error("{0}")]
    Queue(#[from] QueueError),
    /// Secrets Manager.
    #[error("{0}")]
    Secrets(#[from] secrets::Error),
    /// TikTok.
    #[error("{0}")]
    TikTok(#[from] tiktok::Failure),
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// The person said no, or nobody could be asked.
    #[error("nothing was done: {0}")]
    NotConfirmed(&'static str),
    /// A setting of the stack makes no sense.
    #[error("the stack's {0} is {1}, which makes no sense")]
    Setting(&'static str, String),
    /// What was begun could not be finished.
    #[error("{0}")]
    Unfinished(String),
}

/// What an SDK's error comes to.
pub(crate) fn of_sdk<E, R>(service: &'static str, error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    if let Some(code) = error.code() {
        let message = error.message().unwrap_or_default();
        let denied = code.contains("AccessDenied") || code.contains("NotAuthorized");
        return if denied {
            Error::Denied(message.to_owned())
        } else {
            Error::Refused(service, if message.is_empty() { code.to_owned() } else { format!("{message} ({code})") })
        };
    }
    let all = DisplayErrorContext(error).to_string();
    if all.contains("credentials") {
        Error::Credentials("none were found".to_owned())
    } else {
        Error::Unreachable(service)
    }
}
