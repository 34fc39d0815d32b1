//! Sending messages: as few calls as hold them, each lane in its order, entries that SQS cannot take now tried again.

use std::collections::HashMap;

use aws_sdk_sqs::types::SendMessageBatchResultEntry;
use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use crate::attempts::{Outcomes, Patience, all, attempts, of_each};
use crate::{BATCH_ENTRIES, MAX_MESSAGE_BYTES, Outgoing, PARALLEL_BATCHES, Queue, QueueError};

/// A batch may have as many bytes as a message; a little is left for what SQS counts besides.
const BATCH_BYTES: usize = MAX_MESSAGE_BYTES - 4096;

impl Queue {
    /// Sends messages that must keep their order within each of `lanes`: two of one lane never share a call, and after one that was not
    /// queued nothing later of its lane is sent. What SQS cannot take now is tried again until `until`; calls go side by side.
    ///
    /// # Errors
    /// The first [`QueueError`]: not every message is known to be queued. To send all of it again is harmless for five minutes, in which
    /// SQS drops what it has already.
    pub async fn send_lanes(&self, lanes: Vec<Vec<Outgoing>>, until: Instant) -> Result<(), QueueError> {
        let mut messages = Vec::with_capacity(lanes.iter().map(Vec::len).sum());
        let mut order = Vec::with_capacity(lanes.len());
        for lane in lanes {
            let start = messages.len();
            messages.extend(lane);
            order.push((start..messages.len()).collect());
        }
        self.send_in_order(&messages, &order, until).await.into_iter().collect()
    }

    /// Sends `messages` and says what became of each, in their order. Those of one group keep theirs, as in [`Self::send_lanes`].
    pub async fn send(&self, messages: &[Outgoing], until: Instant) -> Vec<Result<(), QueueError>> {
        let mut order: Vec<Vec<usize>> = Vec::new();
        let mut lanes = HashMap::new();
        for (at, message) in messages.iter().enumerate() {
            let lane = *lanes.entry(message.group.as_str()).or_insert(order.len());
            match order.get_mut(lane) {
                Some(lane) => lane.push(at),
                None => order.push(vec![at]),
            }
        }
        self.send_in_order(messages, &order, until).await
    }

    /// Sends the first messages of all lanes, then the second ones, and so on.
    async fn send_in_order(
        &self,
        messages: &[Outgoing],
        order: &[Vec<usize>],
        until: Instant,
    ) -> Vec<Result<(), QueueError>> {
        let mut outcomes = vec![Err(QueueError::Behind); messages.len()];
        let mut open: Vec<_> = order.iter().map(|lane| lane.iter().copied()).collect();
        loop {
            let wave: Vec<(usize, &Outgoing)> =
                open.iter_mut().filter_map(Iterator::next).filter_map(|at| Some((at, messages.get(at)?))).collect();
            if wave.is_empty() {
                return outcomes;
            }
            let sent = self.send_wave(&wave, until).await;
            for ((at, _), outcome) in wave.iter().zip(&sent) {
                if let Some(slot) = outcomes.get_mut(*at) {
                    slot.clone_from(outcome);
                }
            }
            // Every lane that is open had one message in the wave, in the same order.
            let mut went = sent.iter().map(Result::is_ok);
            open.retain(|lane| went.next().unwrap_or(false) && lane.len() > 0);
        }
    }

    async fn send_wave(&self, wave: &[(usize, &Outgoing)], until: Instant) -> Vec<Result<(), QueueError>> {
        let messages: Vec<&Outgoing> = wave.iter().map(|(_, message)| *message).collect();
        let messages = messages.as_slice();
        attempts(messages.len(), Patience::Until(until), async |open| {
            let (fit, unfit): (Vec<_>, Vec<_>) =
                open.iter().filter_map(|at| Some((*at, *messages.get(*at)?))).partition(|(_, m)| m.check().is_ok());
            let mut outcomes: Outcomes = unfit.into_iter().map(|(at, message)| (at, message.check())).collect();
            let sent = stream::iter(batches(&fit)).map(|batch| self.send_batch(batch, until));
            outcomes.extend(sent.buffer_unordered(PARALLEL_BATCHES).concat().await);
            outcomes
        })
        .await
    }

    async fn send_batch(&self, batch: Vec<(usize, &Outgoing)>, until: Instant) -> Outcomes {
        let mut request = self.client.send_message_batch().queue_url(&self.url);
        for (at, message) in &batch {
            match message.entry(*at) {
                Ok(entry) => request = request.entries(entry),
                // A field of ours that the SDK wants is missing, in this entry as in all others.
                Err(error) => return all(&batch, &QueueError::Refused(error.to_string())),
            }
        }
        match timeout_at(until, request.send()).await {
            Ok(Ok(answer)) => of_each(answer.successful().iter().map(SendMessageBatchResultEntry::id), answer.failed()),
            Ok(Err(error)) => all(&batch, &QueueError::of_call(&error)),
            Err(_) => all(&batch, &QueueError::NoAnswer),
        }
    }
}

/// Divides messages into batches within SQS's limits.
fn batches<'m>(messages: &[(usize, &'m Outgoing)]) -> Vec<Vec<(usize, &'m Outgoing)>> {
    let mut batches: Vec<Vec<_>> = Vec::new();
    let mut bytes = 0;
    for &(at, message) in messages {
        let size = message.bytes();
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_ENTRIES && bytes + size <= BATCH_BYTES => batch.push((at, message)),
            Some(_) | None => {
                batches.push(vec![(at, message)]);
                bytes = 0;
            }
        }
        bytes += size;
    }
    batches
}
