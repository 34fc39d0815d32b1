//! SQS in memory, behind the SDK's own mocks.

use std::sync::{Arc, Mutex};

use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchError, SendMessageBatchOutput};
use aws_sdk_sqs::types::error::RequestThrottled;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry, SendMessageBatchResultEntry};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use serde_json::Value;

/// What the queue holds and how it behaves. Cheap to clone; all clones are the same queue.
#[derive(Clone, Default)]
pub(crate) struct Sqs(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) queue: Vec<Sent>,
    /// Entries of each `SendMessageBatch`.
    pub(crate) batches: Vec<usize>,
    /// So many calls fail as a whole.
    pub(crate) failures: usize,
    /// So many times the second entry of a batch and those after it are refused.
    pub(crate) partial_refusals: usize,
}

/// A message that SQS took.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) group: String,
    pub(crate) body: String,
    pub(crate) firehose_message_id: String,
}

impl Sent {
    pub(crate) fn rows(&self) -> Vec<Value> {
        let envelope: Value = serde_json::from_str(&self.body).unwrap();
        envelope["rows"].as_array().unwrap().clone()
    }
}

impl Sqs {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    pub(crate) fn client(&self) -> aws_sdk_sqs::Client {
        let sqs = self.clone();
        let send = mock!(aws_sdk_sqs::Client::send_message_batch)
            .then_compute_response(move |request| sqs.with(|state| state.take(request.entries())));
        mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&send], |config| config
            .retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled()))
    }
}

impl State {
    fn take(
        &mut self,
        entries: &[SendMessageBatchRequestEntry],
    ) -> MockResponse<SendMessageBatchOutput, SendMessageBatchError> {
        self.batches.push(entries.len());
        assert!(entries.len() <= 10, "SQS takes 10 entries");
        let bytes: usize = entries.iter().map(|entry| entry.message_body().len()).sum();
        assert!(bytes <= 1_048_576, "SQS takes 1 MiB");
        if self.failures > 0 {
            self.failures -= 1;
            let meta = aws_sdk_sqs::error::ErrorMetadata::builder().code("RequestThrottled").build();
            let throttled = RequestThrottled::builder().meta(meta).build();
            return MockResponse::Error(SendMessageBatchError::RequestThrottled(throttled));
        }
        let refused_from = if self.partial_refusals > 0 { 1 } else { entries.len() };
        self.partial_refusals = self.partial_refusals.saturating_sub(1);
        let (taken, refused) = entries.split_at(refused_from.min(entries.len()));
        self.queue.extend(taken.iter().map(|entry| Sent {
            group: entry.message_group_id().unwrap().to_owned(),
            body: entry.message_body().to_owned(),
            firehose_message_id:
                entry.message_attributes().unwrap()["firehose_message_id"].string_value().unwrap().to_owned(),
        }));
        let sent = |entry: &SendMessageBatchRequestEntry| {
            let sent = SendMessageBatchResultEntry::builder().id(entry.id()).message_id("m").md5_of_message_body("");
            sent.build().unwrap()
        };
        let failed = |entry: &SendMessageBatchRequestEntry| {
            let failed = BatchResultErrorEntry::builder().id(entry.id()).code("InternalError").sender_fault(false);
            failed.build().unwrap()
        };
        let output = SendMessageBatchOutput::builder()
            .set_successful(Some(taken.iter().map(sent).collect()))
            .set_failed(Some(refused.iter().map(failed).collect()));
        MockResponse::Output(output.build().unwrap())
    }
}
