//! What becomes of each message once its changes have an outcome: done, put aside with the reason, or back later.
//!
//! A message of which nothing was settled comes back as it is. One that was settled in part is replaced by what is left of it, so
//! that what is done is not done again: it could undo a newer change by then.

mod letters;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use queue::{Postponed, Queue};

use crate::batch::{Batch, Disposition};
use crate::clock::now_ms;
use crate::connection::SUSPENDED;
use crate::event::{Event, Failure, Message, Response};
use crate::outcome::{Outcome, Reason};
use letters::Letter;

/// When a message comes back for the first time; later it takes twice as long each time.
const FIRST_RETURN: Duration = Duration::from_secs(30);
/// The longest that a message stays away.
const LONGEST_RETURN: Duration = Duration::from_hours(1);
/// The longest for one that only waits for a token.
const LONGEST_SUSPENDED: Duration = Duration::from_mins(5);

/// What becomes of a message.
#[derive(Debug, Clone)]
enum Fate {
    /// Delivered, superseded, or its dead letters are written.
    Done,
    /// It goes to the dead-letter queue as it is.
    Aside(Arc<Reason>),
    /// It comes back as it is.
    Back(Arc<Reason>),
    /// What is left of it goes back to the queue as a new message.
    Leftover(Arc<Reason>),
}

/// The end of a batch.
pub struct Settlement<'a> {
    event: &'a Event<'a>,
    batch: &'a Batch,
    /// By the index of the change in the plan.
    outcomes: Vec<Outcome>,
    /// By the index of the message in the event.
    fates: Vec<Fate>,
    now_ms: i64,
}

/// What a settlement may do, and with which queues.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Where the messages came from.
    pub queue: &'a Queue,
    /// Where goes what cannot be delivered.
    pub dead_letters: &'a Queue,
    /// What has waited so long waits no longer.
    pub max_age: Duration,
    /// With more messages in flight, those of suspended connections wait no longer.
    pub max_waiting: u64,
}

/// Settles every message of `event`, whose planned changes came to `outcomes`, and answers Lambda.
pub async fn settle(event: &Event<'_>, batch: &Batch, outcomes: Vec<Outcome>, terms: Terms<'_>) -> Response {
    let mut this = Settlement { event, batch, outcomes, fates: Vec::new(), now_ms: now_ms() };
    let expired = this.expire(terms.max_age);
    let crowded = this.is_crowded(terms).await;
    this.fates = this.fates(&expired, crowded);
    this.place(terms.dead_letters, letters::dead(&this), "dead letters").await;
    this.place(terms.queue, letters::leftovers(&this), "what is left of messages").await;
    this.count();
    this.give_back(terms.queue).await
}

