//! What is known of a request at its end: one log line, and the metrics. No id of a person, no token, nothing of the body.

use std::error::Error;
use std::time::Instant;

use ids::AdvertiserId;

use crate::door::Door;
use crate::membership::Queueable;
use crate::{Dropped, Refusal};

/// Gathered while a request is handled.
#[derive(Debug)]
pub(crate) struct Observation {
    door: Door,
    started: Instant,
    /// The type of the message, once it is known.
    pub(crate) kind: &'static str,
    /// Whose account it is, once it is known.
    pub(crate) advertiser: Option<AdvertiserId>,
    /// mParticle's id of the customer's configuration.
    pub(crate) account: Option<i64>,
    pub(crate) users: usize,
    pub(crate) suspended: bool,
    messages: usize,
    changes: u64,
    dropped: Dropped,
}

impl Observation {
    pub(crate) fn new(door: Door) -> Self {
        Self {
            door,
            started: Instant::now(),
            kind: "unknown",
            advertiser: None,
            account: None,
            users: 0,
            suspended: false,
            messages: 0,
            changes: 0,
            dropped: Dropped::default(),
        }
    }

    pub(crate) fn of_account(&mut self, kind: &'static str, account: &firehose::Account) {
        self.kind = kind;
        self.advertiser = Some(account.advertiser);
        self.account = account.account_id;
    }

    pub(crate) fn queued(&mut self, queueable: &Queueable) {
        self.messages = queueable.envelopes.len();
        self.changes = queueable.changes;
        self.dropped = queueable.dropped;
    }

    /// Counts the request and writes its line.
    pub(crate) fn report(&self, refusal: Option<&Refusal>) {
        let answer = refusal.map_or("ok", Refusal::code);
        metrics::counter!("requests", "type" => self.kind, "answer" => answer).increment(1);
        count("users_received", self.users as u64);
        count("suspended_answers", u64::from(self.suspended));
        count("operator_faults", u64::from(refusal.is_some_and(Refusal::is_operators)));
        if refusal.is_none() {
            count("messages_queued", self.messages as u64);
            count("changes_queued", self.changes);
            for (reason, dropped) in self.dropped.by_reason().into_iter().filter(|(_, dropped)| *dropped > 0) {
                metrics::counter!("dropped", "reason" => reason).increment(dropped);
            }
        }
        self.log(answer, refusal);
    }

    fn log(&self, answer: &'static str, refusal: Option<&Refusal>) {
        macro_rules! line {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    kind = self.kind,
                    door = self.door.as_str(),
                    answer,
                    advertiser = self.advertiser.map(tracing::field::display),
                    account = self.account,
                    users = self.users,
                    changes = self.changes,
                    messages = self.messages,
                    suspended = self.suspended,
                    duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
                    reason = refusal.map(tracing::field::display),
                    cause = refusal.and_then(Error::source).map(tracing::field::display),
                    $message
                )
            };
        }
        match refusal {
            None => line!(info, "answered a Firehose message"),
            Some(refusal) if refusal.status() >= 500 => line!(error, "could not answer a Firehose message for now"),
            Some(_) => line!(warn, "refused a Firehose message"),
        }
    }
}

fn count(name: &'static str, by: u64) {
    if by > 0 {
        metrics::counter!(name).increment(by);
    }
}
