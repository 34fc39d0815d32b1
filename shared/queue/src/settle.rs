//! Messages in flight: when they come back, and that they are done.

use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, ChangeMessageVisibilityBatchResultEntry, DeleteMessageBatchRequestEntry,
    DeleteMessageBatchResultEntry,
};

use crate::attempts::{Outcomes, RetryLimit, all, attempts, of_each, side_by_side};
use crate::{BATCH_ENTRIES, Queue, QueueError};

/// Repeating is harmless, and a message that stays costs no more than a delivery.
const LIMIT: RetryLimit = RetryLimit::Attempts(3);
/// The longest that SQS lets a message be invisible, in seconds: 12 hours.
const MAX_VISIBILITY: i32 = 43_200;

/// `duration` in seconds, rounded up: a message that comes back early comes back in vain.
pub(crate) fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(MAX_VISIBILITY).min(MAX_VISIBILITY)
}

/// The entries at the indices `batch`, with these.
fn chosen<T: Copy>(batch: &[usize], entries: &[T]) -> Vec<(usize, T)> {
    batch.iter().filter_map(|at| Some((*at, *entries.get(*at)?))).collect()
}

impl Queue {
    /// Sets for how long messages in flight stay invisible, counted from now, by their receipt handles; says of each whether it was set,
    /// in their order. Zero: visible at once. [`QueueError::Expired`]: the message is not this receiver's any more.
    pub async fn set_visibility(&self, changes: &[(&str, Duration)]) -> Vec<Result<(), QueueError>> {
        let mut attempts = attempts(changes.len(), LIMIT);
        while let Some(open) = attempts.next().await {
            let calls = open.chunks(BATCH_ENTRIES).map(|batch| self.change_batch(chosen(batch, changes))).collect();
            attempts.note(side_by_side(calls).await);
        }
        attempts.into_outcomes()
    }

    /// Deletes messages by their receipt handles, at most ten in a call and one call after the other; says of each whether it is gone, in
    /// their order. A message that was deleted before counts as gone. A call whose answer is lost is made again.
    pub async fn delete_batch(&self, handles: &[&str]) -> Vec<Result<(), QueueError>> {
        let mut attempts = attempts(handles.len(), LIMIT);
        while let Some(open) = attempts.next().await {
            for batch in open.chunks(BATCH_ENTRIES) {
                attempts.note(self.delete_entries(chosen(batch, handles)).await);
            }
        }
        attempts.into_outcomes()
    }

    async fn change_batch(&self, entries: Vec<(usize, (&str, Duration))>) -> Outcomes {
        let mut request = self.client.change_message_visibility_batch().queue_url(&self.url);
        for (at, (handle, visibility)) in &entries {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(at.to_string()).receipt_handle(*handle);
            match entry.visibility_timeout(whole_seconds(*visibility)).build() {
                Ok(entry) => request = request.entries(entry),
                Err(error) => return all(&entries, &QueueError::Refused(error.to_string())),
            }
        }
        match request.send().await {
            Ok(answer) => {
                of_each(answer.successful().iter().map(ChangeMessageVisibilityBatchResultEntry::id), answer.failed())
            }
            Err(error) => all(&entries, &QueueError::of_call(&error)),
        }
    }

