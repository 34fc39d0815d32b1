//! Which token a connection may use, and what follows when TikTok refuses it: `connections` decides, this asks TikTok and keeps the record.
//!
//! A refused or dead connection makes no mapping call until one harmless call is accepted, at most one a minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connections::{Became, Brake, Connection, Record, Refusal, State};
use ids::{AudienceId, ConnectionId, TokenFingerprint};
use secrecy::SecretString;
use secrets::{Found, Secrets};
use startup::clock::now_ms;
use tiktok::{Acceptance, Client, Failure};
use tokio::time::Instant;

use crate::cause::{Cause, Reason};
use crate::turns::Turns;

/// Between two harmless calls for a connection that TikTok refuses.
const BETWEEN_PROBES: Duration = Duration::from_mins(1);

/// A connection that may call TikTok.
#[derive(Debug, Clone)]
pub(crate) struct Usable {
    /// Its token.
    pub(crate) token: SecretString,
    fingerprint: TokenFingerprint,
    user: connections::UserId,
    /// Audiences that the connection itself deleted.
    pub(crate) deleted: Vec<AudienceId>,
    used_this_week: bool,
}

/// A connection that may not, and what that comes from.
#[derive(Debug, Clone)]
pub(crate) struct Blocked {
    /// Why.
    pub(crate) reason: Arc<Reason>,
    /// Since when TikTok refuses its token, in milliseconds since 1970.
    pub(crate) since_ms: Option<i64>,
    /// Whether it is dead.
    pub(crate) dead: bool,
    /// When TikTok may be asked again.
    pub(crate) until: Option<Instant>,
    /// Whether TikTok was asked now; otherwise it waits for an earlier answer.
    pub(crate) asked: bool,
}

/// What a refusal of a mapping call turned out to be.
#[derive(Debug)]
pub(crate) enum Examined {
    /// The connection has another token by now.
    Replaced(Box<Usable>),
    /// TikTok accepts the token: the call itself is refused.
    Vindicated,
    /// The connection is blocked.
    Blocked(Blocked),
}

/// The tokens of all connections.
#[derive(Debug)]
pub(crate) struct Tokens {
    secrets: Secrets,
    tiktok: Client,
    grace: Duration,
    brake: Mutex<Brake>,
    probed: Mutex<HashMap<ConnectionId, Instant>>,
}

impl Tokens {
    /// Tokens kept in `secrets`; a refused one is dead after `grace`.
    #[must_use]
    pub(crate) fn new(secrets: Secrets, tiktok: Client, grace: Duration) -> Self {
        Self { secrets, tiktok, grace, brake: Mutex::default(), probed: Mutex::default() }
    }