impl Settlement<'_> {
    fn message_of(&self, origin: u32) -> Option<u32> {
        self.batch.plan.origins.get(origin as usize).map(|origin| origin.message)
    }

    /// Which messages have waited too long. Their changes that would have to wait longer are rejected, with the last reason.
    fn expire(&mut self, max_age: Duration) -> Vec<bool> {
        let max_age = i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX);
        let age = |message: &Message<'_>| self.now_ms.saturating_sub(message.first_sent_ms(self.now_ms));
        let ages: Vec<_> = self.event.messages.iter().map(age).collect();
        let oldest_s = ages.iter().max().map_or(0, |oldest| oldest / 1000);
        metrics::gauge!("oldest_change_age_seconds")
            .set(i32::try_from(oldest_s).map_or(f64::from(i32::MAX), f64::from));
        let expired: Vec<_> = ages.into_iter().map(|age| age >= max_age).collect();
        for (index, change) in self.batch.plan.changes.iter().enumerate() {
            let message = self.message_of(change.origin);
            let too_old = message.is_some_and(|message| expired.get(message as usize) == Some(&true));
            if let Some(outcome @ Outcome::Later(_)) = self.outcomes.get_mut(index).filter(|_| too_old)
                && let Outcome::Later(reason) = outcome.clone()
            {
                *outcome = Outcome::Rejected(reason);
            }
        }
        expired
    }

    /// Whether so many messages are in flight that those of suspended connections can wait no longer.
    async fn is_crowded(&self, terms: Terms<'_>) -> bool {
        if self.batch.suspended == 0 {
            return false;
        }
        match terms.queue.in_flight().await {
            Ok(in_flight) => in_flight > terms.max_waiting,
            Err(error) => {
                tracing::warn!(%error, "how many messages wait is not known");
                false
            }
        }
    }

    fn fates(&self, expired: &[bool], crowded: bool) -> Vec<Fate> {
        let messages = self.event.messages.len();
        let (mut settled_in_part, mut later) = (vec![false; messages], vec![None; messages]);
        for (change, outcome) in self.batch.plan.changes.iter().zip(&self.outcomes) {
            let Some(message) = self.message_of(change.origin) else { continue };
            match outcome {
                Outcome::Delivered | Outcome::Rejected(_) => set(&mut settled_in_part, message, true),
                Outcome::Later(reason) => set(&mut later, message, Some(reason)),
            }
        }
        let unmapped = self.batch.plan.unmapped.iter().filter_map(|unmapped| self.message_of(unmapped.origin));
        for message in self.batch.plan.superseded_in.iter().copied().chain(unmapped) {
            set(&mut settled_in_part, message, true);
        }
        let mut fates = Vec::with_capacity(messages);
        for (index, disposition) in self.batch.dispositions.iter().enumerate() {
            let gives_up = |reason: &Reason| expired.get(index) == Some(&true) || (crowded && reason.word == SUSPENDED);
            fates.push(match disposition {
                Disposition::Unreadable(reason) => Fate::Aside(Arc::clone(reason)),
                Disposition::Waits(reason) if gives_up(reason) => Fate::Aside(Arc::clone(reason)),
                Disposition::Waits(reason) => Fate::Back(Arc::clone(reason)),
                Disposition::Planned => match later.get(index).copied().flatten() {
                    None => Fate::Done,
                    Some(reason) if settled_in_part.get(index) == Some(&true) => Fate::Leftover(Arc::clone(reason)),
                    Some(reason) => Fate::Back(Arc::clone(reason)),
                },
            });
        }
        fates
    }

    /// Sends letters. The messages of one that could not be sent come back as they are.
    async fn place(&mut self, queue: &Queue, letters: Vec<Letter>, what: &str) {
        let (messages, of): (Vec<_>, Vec<_>) = letters.into_iter().map(|letter| (letter.message, letter.of)).unzip();
        for (outcome, of) in queue.send(&messages).await.into_iter().zip(of) {
            if let Err(error) = outcome {
                tracing::error!(%error, messages = of.len(), "{what} could not be queued; the messages come back");
                let reason = Reason::new("queue", error.to_string());
                for message in of {
                    set(&mut self.fates, message, Fate::Back(Arc::clone(&reason)));
                }
            }
        }
    }

    /// Postpones the messages that come back, later each time, and names them to Lambda.
    async fn give_back(&self, queue: &Queue) -> Response {
        let (mut postponed, mut failures) = (Vec::new(), Vec::new());
        for (message, fate) in self.event.messages.iter().zip(&self.fates) {
            let Fate::Back(reason) = fate else { continue };
            failures.push(Failure { message_id: message.message_id.clone().into_owned() });
            postponed.push(Postponed {
                receipt: message.receipt_handle.clone().into_owned(),
                after: pause(message.returns(), reason),
            });
        }
        let unset = queue.postpone(&postponed).await;
        if unset > 0 {
            tracing::warn!(unset, "messages come back at the queue's own visibility time-out");
        }
        Response { failures }
    }

    fn count(&self) {
        let count = |is: fn(&Outcome) -> bool| self.outcomes.iter().filter(|outcome| is(outcome)).count() as u64;
        metrics::counter!("changes_delivered").increment(count(|outcome| matches!(outcome, Outcome::Delivered)));
        metrics::counter!("changes_rejected").increment(count(|outcome| matches!(outcome, Outcome::Rejected(_))));
        metrics::counter!("changes_postponed").increment(count(|outcome| matches!(outcome, Outcome::Later(_))));
        metrics::gauge!("suspended_connections").set(u32::try_from(self.batch.suspended).map_or(f64::MAX, f64::from));
        let reasons: HashSet<_> = self.fates.iter().filter_map(Fate::reason).collect();
        for reason in reasons {
            tracing::warn!(
                reason = reason.word,
                code = reason.code,
                tiktok_message = reason.message,
                request_id = reason.request_id,
                "messages of this batch are not delivered yet"
            );
        }
    }
}

impl Fate {
    const fn reason(&self) -> Option<&Arc<Reason>> {
        match self {
            Self::Done => None,
            Self::Aside(reason) | Self::Back(reason) | Self::Leftover(reason) => Some(reason),
        }
    }
}

fn set<T>(list: &mut [T], message: u32, value: T) {
    if let Some(slot) = list.get_mut(message as usize) {
        *slot = value;
    }
}

/// How long a message stays away that came back `returns` times before.
fn pause(returns: u32, reason: &Reason) -> Duration {
    let longest = if reason.word == SUSPENDED { LONGEST_SUSPENDED } else { LONGEST_RETURN };
    let doubled = FIRST_RETURN.saturating_mul(2_u32.saturating_pow(returns.min(16))).min(longest);
    doubled.mul_f64(rand::random_range(0.75..1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_later_each_time_and_a_suspended_one_every_few_minutes() {
        let (busy, suspended) = (Reason::new("unavailable", ""), Reason::new(SUSPENDED, ""));
        for (returns, seconds) in [(0, 30), (1, 60), (6, 1920), (7, 3600), (u32::MAX, 3600)] {
            let pause = pause(returns, &busy).as_secs();
            assert!((seconds * 3 / 4 - 1..=seconds).contains(&pause), "{returns}: {pause}");
        }
        assert!(pause(100, &suspended) <= Duration::from_mins(5));
    }
}
