//! SQS and Secrets Manager in memory, behind the SDK's own mocks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_secretsmanager::operation::create_secret::{CreateSecretError, CreateSecretOutput};
use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput};
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueOutput;
use aws_sdk_secretsmanager::types::error::{InternalServiceError, ResourceExistsException, ResourceNotFoundException};
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchError, SendMessageBatchOutput};
use aws_sdk_sqs::types::error::RequestThrottled;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry, SendMessageBatchResultEntry};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};

/// What the cloud holds and how it behaves. Cheap to clone; all clones are the same cloud.
#[derive(Clone, Default)]
pub(crate) struct Cloud(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) secrets: HashMap<String, String>,
    /// Group and body of each message.
    pub(crate) queue: Vec<(String, String)>,
    /// Entries of each `SendMessageBatch`.
    pub(crate) batches: Vec<usize>,
    pub(crate) secret_reads: usize,
    pub(crate) secret_writes: usize,
    /// Calls to Secrets Manager fail.
    pub(crate) secrets_down: bool,
    /// So many calls to SQS fail as a whole.
    pub(crate) queue_failures: usize,
    /// So many times the second entry of a batch and those after it are refused.
    pub(crate) partial_refusals: usize,
}

impl Cloud {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        let cloud = self.clone();
        let send = mock!(aws_sdk_sqs::Client::send_message_batch)
            .then_compute_response(move |request| cloud.with(|state| state.take(request.entries())));
        mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&send], |config| config
            .retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled()))
    }

    pub(crate) fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        use aws_sdk_secretsmanager::Client;
        let [reading, creating, putting] = [self.clone(), self.clone(), self.clone()];
        let get = mock!(Client::get_secret_value)
            .then_compute_response(move |request| reading.with(|state| state.read(request.secret_id().unwrap())));
        let create = mock!(Client::create_secret).then_compute_response(move |request| {
            creating.with(|state| state.create(request.name().unwrap(), request.secret_string().unwrap()))
        });
        let put = mock!(Client::put_secret_value).then_compute_output(move |request| {
            putting.with(|state| state.write(request.secret_id().unwrap(), request.secret_string().unwrap()));
            PutSecretValueOutput::builder().build()
        });
        mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&get, &create, &put], |config| config
            .retry_config(aws_sdk_secretsmanager::config::retry::RetryConfig::disabled()))
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
        if self.queue_failures > 0 {
            self.queue_failures -= 1;
            return MockResponse::Error(SendMessageBatchError::RequestThrottled(RequestThrottled::builder().build()));
        }
        let refused_from = if self.partial_refusals > 0 { 1 } else { entries.len() };
        self.partial_refusals = self.partial_refusals.saturating_sub(1);
        let (taken, refused) = entries.split_at(refused_from.min(entries.len()));
        for entry in taken {
            let group = entry.message_group_id().unwrap_or_default().to_owned();
            self.queue.push((group, entry.message_body().to_owned()));
        }
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

    fn read(&mut self, id: &str) -> MockResponse<GetSecretValueOutput, GetSecretValueError> {
        self.secret_reads += 1;
        if self.secrets_down {
            let down = InternalServiceError::builder().build();
            return MockResponse::Error(GetSecretValueError::InternalServiceError(down));
        }
        if let Some(text) = self.secrets.get(id) {
            return MockResponse::Output(GetSecretValueOutput::builder().secret_string(text).build());
        }
        let meta = aws_sdk_secretsmanager::error::ErrorMetadata::builder().code("ResourceNotFoundException").build();
        let missing = ResourceNotFoundException::builder().meta(meta).build();
        MockResponse::Error(GetSecretValueError::ResourceNotFoundException(missing))
    }

    fn create(&mut self, name: &str, text: &str) -> MockResponse<CreateSecretOutput, CreateSecretError> {
        if self.secrets.contains_key(name) {
            let meta = aws_sdk_secretsmanager::error::ErrorMetadata::builder().code("ResourceExistsException").build();
            let exists = ResourceExistsException::builder().meta(meta).build();
            return MockResponse::Error(CreateSecretError::ResourceExistsException(exists));
        }
        self.write(name, text);
        MockResponse::Output(CreateSecretOutput::builder().build())
    }

    fn write(&mut self, name: &str, text: &str) {
        self.secret_writes += 1;
        self.secrets.insert(name.to_owned(), text.to_owned());
    }
}
