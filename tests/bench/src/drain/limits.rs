//! The uploader's own limits, repeated: a release build that links the uploader takes minutes. The test compares them.

use std::time::Duration;

// Of `uploader::rounds`.
/// Kept for settling at the end of an invocation.
pub const SETTLING: Duration = Duration::from_secs(15);
/// How long messages stay invisible after the end of an invocation.
pub(super) const MARGIN: Duration = Duration::from_secs(5);
/// No receive begins later than this before calls end.
pub(super) const LAST_RECEIVE: Duration = Duration::from_secs(6);
/// Receives under way at once.
pub(super) const PARALLEL_RECEIVES: usize = 4;
/// How long each waits for a message.
pub(super) const RECEIVE_WAIT: Duration = Duration::from_secs(1);
/// So many receives in a row that bring nothing end an invocation.
pub(super) const EMPTY_RECEIVES: u32 = 3;
/// How long a connection gathers messages before it asks for its turn.
pub(super) const GATHERING: Duration = Duration::from_millis(100);
/// The most messages in hand.
pub(super) const MAX_MESSAGES: usize = 20_000;
/// The most bytes in hand.
pub(super) const MAX_BYTES: usize = 48 * 1024 * 1024;
// Of `uploader::hand`.
/// The most bytes of a task.
pub(super) const TASK_BYTES: usize = 8 * 1024 * 1024;
// Of `uploader::sender`.
/// Calls of a task under way at once.
pub(super) const PARALLEL_CALLS: usize = 4;
/// No call begins later than this before calls end.
pub const LEAST_TIME: Duration = Duration::from_secs(5);
// Of `uploader::acknowledge`.
/// Messages of a batch of deletes.
pub(super) const BATCH_ENTRIES: usize = 10;
/// Batches under way at once.
pub(super) const PARALLEL_BATCHES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use uploader::{acknowledge, hand, rounds, sender};

    #[test]
    fn the_limits_are_the_uploaders() {
        let ours = (SETTLING, MARGIN, LAST_RECEIVE, RECEIVE_WAIT, GATHERING);
        let its = (rounds::SETTLING, rounds::MARGIN, rounds::LAST_RECEIVE, rounds::RECEIVE_WAIT, rounds::GATHERING);
        assert_eq!(ours, its);
        let ours = (PARALLEL_RECEIVES, EMPTY_RECEIVES, MAX_MESSAGES, MAX_BYTES, TASK_BYTES);
        let its = (
            rounds::PARALLEL_RECEIVES,
            rounds::EMPTY_RECEIVES,
            rounds::MAX_MESSAGES,
            rounds::MAX_BYTES,
            hand::TASK_BYTES,
        );
        assert_eq!(ours, its);
        let ours = (PARALLEL_CALLS, LEAST_TIME, BATCH_ENTRIES, PARALLEL_BATCHES);
        let its =
            (sender::PARALLEL_CALLS, sender::LEAST_TIME, acknowledge::BATCH_ENTRIES, acknowledge::PARALLEL_BATCHES);
        assert_eq!(ours, its);
    }
}
