//! What the log and the metrics say of a connection's work.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use startup::clock::{millis, now_ms};
use tokio::time::Instant;

use crate::cause::{Blame, Cause, Outcome, Reason};
use crate::letter::{FIREHOSE_MESSAGE_ID, SUBJECT_REQUEST_ID};
use crate::plan::Plan;
use crate::sender::Stopped;
use crate::settle::LaneSettlement;
use crate::work::Work;

/// So many are named in a line.
const NAMED_TOGETHER: usize = 100;

/// Counts what was planned.
pub(crate) fn planned(plan: &Plan) {
    let counts = plan.counts;
    metrics::counter!("erasures_received").increment(counts.erasures);
    metrics::counter!("rows_received").increment(counts.rows);
    for (reason, count) in [("nil", counts.nil), ("malformed", counts.malformed), ("encoding", counts.encoding)] {
        metrics::counter!("ids_dropped", "reason" => reason).increment(count);
    }
    metrics::counter!("changes_superseded").increment(counts.superseded);
    metrics::counter!("changes_of_deleted_audiences").increment(counts.dropped);
}

/// Counts what came of it.
pub(crate) fn outcomes(plan: &Plan, stopped: Option<&Stopped>) {
    let count = |is: fn(&Outcome) -> bool| plan.changes.iter().filter(|change| is(&change.outcome)).count() as u64;
    metrics::counter!("changes_delivered").increment(count(|outcome| matches!(outcome, Outcome::Delivered)));
    metrics::counter!("ids_erased").increment(plan.erased());
    metrics::counter!("changes_rejected").increment(count(|outcome| matches!(outcome, Outcome::Rejected(_))));
    let cause = stopped.map_or("not_tried", |stopped| stopped.reason.cause.word());
    let later = count(|outcome| matches!(outcome, Outcome::Later(_)));
    metrics::counter!("changes_postponed", "cause" => cause).increment(later);
}

/// One line a connection and task: what became of its messages, and why some stay.
pub(crate) fn settled(work: &Work, lanes: &[LaneSettlement], gone: usize, started: Instant) {
    let (advertiser, account) = (work.connection.advertiser, work.connection.account);
    let letters = || lanes.iter().flat_map(|lane| &lane.done).flat_map(|done| &done.letters);
    let erasures = letters().filter(|letter| letter.erases).count() as u64;
    if erasures > 0 {
        metrics::counter!("erasure_letters").increment(erasures);
    }
    let mut causes = BTreeMap::<Cause, (u64, &Reason)>::new();
    for letter in letters() {
        causes.entry(letter.reason.cause).or_insert((0, letter.reason.as_ref())).0 += 1;
    }
    for (cause, (letters, reason)) in causes {
        metrics::counter!("dead_letters", "cause" => cause.word()).increment(letters);
        tracing::error!(
            %advertiser, %account, cause = cause.word(), code = reason.code, tiktok_message = reason.message,
            tiktok_request_id = reason.tiktok_request_id, letters, "changes were given up and are in the dead-letter queue"
        );
    }
    let heads = || lanes.iter().filter_map(|lane| lane.head.as_ref());
    if let Some(head) = heads().max_by_key(|head| head.reason.blame() != Blame::Nobody) {
        let delay_ms = millis(heads().map(|head| head.delay).max().unwrap_or(Duration::ZERO));
        tracing::warn!(
            %advertiser, %account, cause = head.reason.cause.word(), code = head.reason.code,
            tiktok_message = head.reason.message, tiktok_request_id = head.reason.tiktok_request_id,
            lanes = heads().count(), delay_ms, "changes of a connection wait; its lanes are blocked"
        );
    }
    for head in heads() {
        if let Some(message) = work.at(head.place) {
            age(head.reason.blame(), message.sent_ms);
        }
    }
    tracing::info!(
        %advertiser, %account, messages = work.len(), gone, duration_ms = millis(started.elapsed()),
        "the messages of a connection are settled"
    );
}

/// How long a change waits that was queued at `sent_ms`, in milliseconds since 1970.
pub(crate) fn age(blame: Blame, sent_ms: i64) {
    let seconds = now_ms().saturating_sub(sent_ms) / 1000;
    let seconds = i32::try_from(seconds).map_or(f64::from(i32::MAX), f64::from);
    metrics::gauge!("oldest_change_age_seconds", "trouble" => blame.word()).set(seconds);
}

/// Logs which Firehose messages are settled, each with the number of its queue messages that are `gone`, and which requests of people to be
/// forgotten: so one of them can be traced.
pub(crate) fn firehose_messages(work: &Work, gone: &HashSet<String>) {
    let (advertiser, account) = (work.connection.advertiser, work.connection.account);
    for chunk in with_counts(work, gone, FIREHOSE_MESSAGE_ID).chunks(NAMED_TOGETHER) {
        tracing::info!(%advertiser, %account, firehose_messages = chunk.join(" "), "Firehose messages are settled");
    }
    for chunk in with_counts(work, gone, SUBJECT_REQUEST_ID).chunks(NAMED_TOGETHER) {
        tracing::info!(%advertiser, %account, subject_requests = chunk.join(" "), "erasures are settled");
    }
}

/// The values of `attribute` that messages of `gone` have, each with the number of those messages.
fn with_counts(work: &Work, gone: &HashSet<String>, attribute: &str) -> Vec<String> {
    let mut settled = BTreeMap::<&str, u32>::new();
    for (_, message) in work.messages().filter(|(_, message)| gone.contains(&message.message_id)) {
        if let Some(id) = message.attributes.get(attribute) {
            *settled.entry(id).or_default() += 1;
        }
    }
    settled.iter().map(|(id, messages)| format!("{id}={messages}")).collect()
}
