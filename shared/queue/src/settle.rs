//! Messages in flight: when they come back, and that they are done.

use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, ChangeMessageVisibilityBatchResultEntry, DeleteMessageBatchRequestEntry,
    DeleteMessageBatchResultEntry,
};
use futures::{StreamExt, stream};

use crate::attempts::{Outcomes, Patience, all, attempts, of_each};
use crate::{BATCH_ENTRIES, PARALLEL_BATCHES, Queue, QueueError};

/// Repeating is harmless, and a message that stays costs no more than a delivery.
const PATIENCE: Patience = Patience::Attempts(3);
/// The longest that a message can be invisible, in seconds.
const MAX_VISIBILITY: i32 = 43_200;

/// `duration` in seconds, rounded up: a message that comes back early comes back in vain.
pub(crate) fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(MAX_VISIBILITY).min(MAX_VISIBILITY)
}

impl Queue {
    /// Sets for how long messages in flight stay invisible, counted from now, by their receipt handles; says of each whether it was set,
    /// in their order. Zero: visible at once. [`QueueError::Expired`]: the message is not this receiver's any more.
    pub async fn set_visibility(&self, changes: &[(&str, Duration)]) -> Vec<Result<(), QueueError>> {
        attempts(changes.len(), PATIENCE, async |open| {
            stream::iter(open.chunks(BATCH_ENTRIES))
                .map(|batch| async move {
                    let entries = batch.iter().filter_map(|at| Some((*at, *changes.get(*at)?))).collect();
                    self.change_batch(entries).await
                })
                .buffer_unordered(PARALLEL_BATCHES)
                .concat()
                .await
        })
        .await
    }

    /// Deletes messages by their receipt handles, at most ten in a call and one call after the other; says of each whether it is gone, in
    /// their order. One that was deleted already is. An answer that is lost is asked for again.
    pub async fn delete_batch(&self, handles: &[&str]) -> Vec<Result<(), QueueError>> {
        attempts(handles.len(), PATIENCE, async |open| {
            let mut outcomes = Outcomes::new();
            for batch in open.chunks(BATCH_ENTRIES) {
                let entries = batch.iter().filter_map(|at| Some((*at, *handles.get(*at)?))).collect();
                outcomes.extend(self.delete_entries(entries).await);
            }
            outcomes
        })
        .await
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
