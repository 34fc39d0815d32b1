//! What is known of a request at its end: one log line, and the metrics. No id of a person, no token, nothing of the body.

use std::error::Error;

use connections::State;
use ids::{AccountId, AdvertiserId};
use tiktok::Failure;
use tokio::time::Instant;

use crate::connection::{Probe, Standing};
use crate::erasure::Outcome;
use crate::transport::Transport;
use crate::{Dropped, Queueable, Refusal};

/// Gathered while a request is handled.
#[derive(Debug)]
pub(crate) struct Observation<'a> {
    transport: Transport,
    pub(crate) started: Instant,
    lambda_request_id: &'a str,
    /// mParticle's id of the message, once it is known.
    pub(crate) message_id: Option<String>,
    /// The type of the message, once it is known.
    pub(crate) kind: &'static str,
    /// Whose account it is, once it is known.
    connection: Option<(AdvertiserId, AccountId)>,
    /// What is known of the connection of a membership change.
    pub(crate) standing: Option<Standing>,
    /// What became of a request to be forgotten, once it is answered with success.
    pub(crate) erasure: Option<Outcome>,
    subject_request_id: Option<String>,
    /// Why TikTok keeps an audience that was disconnected.
    pub(crate) without_access: Option<Failure>,
    users: u64,
    messages: u64,
    changes: u64,
    dropped: Dropped,
}

impl<'a> Observation<'a> {
    pub(crate) fn new(transport: Transport, lambda_request_id: &'a str) -> Self {
        Self {
            transport,
            started: Instant::now(),
            lambda_request_id,
            message_id: None,
            kind: "unknown",
            connection: None,
            standing: None,
            erasure: None,
            subject_request_id: None,
            without_access: None,
            users: 0,
            messages: 0,
            changes: 0,
            dropped: Dropped::default(),
        }
    }

    /// mParticle's id of the message, or else Lambda's of the request.
    pub(crate) fn message_id(&self) -> &str {
        self.message_id.as_deref().unwrap_or(self.lambda_request_id)
    }

    pub(crate) fn of_account(&mut self, kind: &'static str, account: &firehose::Account) {
        self.kind = kind;
        self.connection = Some((account.advertiser, account.id));
    }

    pub(crate) fn of_erasure(&mut self, request: &firehose::Erasure<'_>) {
        self.kind = "erasure";
        let connection = request.connection.as_ref().ok().copied().flatten();
        self.connection = connection.map(|connection| (connection.advertiser, connection.account));
        self.subject_request_id = request.subject_request_id.as_deref().map(str::to_owned);
        self.dropped.left_out = request.left_out;
    }

    pub(crate) fn read(&mut self, queueable: &Queueable) {
        self.users = queueable.users;
        self.messages = queueable.lanes.iter().map(|lane| lane.parts.len() as u64).sum();
        self.changes = queueable.changes;
        self.dropped = queueable.dropped;
    }

    /// Counts the request and writes its line.
    pub(crate) fn report(&self, refusal: Option<&Refusal>) {
        let answer = refusal.map_or("ok", Refusal::code);
        metrics::counter!("requests", "type" => self.kind, "answer" => answer).increment(1);
        count("users_received", self.users);
        count("suspended_answers", u64::from(self.suspended()));
        count("operator_faults", u64::from(self.is_operators(refusal)));
        count("disconnected_without_access", u64::from(self.without_access.is_some()));
        self.count_standing();
        if let Some(outcome) = self.erasure {
            metrics::counter!("erasures", "outcome" => outcome.word()).increment(1);
        }
        if refusal.is_none() {
            count("messages_queued", self.messages);
            count("changes_queued", self.changes);
            for (reason, dropped) in self.dropped.by_reason().filter(|(_, dropped)| *dropped > 0) {
                metrics::counter!("dropped", "reason" => reason).increment(dropped);
            }
        }
        self.log(answer, refusal);
    }

    fn suspended(&self) -> bool {
        self.standing.as_ref().is_some_and(Standing::suspend)
    }

    fn is_operators(&self, refusal: Option<&Refusal>) -> bool {
        let record = matches!(&self.standing, Some(Standing::Unknown(error)) if !error.is_passing());
        record || refusal.is_some_and(Refusal::is_operators)
    }

    fn count_standing(&self) {
        match &self.standing {
            Some(Standing::Known { state, stale, probe }) => {
                count("stale_records", u64::from(*stale));
                if let Some(probe) = probe {
                    metrics::counter!("token_probes", "outcome" => probe.word()).increment(1);
                }
                let is_new_and_refused = matches!((state, probe), (Some(State::Active), Some(Probe::Refused)));
                count("refused_new_tokens", u64::from(is_new_and_refused));
            }
            Some(Standing::Unknown(_) | Standing::Late) => count("records_unavailable", 1),
            None => {}
        }
    }

    /// What went wrong without being the answer.
    fn trouble(&self) -> Option<String> {
        match &self.standing {
            Some(Standing::Unknown(error)) => Some(error.to_string()),
            Some(Standing::Known { .. } | Standing::Late) | None => {
                self.without_access.as_ref().map(ToString::to_string)
            }
        }
    }

    fn log(&self, answer: &'static str, refusal: Option<&Refusal>) {
        let cause = refusal.and_then(Error::source).map(ToString::to_string).or_else(|| self.trouble());
        let without_access = self.without_access.as_ref().and_then(|failure| failure.trace.request_id.as_deref());
        let probe = match &self.standing {
            Some(Standing::Known { probe, .. }) => probe.map(Probe::word),
            Some(Standing::Unknown(_) | Standing::Late) | None => None,
        };
        macro_rules! line {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    kind = self.kind,
                    transport = self.transport.word(),
                    answer,
                    advertiser = self.connection.map(|(advertiser, _)| tracing::field::display(advertiser)),
                    account = self.connection.map(|(_, account)| tracing::field::display(account)),
                    connection = self.standing.as_ref().map(Standing::word),
                    probe,
                    users = self.users,
                    changes = self.changes,
                    messages = self.messages,
                    suspended = self.suspended(),
                    erasure = self.erasure.map(Outcome::word),
                    subject_request_id = self.subject_request_id.as_deref(),
                    firehose_message_id = self.message_id.as_deref(),
                    lambda_request_id = self.lambda_request_id,
                    tiktok_request_id = refusal.and_then(Refusal::tiktok_request_id).or(without_access),
                    duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
                    reason = refusal.map(tracing::field::display),
                    cause,
                    $message
                )
            };
        }
        match refusal {
            Some(refusal) if refusal.status() >= 500 => line!(error, "could not answer a Firehose message for now"),
            Some(_) => line!(warn, "refused a Firehose message"),
            None if self.without_access.is_some() => {
                line!(
                    warn,
                    "disconnected an audience that TikTok keeps: there is no access to its advertiser any more"
                );
            }
            None if self.erasure == Some(Outcome::NoAccount) => {
                line!(error, "a person asks to be forgotten, and the message names no account: nothing was erased");
            }
            None if cause.is_some() => {
                line!(warn, "answered a Firehose message without its connection's record");
            }
            None => line!(info, "answered a Firehose message"),
        }
    }
}

fn count(name: &'static str, by: u64) {
    if by > 0 {
        metrics::counter!(name).increment(by);
    }
}
