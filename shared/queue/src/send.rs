//! Sending messages: as few calls as hold them, each lane in its order, entries that SQS cannot take now tried again.

use std::collections::HashMap;

use aws_sdk_sqs::types::SendMessageBatchResultEntry;
use tokio::time::{Instant, timeout_at};

use crate::attempts::{Outcomes, RetryLimit, all, attempts, of_each, side_by_side};
use crate::{BATCH_ENTRIES, MAX_MESSAGE_BYTES, Outgoing, Queue, QueueError};

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
        let mut open: Vec<_> = order.iter().filter(|lane| !lane.is_empty()).map(|lane| lane.iter().copied()).collect();
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
        let mut attempts = attempts(wave.len(), RetryLimit::Until(until));
        while let Some(open) = attempts.next().await {
            let open = open.into_iter().filter_map(|at| wave.get(at).map(|(_, message)| (at, *message)));
            let (fit, unfit): (Vec<_>, Vec<_>) = open.partition(|(_, message)| message.check().is_ok());
            attempts.note(unfit.into_iter().map(|(at, message)| (at, message.check())).collect());
            let calls = batches(&fit).into_iter().map(|batch| self.send_batch(batch, until)).collect();
            attempts.note(side_by_side(calls).await);
        }
        attempts.into_outcomes()
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use aws_sdk_sqs::{Client, Config};
    use aws_smithy_http_client::test_util::NeverClient;
    use aws_smithy_mocks::mock;
    use proptest::prelude::*;

    use super::*;
    use crate::doubles::{Taker, message, queue};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn batches_keep_to_ten_entries_and_a_mebibyte_with_attributes() {
        let sizes = |messages: &[Outgoing]| {
            let numbered: Vec<_> = messages.iter().enumerate().collect();
            batches(&numbered).iter().map(Vec::len).collect::<Vec<_>>()
        };
        let of = |bytes| message("g", &"x".repeat(bytes));
        assert_eq!(sizes(&vec![of(10); 21]), [10, 10, 1]);
        assert_eq!(sizes(&vec![of(240_000); 6]), [4, 2]);
        assert_eq!(sizes(&[of(1_040_000), of(10_000)]), [1, 1]);
        let with = Outgoing { attributes: vec![("message", "x".repeat(200_000))], ..of(240_000) };
        assert_eq!(sizes(&vec![with; 4]), [2, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_was_refused_is_sent_again() {
        let sqs = Taker::default();
        sqs.refuse("b", "InternalError", false);
        sqs.refuse("b", "RequestThrottled", true);
        let sent = queue(&[&sqs.rule()]).send(&["a", "b", "c"].map(|body| message(body, body)), soon()).await;
        assert_eq!(sent, [Ok(()), Ok(()), Ok(())]);
        let bodies: Vec<Vec<_>> =
            sqs.calls().into_iter().map(|call| call.into_iter().map(|(_, b)| b).collect()).collect();
        assert_eq!(bodies, [vec!["a", "b", "c"], vec!["b"], vec!["b"]]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_for_good_is_not_sent_again_and_holds_back_its_lane_alone() {
        let sqs = Taker::default();
        sqs.refuse("a1", "InvalidMessageContents", true);
        let messages = [("a", "a1"), ("a", "a2"), ("b", "b1"), ("b", "b2")].map(|(group, body)| message(group, body));
        let sent = queue(&[&sqs.rule()]).send(&messages, soon()).await;
        let refused = Err(QueueError::Refused("InvalidMessageContents".to_owned()));
        assert_eq!(sent, [refused, Err(QueueError::Behind), Ok(()), Ok(())]);
        assert_eq!((sqs.accepted("a").len(), sqs.accepted("b")), (0, vec!["b1".to_owned(), "b2".to_owned()]));
    }

    #[tokio::test(start_paused = true)]
    async fn what_sqs_does_not_take_is_an_error_of_its_own_and_of_no_other() {
        let sqs = Taker::default();
        let large =
            Outgoing { attributes: vec![("x", "y".to_owned())], ..message("a", &"x".repeat(MAX_MESSAGE_BYTES - 7)) };
        let largest = message("b", &"x".repeat(MAX_MESSAGE_BYTES));
        let odd = message("c", "a\u{ffff}b");
        let sent =
            queue(&[&sqs.rule()]).send(&[large, largest, odd, message("d", ""), message("e", "e")], soon()).await;
        let unfit = || Err(QueueError::Unfit);
        assert_eq!(sent, [Err(QueueError::TooLarge(MAX_MESSAGE_BYTES + 1)), Ok(()), unfit(), unfit(), Ok(())]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_tried_until_the_time_is_up_and_not_by_the_sdk_as_well() {
        let rule = mock!(Client::send_message_batch).sequence().http_status(503, None).repeatedly().build();
        let start = Instant::now();
        let sent = queue(&[&rule]).send(&[message("a", "a")], soon()).await;
        assert!(matches!(sent.as_slice(), [Err(QueueError::Busy(_))]), "{sent:?}");
        let took = start.elapsed();
        assert!(took > Duration::from_secs(7) && took <= Duration::from_secs(10), "{took:?}");
        // 50 ms, 100 ms … 2 s with jitter: some ten attempts, not three times as many.
        assert!((7..=14).contains(&rule.num_calls()), "{}", rule.num_calls());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_hangs_ends_with_the_time() {
        let config = Config::builder().with_test_defaults_v2().http_client(NeverClient::new());
        let queue = Queue::new(&Client::from_conf(config.build()), "http://127.0.0.1/queue.fifo".to_owned());
        let start = Instant::now();
        let sent = queue.send_lanes(vec![vec![message("a", "a"), message("a", "b")]], soon()).await;
        assert_eq!((sent, start.elapsed()), (Err(QueueError::NoAnswer), Duration::from_secs(10)));
    }

    #[tokio::test]
    async fn nothing_to_send_is_no_call() {
        let sqs = Taker::default();
        let queue = queue(&[&sqs.rule()]);
        assert_eq!(queue.send_lanes(vec![Vec::new()], soon()).await, Ok(()));
        assert!(queue.send(&[], soon()).await.is_empty() && sqs.calls().is_empty());
    }

    fn in_paused_time<T>(what: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(what)
    }

    proptest! {
        /// Whatever SQS refuses, and how often: of each lane it has the first so many, in order, and no call holds two of one.
        #[test]
        fn a_lane_keeps_its_order(
            lanes in proptest::collection::vec(1_usize..5, 1..30),
            refusals in proptest::collection::vec((0_usize..30, 0_usize..5, any::<bool>()), 0..12),
        ) {
            let sqs = Taker::default();
            for (lane, part, for_good) in refusals {
                let code = if for_good { "InvalidMessageContents" } else { "InternalError" };
                sqs.refuse(&format!("{lane}:{part}"), code, for_good);
            }
            let part = |lane, part| message(&format!("lane{lane}"), &format!("{lane}:{part}"));
            let parts = lanes.iter().enumerate().map(|(lane, count)| (0..*count).map(|at| part(lane, at)).collect()).collect();
            let sent = in_paused_time(async { queue(&[&sqs.rule()]).send_lanes(parts, soon()).await });
            let mut all = true;
            for (lane, count) in lanes.iter().enumerate() {
                let accepted = sqs.accepted(&format!("lane{lane}"));
                let expected: Vec<_> = (0..accepted.len()).map(|at| format!("{lane}:{at}")).collect();
                prop_assert_eq!(&accepted, &expected);
                all &= accepted.len() == *count;
            }
            prop_assert_eq!(sent.is_ok(), all);
            for call in sqs.calls() {
                prop_assert!(call.len() <= BATCH_ENTRIES);
                let groups: HashSet<_> = call.iter().map(|(group, _)| group).collect();
                prop_assert_eq!(groups.len(), call.len());
            }
        }
    }
}
