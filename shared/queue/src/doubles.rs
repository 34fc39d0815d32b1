//! A queue whose SQS says what a test wants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchInput, SendMessageBatchOutput};
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchResultEntry};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

use crate::{Outgoing, Queue};

pub(crate) fn queue(rules: &[&Rule]) -> Queue {
    Queue::new(&mock_client!(aws_sdk_sqs, RuleMode::MatchAny, rules), "http://127.0.0.1/queue.fifo".to_owned())
}

pub(crate) fn message(group: &str, body: &str) -> Outgoing {
    Outgoing { body: body.to_owned(), group: group.to_owned(), deduplication_id: None, attributes: Vec::new() }
}

pub(crate) fn refusal(id: &str, code: &str, senders_fault: bool) -> BatchResultErrorEntry {
    BatchResultErrorEntry::builder().id(id).code(code).sender_fault(senders_fault).build().unwrap()
}

/// An SQS that takes messages, and refuses them as a script says.
#[derive(Clone, Default)]
pub(crate) struct Taker(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    /// The group and the body of each entry of each call.
    calls: Vec<Vec<(String, String)>>,
    /// How each body is refused, the first time first.
    refusals: HashMap<String, Vec<BatchResultErrorEntry>>,
    accepted: Vec<(String, String)>,
}

impl Taker {
    /// `body` is refused once more, with `code`.
    pub(crate) fn refuse(&self, body: &str, code: &str, senders_fault: bool) {
        let mut taken = self.0.lock().unwrap();
        taken.refusals.entry(body.to_owned()).or_default().push(refusal("", code, senders_fault));
    }

    pub(crate) fn rule(&self) -> Rule {
        let this = self.clone();
        mock!(Client::send_message_batch).then_compute_output(move |request| this.take(request))
    }

    pub(crate) fn calls(&self) -> Vec<Vec<(String, String)>> {
        self.0.lock().unwrap().calls.clone()
    }

    /// The bodies that were accepted in `group`, in order.
    pub(crate) fn accepted(&self, group: &str) -> Vec<String> {
        let taken = self.0.lock().unwrap();
        taken.accepted.iter().filter(|(of, _)| of == group).map(|(_, body)| body.clone()).collect()
    }

    fn take(&self, request: &SendMessageBatchInput) -> SendMessageBatchOutput {
        let mut taken = self.0.lock().unwrap();
        let (mut successful, mut failed, mut call) = (Vec::new(), Vec::new(), Vec::new());
        for entry in request.entries() {
            let message = (entry.message_group_id().unwrap().to_owned(), entry.message_body().to_owned());
            call.push(message.clone());
            if let Some(refusals) = taken.refusals.get_mut(&message.1).filter(|refusals| !refusals.is_empty()) {
                let first = refusals.remove(0);
                failed.push(refusal(entry.id(), first.code(), first.sender_fault()));
            } else {
                let result = SendMessageBatchResultEntry::builder().id(entry.id());
                successful.push(result.message_id("m").md5_of_message_body("x").build().unwrap());
                taken.accepted.push(message);
            }
        }
        taken.calls.push(call);
        let answer = SendMessageBatchOutput::builder();
        answer.set_successful(Some(successful)).set_failed(Some(failed)).build().unwrap()
    }
}
