//! Sends the calls of one connection. What follows from a call that failed is in `next`.

mod next;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, stream};
use ids::ConnectionId;
use startup::clock::millis;
use tiktok::{Action, Failure, Mapping, Row, Schema};
use tokio::time::Instant;

use crate::App;
use crate::cause::{Blame, Cause, Outcome, Reason, cause_of};
use crate::divide::{Answer, Division};
use crate::plan::{Call, Plan, Span};
use crate::token::{Blocked, Usable};
use crate::turns::TooLate;
use next::Next;

/// Calls of one connection under way at once.
pub const PARALLEL_CALLS: usize = 4;
/// No call starts with less time left.
pub const LEAST_TIME: Duration = Duration::from_secs(5);

/// Sends calls for one connection.
pub(crate) struct Sender<'a> {
    app: &'a App,
    connection: ConnectionId,
    until: Instant,
    state: Mutex<State>,
}

struct State {
    usable: Usable,
    /// The turn with which the task began is still unused.
    has_turn: bool,
    stopped: Option<Stopped>,
    /// What a part of a divided call fails with, while the others are delivered.
    failing: Option<Stopped>,
    /// TikTok answered a call, whatever it said of it.
    answered: bool,
    delivered: bool,
}

/// Why the connection makes no further call now.
#[derive(Debug, Clone)]
pub(crate) struct Stopped {
    /// Why.
    pub(crate) reason: Arc<Reason>,
    /// When a call may be tried again, if that is known.
    pub(crate) pause: Option<Instant>,
    /// Whether a call was tried: otherwise it waits for another one's trial.
    pub(crate) tried: bool,
    /// What is known of a token that TikTok refuses.
    pub(crate) blocked: Option<Blocked>,
}

/// What came of all calls.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) outcomes: Vec<(Span, Outcome)>,
    /// Whether TikTok answered, whatever it said of the calls.
    pub(crate) answered: bool,
    pub(crate) stopped: Option<Stopped>,
}

impl<'a> Sender<'a> {
    /// Sends for `connection`, whose turn it is.
    pub(crate) fn new(app: &'a App, connection: ConnectionId, usable: Usable, until: Instant) -> Self {
        let state = State { usable, has_turn: true, stopped: None, failing: None, answered: false, delivered: false };
        Self { app, connection, until, state: Mutex::new(state) }
    }

    /// Sends `calls`, the first one alone: it may be a trial. Where one is stopped by trouble, the others wait.
    pub(crate) async fn send(self, plan: &Plan, calls: Vec<Call>) -> Sent {
        let mut calls = calls.into_iter();
        let mut outcomes = Vec::new();
        if let Some(first) = calls.next() {
            outcomes.extend(self.deliver(plan, first).await);
        }
        let mut others = stream::iter(calls).map(|call| self.deliver(plan, call)).buffer_unordered(PARALLEL_CALLS);
        while let Some(more) = others.next().await {
            outcomes.extend(more);
        }
        drop(others);
        let State { stopped, failing, answered, .. } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        Sent { outcomes, answered, stopped: stopped.or(failing) }
    }

    /// Sends one call, and divides it where TikTok refuses it.
    async fn deliver(&self, plan: &Plan, call: Call) -> Vec<(Span, Outcome)> {
        let Call { action, schema, rows } = call;
        let answer = self.part(plan, (action, schema), &rows, None).await;
        let whole = match &answer {
            Answer::Refused(reason) | Answer::TooLarge(reason) => reason.cause,
            Answer::Delivered => return settled(&rows, &Outcome::Delivered),
            Answer::Later(reason) => return settled(&rows, &Outcome::Later(Arc::clone(reason))),
        };
        metrics::counter!("calls_divided").increment(1);
        let mut division = Division::new(&plan.changes, rows, answer);
        while let Some(part) = division.next_part() {
            let answer = self.part(plan, (action, schema), &part, Some(whole)).await;
            division.answered(&plan.changes, answer);
        }
        let outcomes = division.finish();
        self.after_dividing(plan, &outcomes);
        outcomes
    }

    /// Remembers what was rejected. Parts that TikTok failed at are trouble of the connection: where nothing was delivered, it stops.
    fn after_dividing(&self, plan: &Plan, outcomes: &[(Span, Outcome)]) {
        let (mut failed, mut delivered) = (None, false);
        for (span, outcome) in outcomes {
            match outcome {
                Outcome::Rejected(reason) => {
                    for change in span.changes(&plan.changes) {
                        self.app.recent_refusals.note(self.connection.advertiser, change, reason);
                    }
                }
                Outcome::Later(reason) if reason.cause == Cause::Unavailable => failed = Some(reason),
                Outcome::Delivered => delivered = true,
                Outcome::Later(_) | Outcome::Superseded | Outcome::Dropped => {}
            }
        }
        let Some(reason) = failed.map(Arc::clone) else { return };
        if self.with(|state| state.stopped.is_some()) {
            return;
        }
        if delivered {
            let failing = Stopped { reason, pause: None, tried: true, blocked: None };
            self.with(|state| state.failing = Some(failing));
        } else {
            self.stop(self.stopped_by(reason, Instant::now()));
        }
    }