    /// The token of `connection`. One that TikTok refused is asked about again, if that is due before `until`.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn usable(
        &self,
        connection: ConnectionId,
        turns: &Turns,
        until: Instant,
    ) -> Result<Usable, Blocked> {
        let record = self.record(connection, false).await?;
        let Some(found) = record.get(connection.account).filter(|found| found.state.is_active()) else {
            let record = self.record(connection, true).await?;
            return match record.get(connection.account) {
                Some(found) if found.state.is_active() => Ok(usable(&record, connection, found)),
                Some(found) => self.probe(connection, &record, found, turns, until).await,
                None => {
                    let reason = Reason::new(Cause::Token, "no token was accepted for this connection yet");
                    Err(Blocked { asked: true, ..Blocked::waiting(reason) })
                }
            };
        };
        Ok(usable(&record, connection, found))
    }

    /// When the customer of `connection` was forgotten, in milliseconds since 1970, as far as its record can be read.
    pub(crate) async fn forgotten_ms(&self, connection: ConnectionId) -> Option<i64> {
        let found = self.secrets.record(connection.advertiser).await.ok()?;
        found.record?.forgotten_ms(now_ms())
    }

    /// TikTok refused a mapping call of `connection` because of its token.
    pub(crate) async fn examine(
        &self,
        connection: ConnectionId,
        used: &Usable,
        failure: &Failure,
        turns: &Turns,
        until: Instant,
    ) -> Examined {
        let first_ms = now_ms();
        let record = match self.record(connection, true).await {
            Ok(record) => record,
            Err(blocked) => return Examined::Blocked(blocked),
        };
        if let Some(found) = record.get(connection.account)
            && found.fingerprint != used.fingerprint
            && found.state.is_active()
        {
            return Examined::Replaced(Box::new(usable(&record, connection, found)));
        }
        match self.ask(connection, &used.token, turns, until).await {
            Ok(Acceptance::Accepted { .. }) => {
                self.brake(|brake| brake.note(&used.user, true, now_ms()));
                tracing::warn!(
                    advertiser = %connection.advertiser, account = %connection.account, code = failure.code,
                    tiktok_request_id = failure.trace.request_id, "TikTok refuses a call, but accepts its token"
                );
                Examined::Vindicated
            }
            Ok(Acceptance::Refused(refusal)) => {
                let refused = Refused { fingerprint: used.fingerprint, user: &used.user, first_ms };
                Examined::Blocked(self.refused(connection, refused, &refusal).await)
            }
            Err(reason) => Examined::Blocked(Blocked { asked: true, ..Blocked::waiting(reason) }),
        }
    }

    /// TikTok did a call with the token: it keeps the connection, and speaks for the operator's app.
    pub(crate) async fn accepted(&self, connection: ConnectionId, used: &Usable) {
        self.brake(|brake| brake.note(&used.user, true, now_ms()));
        if used.used_this_week {
            return;
        }
        let update = |record: &mut Record| record.use_in_week(connection.account, now_ms());
        if let Err(error) = self.secrets.update(connection.advertiser, update).await {
            tracing::warn!(
                advertiser = %connection.advertiser, account = %connection.account, %error,
                "that a connection is used could not be noted in its record; it is tried again with its next changes"
            );
        }
    }

    async fn record(&self, connection: ConnectionId, fresh: bool) -> Result<Arc<Record>, Blocked> {
        let advertiser = connection.advertiser;
        let found =
            if fresh { self.secrets.fresh_record(advertiser).await } else { self.secrets.record(advertiser).await };
        match found {
            Ok(Found { record, .. }) => Ok(record.unwrap_or_default()),
            Err(error) => {
                tracing::error!(%advertiser, %error, "the record of an advertiser cannot be read; its changes wait");
                metrics::counter!("operator_faults").increment(1);
                Err(Blocked { asked: true, ..Blocked::waiting(Reason::new(Cause::Secrets, error.to_string())) })
            }
        }
    }

    /// One harmless call for a connection that TikTok refuses, if the last one was a minute ago.
    async fn probe(
        &self,
        connection: ConnectionId,
        record: &Record,
        found: &Connection,
        turns: &Turns,
        until: Instant,
    ) -> Result<Usable, Blocked> {
        let code = state_code(&found.state);
        let message = "TikTok refuses the connection's token: somebody has to authorize again";
        let reason = Arc::new(Reason { code, ..Reason::new(Cause::Token, message).as_ref().clone() });
        if let Some(next) = self.take_probe(connection) {
            return Err(Blocked::of_state(reason, &found.state, Some(next)));
        }
        match self.ask(connection, &found.token, turns, until).await {
            Ok(Acceptance::Accepted { .. }) => {
                self.brake(|brake| brake.note(&found.user, true, now_ms()));
                self.revive(connection, found.fingerprint).await;
                Ok(usable(record, connection, found))
            }
            Ok(Acceptance::Refused(refusal)) => {
                let refused = Refused { fingerprint: found.fingerprint, user: &found.user, first_ms: now_ms() };
                Err(self.refused(connection, refused, &refusal).await)
            }
            Err(reason) => Err(Blocked { asked: true, ..Blocked::of_state(reason, &found.state, None) }),
        }
    }

    async fn revive(&self, connection: ConnectionId, fingerprint: TokenFingerprint) {
        let update = |record: &mut Record| record.revive(connection.account, fingerprint, now_ms());
        match self.secrets.update(connection.advertiser, update).await {
            Ok((_, Became::Revived(how))) => tracing::warn!(
                advertiser = %connection.advertiser, account = %connection.account, how = how.word(),
                "a connection lives again"
            ),
            Ok(_) => {}
            Err(error) => tracing::error!(
                advertiser = %connection.advertiser, account = %connection.account, %error,
                "that a connection lives again could not be noted in its record"
            ),
        }
    }

    /// A harmless call refused the token as well.
    async fn refused(&self, connection: ConnectionId, refused: Refused<'_>, failure: &Failure) -> Blocked {
        let now = now_ms();
        let braked = self.brake(|brake| {
            brake.note(refused.user, false, now);
            brake.is_on(now)
        });
        let refusal = Refusal { fingerprint: refused.fingerprint, code: failure.code, first_ms: refused.first_ms };
        let update = |record: &mut Record| record.refuse(connection.account, &refusal, now, self.grace, braked);
        let (mut since_ms, mut dead) = (Some(refused.first_ms), false);
        match self.secrets.update(connection.advertiser, update).await {
            Ok((record, became)) => {
                let state = record.get(connection.account).map(|found| &found.state);
                since_ms = state.and_then(refused_since).or(since_ms);
                dead = state.is_some_and(|state| state.is_dead());
                report(connection, became, failure);
            }
            Err(error) => tracing::error!(
                advertiser = %connection.advertiser, account = %connection.account, %error,
                "that TikTok refuses a token could not be noted in its record"
            ),
        }
        let reason = if braked {
            metrics::counter!("operator_faults").increment(1);
            tracing::error!(
                advertiser = %connection.advertiser, account = %connection.account, code = failure.code,
                tiktok_request_id = failure.trace.request_id,
                "TikTok refuses the tokens of most TikTok users: no connection is given up while that lasts"
            );
            Reason::of_with(Cause::Operator, failure)
        } else {
            Reason::of_with(Cause::Token, failure)
        };
        self.probed(|probed| probed.insert(connection, Instant::now()));
        Blocked { reason, since_ms, dead, until: Some(Instant::now() + BETWEEN_PROBES), asked: true }
    }

    async fn ask(
        &self,
        connection: ConnectionId,
        token: &SecretString,
        turns: &Turns,
        until: Instant,
    ) -> Result<Acceptance, Arc<Reason>> {
        let late = || Reason::new(Cause::NotTried, "there was no time to ask TikTok whether it accepts the token");
        // Two calls: whose token it is, and whether it reaches the advertiser.
        for _ in 0..2 {
            turns.turn(connection, until).await.map_err(|_| late())?;
        }
        let asked = tokio::time::timeout_at(until, self.tiktok.accepts(token, connection.advertiser)).await;
        asked.map_err(|_| late())?.map_err(|failure| Reason::of(&failure))
    }

    /// When the next harmless call is due; `None` if that is now, which then counts as made.
    fn take_probe(&self, connection: ConnectionId) -> Option<Instant> {
        let now = Instant::now();
        self.probed(|probed| {
            probed.retain(|_, at| *at + BETWEEN_PROBES > now);
            let next = probed.get(&connection).map(|at| *at + BETWEEN_PROBES);
            if next.is_none() {
                probed.insert(connection, now);
            }
            next
        })
    }

    fn brake<T>(&self, act: impl FnOnce(&mut Brake) -> T) -> T {
        act(&mut self.brake.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn probed<T>(&self, act: impl FnOnce(&mut HashMap<ConnectionId, Instant>) -> T) -> T {
        act(&mut self.probed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A token that TikTok refuses.
struct Refused<'a> {
    fingerprint: TokenFingerprint,
    user: &'a connections::UserId,
    first_ms: i64,
}

impl Blocked {
    /// It waits for `reason`, and nobody was asked now.
    fn waiting(reason: Arc<Reason>) -> Self {
        Self { reason, since_ms: None, dead: false, until: None, asked: false }
    }

    fn of_state(reason: Arc<Reason>, state: &State, until: Option<Instant>) -> Self {
        Self { until, since_ms: refused_since(state), dead: state.is_dead(), ..Self::waiting(reason) }
    }
}

fn usable(record: &Record, connection: ConnectionId, found: &Connection) -> Usable {
    Usable {
        token: found.token.clone(),
        fingerprint: found.fingerprint,
        user: found.user.clone(),
        deleted: record.deleted_by(connection.account).collect(),
        used_this_week: found.is_used_in_week_of(now_ms()),
    }
}

const fn refused_since(state: &State) -> Option<i64> {
    match state {
        State::Active => None,
        State::Refused { since_ms, .. } | State::Dead { since_ms, .. } => Some(*since_ms),
    }
}

const fn state_code(state: &State) -> Option<i64> {
    match state {
        State::Active => None,
        State::Refused { code, .. } | State::Dead { code, .. } => *code,
    }
}

fn report(connection: ConnectionId, became: Became, failure: &Failure) {
    let (advertiser, account) = (connection.advertiser, connection.account);
    let (code, request) = (failure.code, &failure.trace.request_id);
    match became {
        Became::Refused => {
            metrics::counter!("connections_refused").increment(1);
            tracing::warn!(
                %advertiser, %account, code, tiktok_request_id = request, tiktok_message = failure.message,
                "TikTok refuses the token of a connection; its changes wait"
            );
        }
        Became::Dead => {
            metrics::counter!("connections_dead").increment(1);
            tracing::error!(
                %advertiser, %account, code, tiktok_request_id = request, tiktok_message = failure.message,
                "a connection is dead: TikTok has refused its token for too long; somebody has to authorize again"
            );
        }
        Became::Unchanged | Became::Created | Became::Replaced | Became::Revived(_) => {}
    }
}
