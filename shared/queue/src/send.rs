//! Sending messages: as few calls as hold them, entries that SQS refuses tried again.

use std::time::Duration;

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use futures::{StreamExt, stream};

use crate::{BATCH_ENTRIES, PARALLEL_BATCHES, Queue, QueueError};

/// SQS takes 1 MiB in a batch, attributes included; a little is left for what it counts besides.
const BATCH_BYTES: usize = 1024 * 1024 - 4096;
/// How often an entry is sent that SQS does not take.
const TRIES: u32 = 4;

/// A message to send.
#[derive(Clone)]
pub struct Message {
    /// The text.
    pub body: String,
    /// Messages of one group are served in turn with those of other groups (SQS fair queues).
    pub group: String,
    /// How long nobody sees it, 15 minutes at most.
    pub delay: Duration,
    /// Names and values beside the body.
    pub attributes: Vec<(&'static str, String)>,
}

impl Message {
    fn bytes(&self) -> usize {
        let attributes: usize =
            self.attributes.iter().map(|(name, value)| name.len() + value.len() + "String".len()).sum();
        self.body.len() + attributes
    }

    fn entry(&self, id: usize) -> Result<SendMessageBatchRequestEntry, QueueError> {
        let mut entry = SendMessageBatchRequestEntry::builder()
            .id(id.to_string())
            .message_body(&self.body)
            .message_group_id(&self.group)
            .set_delay_seconds(i32::try_from(self.delay.as_secs().min(900)).ok().filter(|seconds| *seconds > 0));
        for (name, value) in &self.attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            entry = entry.message_attributes(*name, value.map_err(|error| QueueError(error.to_string()))?);
        }
        entry.build().map_err(|error| QueueError(error.to_string()))
    }
}

impl Queue {
    /// Sends `messages` and tells what became of each, in their order.
    pub async fn send(&self, messages: &[Message]) -> Vec<Result<(), QueueError>> {
        let mut outcomes = vec![Ok(()); messages.len()];
        let mut open: Vec<usize> = (0..messages.len()).collect();
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(rand::random_range(10..60) << attempt)).await;
            }
            let tried = stream::iter(batches(messages, &open))
                .map(|batch| self.send_batch(messages, batch))
                .buffer_unordered(PARALLEL_BATCHES)
                .concat()
                .await;
            open.clear();
            for (at, outcome) in tried {
                open.extend(outcome.is_err().then_some(at));
                if let Some(slot) = outcomes.get_mut(at) {
                    *slot = outcome;
                }
            }
            if open.is_empty() {
                break;
            }
        }
        outcomes
    }

    /// What became of each entry of a batch.
    async fn send_batch(&self, messages: &[Message], batch: Vec<usize>) -> Vec<(usize, Result<(), QueueError>)> {
        let mut request = self.client.send_message_batch().queue_url(&self.url);
        let mut outcomes = Vec::with_capacity(batch.len());
        for &at in &batch {
            match messages.get(at).map_or_else(|| Err(QueueError("no such message".to_owned())), |m| m.entry(at)) {
                Ok(entry) => request = request.entries(entry),
                Err(error) => outcomes.push((at, Err(error))),
            }
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let why = QueueError(error.code().unwrap_or("not reached").to_owned());
                return batch.into_iter().map(|at| (at, Err(why.clone()))).collect();
            }
        };
        let accepted: Vec<usize> = answer.successful().iter().filter_map(|entry| entry.id().parse().ok()).collect();
        for at in batch {
            let refused = answer.failed().iter().find(|entry| entry.id().parse() == Ok(at));
            outcomes.push((
                at,
                match refused {
                    Some(refused) => Err(QueueError(refused.code().to_owned())),
                    None if accepted.contains(&at) => Ok(()),
                    None => Err(QueueError("SQS did not mention it".to_owned())),
                },
            ));
        }
        outcomes
    }
}

/// Divides the messages at the indices `open` into batches within SQS's limits.
fn batches(messages: &[Message], open: &[usize]) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for &at in open {
        let size = messages.get(at).map_or(0, Message::bytes);
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_ENTRIES && bytes + size <= BATCH_BYTES => batch.push(at),
            Some(_) | None => {
                batches.push(vec![at]);
                bytes = 0;
            }
        }
        bytes += size;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_sqs::Client;
    use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchError, SendMessageBatchOutput};
    use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchResultEntry};
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    fn message(bytes: usize) -> Message {
        Message { body: "x".repeat(bytes), group: "g".to_owned(), delay: Duration::ZERO, attributes: Vec::new() }
    }

    fn answer(accepted: &[&str], refused: &[(&str, bool)]) -> SendMessageBatchOutput {
        let accepted = accepted.iter().map(|id| {
            SendMessageBatchResultEntry::builder().id(*id).message_id("m").md5_of_message_body("x").build().unwrap()
        });
        let refused = refused.iter().map(|(id, senders)| {
            BatchResultErrorEntry::builder().id(*id).code("Nope").sender_fault(*senders).build().unwrap()
        });
        SendMessageBatchOutput::builder()
            .set_successful(Some(accepted.collect()))
            .set_failed(Some(refused.collect()))
            .build()
            .unwrap()
    }

    fn queue(client: Client) -> Queue {
        Queue::new(client, "http://127.0.0.1/queue".to_owned())
    }

    #[test]
    fn batches_keep_to_ten_entries_and_a_mebibyte() {
        let sizes = |messages: &[Message]| {
            let open: Vec<_> = (0..messages.len()).collect();
            batches(messages, &open).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&vec![message(10); 21]), [10, 10, 1]);
        assert_eq!(sizes(&vec![message(240_000); 6]), [4, 2]);
        assert_eq!(sizes(&[message(1_040_000), message(10_000)]), [1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_was_refused_is_sent_again() {
        let first = mock!(Client::send_message_batch)
            .match_requests(|request| request.entries().len() == 2)
            .then_output(|| answer(&["0"], &[("1", false)]));
        let second = mock!(Client::send_message_batch)
            .match_requests(|request| request.entries().len() == 1)
            .then_output(|| answer(&["1"], &[]));
        let client = mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&first, &second]);
        let outcomes = queue(client).send(&[message(1), message(2)]).await;
        assert_eq!(outcomes, [Ok(()), Ok(())]);
        assert_eq!((first.num_calls(), second.num_calls()), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn each_message_has_its_own_outcome() {
        let rule = mock!(Client::send_message_batch).then_output(|| answer(&["0"], &[("1", true)]));
        let client = mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&rule]);
        let outcomes = queue(client).send(&[message(1), message(2), message(3)]).await;
        assert!(outcomes[0].is_ok() && outcomes[1].is_err() && outcomes[2].is_err(), "{outcomes:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_fails_as_a_call_fails_every_message() {
        let rule = mock!(Client::send_message_batch).then_error(|| {
            SendMessageBatchError::generic(aws_sdk_sqs::error::ErrorMetadata::builder().code("Down").build())
        });
        let client = mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&rule]);
        let outcomes = queue(client).send(&vec![message(1); 12]).await;
        assert!(outcomes.iter().all(|o| *o == Err(QueueError("Down".to_owned()))), "{outcomes:?}");
    }
}
