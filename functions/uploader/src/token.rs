//! Which token a connection may use, and what follows when TikTok refuses it: `connections` decides, `probe` asks TikTok, and `record` reads
//! and keeps what is known.

mod probe;
mod record;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connections::{Brake, Connection, Record, State};
use ids::{AudienceId, ConnectionId, TokenFingerprint};
use secrecy::SecretString;
use secrets::Secrets;
use startup::clock::now_ms;
use tiktok::{Acceptance, Client, Failure};
use tokio::time::Instant;

use crate::cause::{Cause, Reason};
use crate::turns::Turns;
use record::Refused;

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
    Accepted,
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

    /// The token of `connection`. One that TikTok refused is asked about again, if that is due before `until`. What came back waited for
    /// something that another process may have written into the record.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn usable(
        &self,
        connection: ConnectionId,
        came_back: bool,
        turns: &Turns,
        until: Instant,
    ) -> Result<Usable, Blocked> {
        let record = self.record(connection, came_back, until).await?;
        let Some(found) = record.get(connection.account).filter(|found| found.state.is_active()) else {
            let record = self.record(connection, true, until).await?;
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
        let record = match self.record(connection, true, until).await {
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
                Examined::Accepted
            }
            Ok(Acceptance::Refused(refusal)) => {
                let refused = Refused { fingerprint: used.fingerprint, user: &used.user, first_ms };
                match self.refused(connection, refused, &refusal).await {
                    Ok(replaced) => Examined::Replaced(Box::new(replaced)),
                    Err(blocked) => Examined::Blocked(blocked),
                }
            }
            Err(reason) => Examined::Blocked(Blocked { asked: true, ..Blocked::waiting(reason) }),
        }
    }

    fn brake<T>(&self, act: impl FnOnce(&mut Brake) -> T) -> T {
        act(&mut self.brake.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn probed<T>(&self, act: impl FnOnce(&mut HashMap<ConnectionId, Instant>) -> T) -> T {
        act(&mut self.probed.lock().unwrap_or_else(PoisonError::into_inner))
    }
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
