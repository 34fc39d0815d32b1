//! Harmless calls that ask TikTok whether it accepts a token. A refused or dead connection makes no mapping call until one of them is
//! accepted, at most one a minute.

use std::sync::Arc;
use std::time::Duration;

use connections::{Connection, Record, State};
use ids::ConnectionId;
use secrecy::SecretString;
use startup::clock::now_ms;
use tiktok::Acceptance;
use tokio::time::{Instant, timeout_at};

use super::record::Refused;
use super::{Blocked, Tokens, Usable, usable};
use crate::cause::{Cause, Reason};
use crate::turns::Turns;

/// Between two harmless calls for a connection that TikTok refuses.
pub(super) const BETWEEN_PROBES: Duration = Duration::from_mins(1);

impl Tokens {
    /// One harmless call for a connection that TikTok refuses, if the last one was a minute ago.
    pub(super) async fn probe(
        &self,
        connection: ConnectionId,
        record: &Record,
        found: &Connection,
        turns: &Turns,
        until: Instant,
    ) -> Result<Usable, Blocked> {
        if let Some(next) = self.take_probe(connection) {
            return Err(Blocked::of_state(self.refusal_of(&found.state), &found.state, Some(next)));
        }
        match self.ask(connection, &found.token, turns, until).await {
            Ok(Acceptance::Accepted { .. }) => {
                self.brake(|brake| brake.note(&found.user, true, now_ms()));
                self.revive(connection, found.fingerprint).await;
                Ok(usable(record, connection, found))
            }
            Ok(Acceptance::Refused(refusal)) => {
                let refused = Refused { fingerprint: found.fingerprint, user: &found.user, first_ms: now_ms() };
                self.refused(connection, refused, &refusal).await
            }
            Err(reason) => Err(Blocked { asked: true, ..Blocked::of_state(reason, &found.state, None) }),
        }
    }

    /// Why a connection waits that TikTok refuses and that is not asked about now: the operator's fault is so between two calls, too.
    fn refusal_of(&self, state: &State) -> Arc<Reason> {
        let (cause, message) = if self.brake(|brake| brake.is_on(now_ms())) {
            (Cause::Operator, "TikTok refuses the tokens of most TikTok users")
        } else {
            (Cause::Token, "TikTok refuses the connection's token: somebody has to authorize again")
        };
        Arc::new(Reason { code: code_of(state), ..Reason::new(cause, message).as_ref().clone() })
    }

    /// Asks TikTok about `token`, in the turn of `connection`.
    ///
    /// # Errors
    /// Why TikTok did not say whether it accepts it.
    pub(super) async fn ask(
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
        let asked = timeout_at(until, self.tiktok.accepts(token, connection.advertiser)).await;
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
}

const fn code_of(state: &State) -> Option<i64> {
    match state {
        State::Active => None,
        State::Refused { code, .. } | State::Dead { code, .. } => *code,
    }
}