    /// Sends some rows, once more at once where that may help. `whole`: of a part, what the whole call came to.
    async fn part(&self, plan: &Plan, kind: (Action, Schema), spans: &[Span], whole: Option<Cause>) -> Answer {
        let rows: Vec<Row> = spans.iter().filter_map(|span| plan.row(*span)).collect();
        let mut allowed = self.turn(whole.is_none()).await.and_then(|()| self.let_through(whole));
        let mut again = true;
        loop {
            if let Err(answer) = allowed {
                return answer;
            }
            let made = Instant::now();
            let failure = match self.call(kind, &rows).await {
                Ok(()) => {
                    self.succeeded(made).await;
                    return Answer::Delivered;
                }
                Err(failure) => failure,
            };
            match self.next(&failure, made, again, whole).await {
                Next::Answer(answer) => return answer,
                Next::Again => again = false,
                Next::Stop(stopped) => return self.stop(stopped),
            }
            // The same call once more: the breaker let it through already, perhaps as the trial that it waits for.
            allowed = self.turn(false).await;
        }
    }

    /// Waits for the turn of a call, which is full or not.
    async fn turn(&self, is_full: bool) -> Result<(), Answer> {
        self.go_on()?;
        let (turns, connection, until) = (&self.app.turns, self.connection, self.until);
        let came = match (self.with(|state| std::mem::take(&mut state.has_turn)), is_full) {
            (true, _) => Ok(()),
            (false, true) => turns.full_turn(connection, until).await,
            (false, false) => turns.turn(connection, until).await,
        };
        came.map_err(|TooLate| Answer::not_tried())?;
        // A call beside this one may have been stopped while this one waited.
        self.go_on()?;
        if self.until.saturating_duration_since(Instant::now()) < LEAST_TIME {
            return Err(Answer::not_tried());
        }
        Ok(())
    }

    /// Whether the connection makes further calls.
    fn go_on(&self) -> Result<(), Answer> {
        let stopped = self.with(|state| state.stopped.as_ref().map(|stopped| Arc::clone(&stopped.reason)));
        stopped.map_or(Ok(()), |reason| Err(Answer::Later(reason)))
    }

    /// Whether the breaker lets a call through. Parts that are tried to find what makes TikTok fail are no calls on trial.
    fn let_through(&self, whole: Option<Cause>) -> Result<(), Answer> {
        if whole == Some(Cause::Unavailable) {
            return Ok(());
        }
        let allowed = self.app.breaker(|breaker| breaker.let_through(self.connection.advertiser, Instant::now()));
        allowed.map_err(|paused| {
            let (reason, pause) = (paused.reason, Some(paused.until));
            self.stop(Stopped { reason, pause, tried: false, blocked: None })
        })
    }

    async fn call(&self, (action, schema): (Action, Schema), rows: &[Row]) -> Result<(), Failure> {
        let advertiser = self.connection.advertiser;
        let token = self.with(|state| state.usable.token.clone());
        let left = self.until.saturating_duration_since(Instant::now());
        let started = Instant::now();
        let mapping = Mapping { advertiser, action, schema, rows };
        let answer = self.app.tiktok.map(&token, &mapping, self.app.config.tiktok_timeout.min(left)).await;
        let duration_ms = millis(started.elapsed());
        metrics::counter!("calls").increment(1);
        metrics::counter!("rows_sent").increment(rows.len() as u64);
        let (account, action, rows) = (self.connection.account, action.as_str(), rows.len());
        match &answer {
            Ok(answer) => {
                metrics::counter!("ids_uploaded").increment(rows as u64);
                tracing::info!(
                    %advertiser, %account, action, rows, duration_ms, tiktok_request_id = answer.trace.request_id,
                    tiktok_log_id = answer.trace.log_id, "TikTok took a mapping call"
                );
            }
            Err(failure) => tracing::warn!(
                %advertiser, %account, action, rows, duration_ms, cause = cause_of(failure.meaning).word(),
                code = failure.code, status = failure.status, tiktok_message = failure.message,
                tiktok_request_id = failure.trace.request_id, tiktok_log_id = failure.trace.log_id,
                "TikTok did not take a mapping call"
            ),
        }
        answer.map(|_| ())
    }

    async fn succeeded(&self, made: Instant) {
        let now = Instant::now();
        self.app.breaker(|breaker| breaker.succeeded(self.connection.advertiser, made, now));
        let (first, usable) = self.with(|state| {
            state.answered = true;
            (!std::mem::replace(&mut state.delivered, true), state.usable.clone())
        });
        if first {
            self.app.tokens.accepted(self.connection, &usable).await;
        }
    }

    fn stop(&self, stopped: Stopped) -> Answer {
        let reason = Arc::clone(&stopped.reason);
        self.with(|state| {
            // The first trouble is told; what follows while calls were under way says no more.
            if state.stopped.is_none() && reason.blame() != Blame::Nobody {
                state.stopped = Some(stopped);
            }
        });
        Answer::Later(reason)
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<Blocked> for Stopped {
    fn from(blocked: Blocked) -> Self {
        let (reason, pause, tried) = (Arc::clone(&blocked.reason), blocked.until, blocked.asked);
        Self { reason, pause, tried, blocked: Some(blocked) }
    }
}

fn settled(rows: &[Span], outcome: &Outcome) -> Vec<(Span, Outcome)> {
    rows.iter().map(|row| (*row, outcome.clone())).collect()
}
