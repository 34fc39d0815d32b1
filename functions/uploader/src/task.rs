//! One connection's work, from what is in hand of it to what is acknowledged. A panic in it is caught here: its changes wait.

use std::collections::{BTreeMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use envelope::{Envelope, ReadError, Row};
use futures::FutureExt;
use ids::{AudienceId, ConnectionId};
use queue::Received;
use startup::clock::now_ms;
use tokio::time::{Instant, sleep};

use crate::acknowledge::acknowledge;
use crate::audiences::ByMark;
use crate::cause::{Blame, Cause, Outcome, Reason};
use crate::hand::Hand;
use crate::letter::REDRIVEN;
use crate::plan::{Change, Plan, Planner};
use crate::rounds::{GATHERING, InHand};
use crate::sender::{Sender, Stopped};
use crate::settle::{Content, LaneSettlement, Terms, settle};
use crate::token::Usable;
use crate::work::{Place, Work};
use crate::{App, report};

/// What a task has to know of its invocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    /// When calling ends and settling begins.
    pub(crate) until: Instant,
    /// When the invocation ends.
    pub(crate) deadline: Instant,
    /// Whether more messages wait on the queue than is good for the others.
    pub(crate) crowded: bool,
}

/// What the messages are, and what is planned of them.
struct Read {
    contents: BTreeMap<Place, Content>,
    plan: Plan,
}

/// What is known of the connection's audiences.
struct Known {
    /// Those that it deleted itself.
    deleted: Vec<AudienceId>,
    /// Those that its letters without an audience may be about, or why that is not known.
    by_mark: Result<ByMark, Arc<Reason>>,
    /// What erasures are about, or why that is not known.
    erased: Result<Vec<AudienceId>, Arc<Reason>>,
    /// When the customer was forgotten, in milliseconds since 1970: what was sent before is dropped.
    forgotten_ms: Option<i64>,
}

impl App {
    /// Serves `connection` once its turn to call comes, with all of it that is in hand by then. Says which messages are gone.
    pub(crate) async fn serve(&self, connection: ConnectionId, hand: &InHand, time: Time) -> HashSet<String> {
        let started = Instant::now();
        let came_back = hand.with(|hand: &mut Hand| hand.came_back(connection));
        let stopped = match self.ready(connection, came_back, time.until).await {
            Ok(usable) => {
                sleep(GATHERING).await;
                match self.turns.full_turn(connection, time.until).await {
                    Ok(()) => Ok(usable),
                    // What is in hand comes back when its visibility ends.
                    Err(_) => return HashSet::new(),
                }
            }
            Err(stopped) => Err(stopped),
        };
        let work = hand.with(|hand: &mut Hand| hand.take(connection));
        if work.is_empty() {
            return HashSet::new();
        }
        let worked = AssertUnwindSafe(self.work(&work, stopped, time)).catch_unwind().await;
        let lanes = worked.unwrap_or_else(|_| self.after_panic(&work, time));
        let gone = acknowledge(&work, &lanes, &self.queue, &self.dead_letters, time.deadline).await;
        report::firehose_messages(&work, &gone);
        report::settled(&work, &lanes, gone.len(), started);
        hand.with(|hand: &mut Hand| hand.settled(&work));
        gone
    }

    /// The token to use, unless the connection makes no call now.
    async fn ready(&self, connection: ConnectionId, came_back: bool, until: Instant) -> Result<Usable, Stopped> {
        if let Some(paused) = self.breaker(|breaker| breaker.paused(connection.advertiser, Instant::now())) {
            return Err(Stopped { reason: paused.reason, pause: Some(paused.until), tried: false, blocked: None });
        }
        self.tokens.usable(connection, came_back, &self.turns, until).await.map_err(Stopped::from)
    }

    async fn work(&self, work: &Work, ready: Result<Usable, Stopped>, time: Time) -> Vec<LaneSettlement> {
        let known = self.known(work, &ready, time.until).await;
        let Read { contents, mut plan } = self.read(work, &known);
        report::planned(&plan);
        let (stopped, answered) = match ready {
            Ok(usable) => {
                let calls = std::mem::take(&mut plan.calls);
                let sent = Sender::new(self, work.connection, usable, time.until).send(&plan, calls).await;
                for (span, outcome) in &sent.outcomes {
                    plan.settle(*span, outcome);
                }
                (sent.stopped, sent.answered)
            }
            Err(stopped) => {
                plan.wait_for(&stopped.reason);
                (Some(stopped), false)
            }
        };
        let terms = self.terms(work.connection, stopped.as_ref(), answered, time);
        report::outcomes(&plan, stopped.as_ref());
        settle(work, &contents, &plan, terms)
    }

