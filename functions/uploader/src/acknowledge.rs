//! Carries out what was settled: letters, then deletes, the oldest of each lane first, then the delays of what stays.
//!
//! A later message of a lane is deleted only after the earlier one is gone, and two of a lane never share a batch: a redelivered old
//! change would otherwise follow a newer one.

use std::collections::HashSet;
use std::time::Duration;

use futures::{StreamExt, stream};
use queue::{Queue, QueueError};
use tokio::time::Instant;

use crate::settle::LaneSettlement;
use crate::work::{Place, Work};

/// SQS takes so many entries in a batch.
pub const BATCH_ENTRIES: usize = 10;
/// Batches under way at once.
pub const PARALLEL_BATCHES: usize = 8;
/// How long letters are tried: what needs none is not kept waiting for those that cannot be written.
pub(crate) const LETTERS: Duration = Duration::from_secs(5);

/// The lanes while their messages are deleted. Pure: it says what may be deleted next, and is told what could not be.
#[derive(Debug)]
pub struct Deletes<'a> {
    lanes: Vec<Progress<'a>>,
}

#[derive(Debug)]
struct Progress<'a> {
    settlement: &'a LaneSettlement,
    /// How many messages were given out.
    next: usize,
    /// From here on nothing is touched.
    end: usize,
}

impl<'a> Deletes<'a> {
    /// The deletes of `lanes`. Where a letter could not be written, its message and all behind it stay.
    #[must_use]
    pub fn new(lanes: &'a [LaneSettlement], unwritten: &HashSet<Place>) -> Self {
        let progress = |settlement: &'a LaneSettlement| {
            let end = settlement.done.iter().position(|done| unwritten.contains(&done.place));
            Progress { settlement, next: 0, end: end.unwrap_or(settlement.done.len()) }
        };
        Self { lanes: lanes.iter().map(progress).collect() }
    }

    /// The next message of each lane, none of them behind one that is not gone: they may be deleted in any order. Empty when all is done.
    pub fn next_round(&mut self) -> Vec<Place> {
        let next = |lane: &mut Progress<'_>| {
            let done = lane.settlement.done.get(lane.next).filter(|_| lane.next < lane.end)?;
            lane.next += 1;
            Some(done.place)
        };
        self.lanes.iter_mut().filter_map(next).collect()
    }

    /// The message could not be deleted: nothing behind it is touched.
    pub fn failed(&mut self, place: Place) {
        let is_of = |lane: &&mut Progress<'_>| lane.settlement.done.iter().any(|done| done.place == place);
        if let Some(lane) = self.lanes.iter_mut().find(is_of) {
            lane.end = 0;
        }
    }

    /// The new visibility of what stays, of the lanes that came so far.
    #[must_use]
    pub fn visibility(&self) -> Vec<(Place, Duration)> {
        let of_lane = |lane: &Progress<'a>| {
            let head = lane.settlement.head.as_ref().map(|head| (head.place, head.delay));
            head.into_iter()
                .chain(lane.settlement.behind.iter().map(|place| (*place, Duration::ZERO)))
                .collect::<Vec<_>>()
        };
        self.lanes.iter().filter(|lane| lane.end == lane.settlement.done.len()).flat_map(of_lane).collect()
    }
}

/// Carries `lanes` out, and says which messages are gone, by their ids.
pub async fn acknowledge(
    work: &Work,
    lanes: &[LaneSettlement],
    queue: &Queue,
    dead_letters: &Queue,
    until: Instant,
) -> HashSet<String> {
    let unwritten = write_letters(work, lanes, dead_letters, until).await;
    let mut deletes = Deletes::new(lanes, &unwritten);
    let mut gone = HashSet::new();
    loop {
        let round = deletes.next_round();
        if round.is_empty() {
            break;
        }
        for (place, outcome) in delete(work, queue, &round).await {
            match outcome {
                Ok(()) => gone.extend(work.at(place).map(|message| message.message_id.clone())),
                Err(error) => {
                    tracing::warn!(
                        advertiser = %work.connection.advertiser, account = %work.connection.account, %error,
                        "a message that is done could not be deleted; its lane is delivered again"
                    );
                    deletes.failed(place);
                }
            }
        }
    }
    give_back(work, queue, &deletes.visibility()).await;
    gone
}

/// Writes the letters of all lanes, and says whose could not be written.
async fn write_letters(work: &Work, lanes: &[LaneSettlement], dead_letters: &Queue, until: Instant) -> HashSet<Place> {
    let done = lanes.iter().flat_map(|lane| &lane.done);
    let (places, letters): (Vec<_>, Vec<_>) =
        done.flat_map(|done| done.letters.iter().map(|letter| (done.place, letter.outgoing()))).unzip();
    if letters.is_empty() {
        return HashSet::new();
    }
    let outcomes = dead_letters.send(&letters, until.min(Instant::now() + LETTERS)).await;
    let failed = |(place, outcome): (Place, Result<(), QueueError>)| {
        let error = outcome.err()?;
        tracing::error!(
            advertiser = %work.connection.advertiser, account = %work.connection.account, %error,
            "a dead letter could not be written; its message stays on the queue"
        );
        Some(place)
    };
    places.into_iter().zip(outcomes).filter_map(failed).collect()
}

async fn delete(work: &Work, queue: &Queue, round: &[Place]) -> Vec<(Place, Result<(), QueueError>)> {
    stream::iter(round.chunks(BATCH_ENTRIES))
        .map(|places| async move {
            let held: Vec<_> = places.iter().filter_map(|place| Some((*place, work.at(*place)?))).collect();
            let handles: Vec<_> = held.iter().map(|(_, message)| message.receipt_handle.as_str()).collect();
            let outcomes = queue.delete_batch(&handles).await;
            held.into_iter().map(|(place, _)| place).zip(outcomes).collect::<Vec<_>>()
        })
        .buffer_unordered(PARALLEL_BATCHES)
        .concat()
        .await
}

async fn give_back(work: &Work, queue: &Queue, visibility: &[(Place, Duration)]) {
    let changes: Vec<_> = visibility
        .iter()
        .filter_map(|(place, delay)| Some((work.at(*place)?.receipt_handle.as_str(), *delay)))
        .collect();
    let unset = queue.set_visibility(&changes).await.into_iter().filter(Result::is_err).count();
    if unset > 0 {
        tracing::warn!(
            advertiser = %work.connection.advertiser, account = %work.connection.account, unset,
            "messages come back when their visibility ends, not when they should"
        );
    }
}
