//! SQS and Secrets Manager in memory, behind the SDK's own clients.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput};
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueOutput;
use aws_sdk_sqs::operation::change_message_visibility_batch::ChangeMessageVisibilityBatchOutput;
use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesOutput;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchResultEntry, QueueAttributeName, SendMessageBatchResultEntry,
};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};

/// A message that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) queue: String,
    pub(crate) body: String,
    pub(crate) delay_s: i32,
    pub(crate) attributes: HashMap<String, String>,
}

/// What AWS holds and saw.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) secrets: HashMap<String, String>,
    pub(crate) reads: u32,
    pub(crate) sent: Vec<Sent>,
    /// Receipt handle and seconds.
    pub(crate) postponed: Vec<(String, i32)>,
    pub(crate) in_flight: u64,
    /// Queues that refuse messages.
    pub(crate) refusing: Vec<String>,
}

/// The AWS of a test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aws(pub(crate) Arc<Mutex<State>>);

impl Aws {
    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        use aws_sdk_secretsmanager::Client;
        let (reading, writing) = (self.clone(), self.clone());
        let get = mock!(Client::get_secret_value).then_compute_response(move |request| {
            let mut state = reading.lock();
            state.reads += 1;
            match state.secrets.get(request.secret_id().unwrap()) {
                Some(text) => MockResponse::Output(GetSecretValueOutput::builder().secret_string(text).build()),
                None => MockResponse::Error(GetSecretValueError::generic(
                    aws_sdk_secretsmanager::error::ErrorMetadata::builder().code("ResourceNotFoundException").build(),
                )),
            }
        });
        let put = mock!(Client::put_secret_value).then_compute_output(move |request| {
            let (id, text) = (request.secret_id().unwrap(), request.secret_string().unwrap());
            writing.lock().secrets.insert(id.to_owned(), text.to_owned());
            PutSecretValueOutput::builder().build()
        });
        mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&get, &put])
    }

    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        use aws_sdk_sqs::Client;
        let (sending, postponing, counting) = (self.clone(), self.clone(), self.clone());
        let send = mock!(Client::send_message_batch).then_compute_output(move |request| {
            let mut state = sending.lock();
            let queue = request.queue_url().unwrap().to_owned();
            let mut output = SendMessageBatchOutput::builder().set_successful(Some(vec![])).set_failed(Some(vec![]));
            for entry in request.entries() {
                if state.refusing.contains(&queue) {
                    let refused = BatchResultErrorEntry::builder().id(entry.id()).code("Full").sender_fault(true);
                    output = output.failed(refused.build().unwrap());
                    continue;
                }
                let attributes = entry.message_attributes().into_iter().flatten();
                state.sent.push(Sent {
                    queue: queue.clone(),
                    body: entry.message_body().to_owned(),
                    delay_s: entry.delay_seconds().unwrap_or_default(),
                    attributes: attributes.map(|(k, v)| (k.clone(), v.string_value().unwrap().to_owned())).collect(),
                });
                let accepted = SendMessageBatchResultEntry::builder().id(entry.id()).message_id("m");
                output = output.successful(accepted.md5_of_message_body("x").build().unwrap());
            }
            output.build().unwrap()
        });
        let postpone = mock!(Client::change_message_visibility_batch).then_compute_output(move |request| {
            let mut output = ChangeMessageVisibilityBatchOutput::builder().set_failed(Some(vec![]));
            for entry in request.entries() {
                let receipt = entry.receipt_handle().to_owned();
                postponing.lock().postponed.push((receipt, entry.visibility_timeout().unwrap()));
                let done = ChangeMessageVisibilityBatchResultEntry::builder().id(entry.id()).build().unwrap();
                output = output.successful(done);
            }
            output.build().unwrap()
        });
        let attributes = mock!(Client::get_queue_attributes).then_compute_output(move |_| {
            let in_flight = counting.lock().in_flight.to_string();
            let name = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
            GetQueueAttributesOutput::builder().attributes(name, in_flight).build()
        });
        mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&send, &postpone, &attributes])
    }
}