    async fn known(&self, work: &Work, ready: &Result<Usable, Stopped>, until: Instant) -> Known {
        let connection = work.connection;
        let forgotten_ms = self.tokens.forgotten_ms(connection, until).await;
        let usable = match ready {
            Ok(usable) => usable,
            Err(stopped) => {
                let (by_mark, erased) = (Err(Arc::clone(&stopped.reason)), Err(Arc::clone(&stopped.reason)));
                return Known { deleted: Vec::new(), by_mark, erased, forgotten_ms };
            }
        };
        let by_mark = match last_sent(work, is_unmapped_letter) {
            Some(sent_ms) => self.audiences_by_mark(connection, usable, sent_ms, until).await,
            None => Ok(ByMark::new()),
        };
        let erased = match last_sent(work, is_erasure) {
            Some(sent_ms) => self.erasure_audiences(connection, usable, sent_ms, until).await,
            // No message has one. What was overlooked must not be lost: it waits.
            None => Err(Reason::new(Cause::Internal, "an erasure was not seen in its message")),
        };
        Known { deleted: usable.deleted.clone(), by_mark, erased, forgotten_ms }
    }

    /// Reads every message, and plans what is to be told.
    fn read(&self, work: &Work, known: &Known) -> Read {
        let (mut planner, mut contents) = (Planner::new(), BTreeMap::new());
        let mut redriven = HashSet::new();
        for (place, message) in work.messages() {
            let is_redriven = message.attributes.contains_key(REDRIVEN);
            if is_redriven {
                redriven.insert(place);
            }
            let content = match (read(work.connection, message), &known.by_mark) {
                (Ok(envelope), Err(reason)) if is_redriven && envelope.rows.iter().any(is_unmapped) => {
                    Content::Waits(Arc::clone(reason))
                }
                (Ok(envelope), by_mark) => {
                    let by_mark = by_mark.as_ref().ok().filter(|_| is_redriven);
                    let changed_ms = envelope.header.changed_ms;
                    // What is sent again was sent first some time after its changes were made.
                    let sent_ms = if is_redriven { changed_ms } else { message.sent_ms };
                    let forgotten = known.forgotten_ms.is_some_and(|forgotten_ms| sent_ms <= forgotten_ms);
                    if forgotten {
                        metrics::counter!("changes_of_forgotten_customers").increment(changes(&envelope));
                    }
                    for row in envelope.rows.into_iter().filter(|_| !forgotten) {
                        let row = match by_mark {
                            Some(by_mark) => mapped(row, by_mark),
                            None => row,
                        };
                        planner.add(place, &row);
                    }
                    Content::Planned(changed_ms)
                }
                (Err(content), _) => content,
            };
            contents.insert(place, content);
        }
        let advertiser = work.connection.advertiser;
        let settled = |change: &Change, place: Place| {
            if known.deleted.contains(&change.audience) {
                return Some(Outcome::Dropped);
            }
            if redriven.contains(&place) {
                self.recent_refusals.forget(advertiser, change);
                return None;
            }
            self.recent_refusals.find(advertiser, change).map(Outcome::Rejected)
        };
        Read { contents, plan: planner.plan(self.config.limits, &known.erased, settled) }
    }