    async fn delete_entries(&self, entries: Vec<(usize, &str)>) -> Outcomes {
        let mut request = self.client.delete_message_batch().queue_url(&self.url);
        for (at, handle) in &entries {
            match DeleteMessageBatchRequestEntry::builder().id(at.to_string()).receipt_handle(*handle).build() {
                Ok(entry) => request = request.entries(entry),
                Err(error) => return all(&entries, &QueueError::Refused(error.to_string())),
            }
        }
        match request.send().await {
            Ok(answer) => of_each(answer.successful().iter().map(DeleteMessageBatchResultEntry::id), answer.failed()),
            Err(error) => all(&entries, &QueueError::of_call(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::Client;
    use aws_sdk_sqs::operation::change_message_visibility_batch::ChangeMessageVisibilityBatchOutput;
    use aws_sdk_sqs::operation::delete_message_batch::DeleteMessageBatchOutput;
    use aws_sdk_sqs::types::BatchResultErrorEntry;
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::doubles::{queue, refusal};

    fn deleted(ids: &[&str], failed: Vec<BatchResultErrorEntry>) -> DeleteMessageBatchOutput {
        let done = ids.iter().map(|id| DeleteMessageBatchResultEntry::builder().id(*id).build().unwrap());
        DeleteMessageBatchOutput::builder()
            .set_successful(Some(done.collect()))
            .set_failed(Some(failed))
            .build()
            .unwrap()
    }

    #[test]
    fn seconds_are_rounded_up_and_bounded() {
        for (duration, seconds) in [
            (Duration::ZERO, 0),
            (Duration::from_millis(1), 1),
            (Duration::from_secs(1), 1),
            (Duration::from_millis(1_001), 2),
            (Duration::from_hours(12), 43_200),
            (Duration::MAX, 43_200),
        ] {
            assert_eq!(whole_seconds(duration), seconds, "{duration:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_to_a_delete_is_asked_for_again() {
        let rule = mock!(Client::delete_message_batch)
            .sequence()
            .http_status(500, None)
            .output(|| deleted(&["0", "1"], Vec::new()))
            .build();
        assert_eq!(queue(&[&rule]).delete_batch(&["one", "two"]).await, [Ok(()), Ok(())]);
        assert_eq!(rule.num_calls(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn each_delete_has_its_own_outcome() {
        let rule = mock!(Client::delete_message_batch)
            .sequence()
            .output(|| {
                deleted(
                    &["0"],
                    vec![refusal("1", "ReceiptHandleIsInvalid", true), refusal("2", "InternalError", false)],
                )
            })
            .output(|| deleted(&[], vec![refusal("2", "InternalError", false)]))
            .repeatedly()
            .build();
        let outcomes = queue(&[&rule]).delete_batch(&["one", "two", "three"]).await;
        assert_eq!(outcomes, [Ok(()), Err(QueueError::Expired), Err(QueueError::Busy("InternalError".to_owned()))]);
        assert_eq!(rule.num_calls(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_that_the_answer_does_not_mention_is_not_done() {
        let rule = mock!(Client::delete_message_batch).then_output(|| deleted(&["0"], Vec::new()));
        assert_eq!(queue(&[&rule]).delete_batch(&["one", "two"]).await, [Ok(()), Err(QueueError::NoAnswer)]);
    }

    #[tokio::test(start_paused = true)]
    async fn visibilities_are_set_ten_at_a_time_each_with_its_own_outcome() {
        let rule = mock!(Client::change_message_visibility_batch).then_compute_output(|request| {
            let (gone, mine): (Vec<_>, Vec<_>) =
                request.entries().iter().partition(|entry| entry.receipt_handle() == "gone");
            let done = mine.into_iter().map(|entry| {
                assert_eq!(entry.visibility_timeout(), Some(entry.receipt_handle().parse().unwrap()));
                ChangeMessageVisibilityBatchResultEntry::builder().id(entry.id()).build().unwrap()
            });
            ChangeMessageVisibilityBatchOutput::builder()
                .set_successful(Some(done.collect()))
                .set_failed(Some(gone.iter().map(|entry| refusal(entry.id(), "MessageNotInflight", true)).collect()))
                .build()
                .unwrap()
        });
        let mut changes = vec![("30", Duration::from_secs(30)); 12];
        changes.extend([("gone", Duration::ZERO), ("0", Duration::ZERO)]);
        let outcomes = queue(&[&rule]).set_visibility(&changes).await;
        assert_eq!((outcomes.len(), rule.num_calls()), (14, 2));
        let not_set: Vec<_> = outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_err()).collect();
        assert_eq!(not_set, [(12, &Err(QueueError::Expired))]);
    }
}
