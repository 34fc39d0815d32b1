//! Why SQS did not do what was asked, as far as it decides what comes next.

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::BatchResultErrorEntry;

/// SQS did not do what was asked of it. Safe to log: it holds SQS's code and nothing of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// Nobody knows whether it was done.
    #[error("SQS was not reached, or did not answer in time")]
    NoAnswer,
    /// For a reason of SQS's own, such as throttling: the same may work later.
    #[error("SQS cannot do it now: {0}")]
    Busy(String),
    /// The same is refused again.
    #[error("SQS refuses it: {0}")]
    Refused(String),
    /// The receipt handle is not valid any more: the message's visibility ended, and another receiver may have it.
    #[error("the message is not in flight under this receipt handle any more")]
    Expired,
    /// More than [`MAX_MESSAGE_BYTES`](crate::MAX_MESSAGE_BYTES).
    #[error("the message has {0} bytes with its attributes, more than SQS takes")]
    TooLarge(usize),
    /// The body is empty, or has characters that SQS does not take.
    #[error("the message's body is empty, or has characters that SQS does not take")]
    Unfit,
    /// An earlier message of its lane was not queued, and it must not overtake that one.
    #[error("not sent, since an earlier message of its lane was not queued")]
    Behind,
}

impl QueueError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::NoAnswer | Self::Busy(_) => true,
            Self::Refused(_) | Self::Expired | Self::TooLarge(_) | Self::Unfit | Self::Behind => false,
        }
    }

    pub(crate) fn of_call<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        let status = error.raw_response().map(|response| response.status().as_u16());
        match (error.code(), status) {
            (Some(code), Some(400..=428 | 430..=499)) => Self::of_code(code, error.message().unwrap_or_default(), true),
            (Some(code), Some(_)) => Self::of_code(code, "", false),
            (None, Some(status @ 400..=499)) => Self::Refused(format!("HTTP {status}")),
            (None, Some(status)) => Self::Busy(format!("HTTP {status}")),
            (_, None) => Self::NoAnswer,
        }
    }

    pub(crate) fn of_entry(entry: &BatchResultErrorEntry) -> Self {
        Self::of_code(entry.code(), entry.message().unwrap_or_default(), entry.sender_fault())
    }

    /// Codes come with and without the prefix `AWS.SimpleQueueService.`; an expired handle of a FIFO queue is an `InvalidParameterValue`
    /// of which only the message says what is meant.
    fn of_code(code: &str, message: &str, senders_fault: bool) -> Self {
        let expired = code.ends_with("MessageNotInflight")
            || code.ends_with("ReceiptHandleIsInvalid")
            || (code.contains("InvalidParameterValue") && message.contains("receipt handle has expired"));
        let throttled = code.contains("Throttl") || code.ends_with("RequestLimitExceeded");
        if expired {
            Self::Expired
        } else if senders_fault && !throttled {
            Self::Refused(code.to_owned())
        } else {
            Self::Busy(code.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_whether_trying_again_helps() {
        let of = |code: &str, senders_fault| {
            let entry =
                BatchResultErrorEntry::builder().id("0").code(code).sender_fault(senders_fault).build().unwrap();
            QueueError::of_entry(&entry)
        };
        assert_eq!(of("InternalError", false), QueueError::Busy("InternalError".to_owned()));
        assert_eq!(of("RequestThrottled", true), QueueError::Busy("RequestThrottled".to_owned()));
        assert_eq!(of("KmsThrottled", true), QueueError::Busy("KmsThrottled".to_owned()));
        assert_eq!(of("InvalidMessageContents", true), QueueError::Refused("InvalidMessageContents".to_owned()));
        assert_eq!(of("AWS.SimpleQueueService.MessageNotInflight", true), QueueError::Expired);
        assert_eq!(of("ReceiptHandleIsInvalid", true), QueueError::Expired);
    }

    #[test]
    fn an_expired_handle_of_a_fifo_queue_is_told_by_the_message() {
        let of = |message: &str| {
            let entry = BatchResultErrorEntry::builder().id("0").code("InvalidParameterValue").sender_fault(true);
            QueueError::of_entry(&entry.message(message).build().unwrap())
        };
        let expired = "Value AQEB for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.";
        assert_eq!(of(expired), QueueError::Expired);
        assert_eq!(of("Value 99999 is invalid."), QueueError::Refused("InvalidParameterValue".to_owned()));
    }
}