    /// Notes whether the connection failed, and says how its messages are to be settled.
    fn terms(&self, connection: ConnectionId, stopped: Option<&Stopped>, answered: bool, time: Time) -> Terms {
        let (now, now_ms) = (Instant::now(), now_ms());
        let pause = stopped.and_then(|stopped| stopped.pause);
        let (delay, since_ms, waited_for_all) = self.backoff(|backoff| {
            if stopped.is_some_and(|stopped| stopped.reason.blame() == Blame::Everybody) {
                backoff.waits_for_all(connection, now);
            }
            match stopped {
                Some(stopped) if stopped.tried && stopped.reason.blame() != Blame::Nobody => {
                    backoff.failed(connection, (now, now_ms), pause, rand::random_range(0.0..1.0));
                }
                None if answered => backoff.answered(connection),
                Some(_) | None => {}
            }
            (
                backoff.delay(connection, now, pause),
                backoff.since_ms(connection),
                backoff.waited_for_all(connection, now),
            )
        });
        let blocked = stopped.and_then(|stopped| stopped.blocked.as_ref());
        let refused_since = blocked.and_then(|blocked| blocked.since_ms);
        Terms {
            now_ms,
            max_age: self.config.max_age,
            failing_since_ms: refused_since.or(since_ms),
            waited_for_all,
            stopped: stopped.is_some(),
            dead: blocked.is_some_and(|blocked| blocked.dead),
            crowded: time.crowded,
            delay,
        }
    }

    /// All messages wait: what they hold is not known to this task any more.
    fn after_panic(&self, work: &Work, time: Time) -> Vec<LaneSettlement> {
        tracing::error!(
            advertiser = %work.connection.advertiser, account = %work.connection.account, messages = work.len(),
            "a fault in the uploader; the changes of a connection wait"
        );
        metrics::counter!("panics").increment(1);
        let reason = Reason::new(Cause::Internal, "a fault in the uploader");
        let contents = work.messages().map(|(place, _)| (place, Content::Waits(Arc::clone(&reason)))).collect();
        let stopped = Stopped { reason, pause: None, tried: true, blocked: None };
        let terms = self.terms(work.connection, Some(&stopped), false, time);
        settle(work, &contents, &Planner::new().plan(self.config.limits, &Ok(Vec::new()), |_, _| None), terms)
    }
}

/// How many changes there are in it.
fn changes(envelope: &Envelope<'_>) -> u64 {
    envelope.rows.iter().map(Row::changes).sum::<usize>() as u64
}

/// When the newest message was sent of those that `wanted` lets through, in milliseconds since 1970.
fn last_sent(work: &Work, wanted: fn(&Received) -> bool) -> Option<i64> {
    work.messages().filter(|(_, message)| wanted(message)).map(|(_, message)| message.sent_ms).max()
}

/// Whether a message holds an erasure. One that only looks so costs a look at TikTok's list.
fn is_erasure(message: &Received) -> bool {
    message.body.contains("\"erase\"")
}

/// Whether it is a letter that was sent again and knew no audience at TikTok.
fn is_unmapped_letter(message: &Received) -> bool {
    message.attributes.contains_key(REDRIVEN) && message.body.contains("\"unmapped_")
}

fn is_unmapped(row: &Row<'_>) -> bool {
    !row.unmapped_adds.is_empty() || !row.unmapped_deletes.is_empty()
}

/// The row with the audiences at TikTok that there are by now for those that had none.
fn mapped<'a>(mut row: Row<'a>, by_mark: &ByMark) -> Row<'a> {
    row.adds.extend(row.unmapped_adds.iter().filter_map(|audience| by_mark.get(audience)).copied());
    row.deletes.extend(row.unmapped_deletes.iter().filter_map(|audience| by_mark.get(audience)).copied());
    row.unmapped_adds.retain(|audience| !by_mark.contains_key(audience));
    row.unmapped_deletes.retain(|audience| !by_mark.contains_key(audience));
    row
}

/// Reads a message of `connection`.
fn read(connection: ConnectionId, message: &Received) -> Result<Envelope<'_>, Content> {
    let unreadable = |why: String| {
        tracing::error!(
            advertiser = %connection.advertiser, account = %connection.account, cause = Cause::Unreadable.word(), why,
            "a queue message cannot be read; it becomes a dead letter"
        );
        Content::Unreadable(Reason::new(Cause::Unreadable, why))
    };
    match Envelope::read(&message.body) {
        Ok(envelope) if envelope.header.connection == connection => Ok(envelope),
        Ok(_) => Err(unreadable("the envelope is of another connection than its message group".to_owned())),
        Err(error @ ReadError::Newer(_)) => Err(Content::Waits(Reason::new(Cause::NewerVersion, error.to_string()))),
        Err(error @ ReadError::Unreadable { .. }) => Err(unreadable(error.to_string())),
    }
}
