//! What came of a request: its answer, and what is logged and counted of it. Nothing of the address, the cookie or the page is.

use std::time::Duration;

use startup::clock::millis;
use tiktok::Trace;

use crate::answer::Answer;
use crate::findings::{Findings, Health};
use crate::permission::Permission;
use crate::problem::Problem;

/// Faults that are spelled out in a log line; of more, only their number is told.
const LOGGED_FAULTS: usize = 3;

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The word under which it is counted and logged.
    pub(crate) word: &'static str,
    pub(crate) answer: Answer,
    pub(crate) findings: Findings,
    /// Why there is no token. Safe to log.
    pub(crate) cause: Option<String>,
    pub(crate) trace: Trace,
}

impl Outcome {
    pub(crate) fn new(word: &'static str, answer: Answer) -> Self {
        Self { word, answer, findings: Findings::default(), cause: None, trace: Trace::default() }
    }

    /// Logs and counts it.
    pub(crate) fn report(&self, lambda_request_id: &str, duration: Duration) {
        let accounts = &self.findings.accounts;
        let with = |permission| accounts.iter().filter(|account| account.permission == permission).count();
        let connected = accounts.iter().filter(|account| account.connected.is_some()).count();
        let healed = accounts.iter().filter(|account| account.any(Health::works_again)).count();
        let (ready, not_checked) = (with(Permission::Ready), with(Permission::NotChecked));
        let cause = self.cause.clone().or_else(|| faults(&self.findings.faults));
        let duration_ms = millis(duration);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    outcome = self.word,
                    status = self.answer.status_code,
                    lambda_request_id,
                    duration_ms,
                    accounts = accounts.len(),
                    ready,
                    not_checked,
                    connected,
                    healed,
                    cause,
                    tiktok_request_id = self.trace.request_id,
                    tiktok_log_id = self.trace.log_id,
                    "authorization request answered"
                )
            };
        }
        metrics::counter!("auth_requests", "outcome" => self.word).increment(1);
        if self.word == Problem::Operator.outcome() {
            metrics::counter!("operator_faults").increment(1);
            line!(error);
        } else {
            line!(info);
        }
    }
}

fn faults(faults: &[String]) -> Option<String> {
    let (first, more) = faults.split_at(faults.len().min(LOGGED_FAULTS));
    let more = if more.is_empty() { String::new() } else { format!("; and {} more", more.len()) };
    (!first.is_empty()).then(|| first.join("; ") + &more)
}
