//! What is known of a connection: read from the record of its advertiser, and noted there.

use std::sync::Arc;
use std::time::Duration;

use connections::{Record, Refusal, Transition, UserId};
use ids::{AdvertiserId, AudienceId, ConnectionId, TokenFingerprint};
use secrets::{Error, Found};
use startup::clock::now_ms;
use tiktok::Failure;
use tokio::time::{Instant, timeout, timeout_at};

use super::probe::BETWEEN_PROBES;
use super::{Blocked, Tokens, Usable, refused_since, usable};
use crate::cause::{Cause, Reason};

/// How long a write may take. What is not noted now is noted the next time; what was delivered has to be settled meanwhile.
const NOTING: Duration = Duration::from_secs(4);

/// A token that TikTok refuses.
pub(super) struct Refused<'a> {
    pub(super) fingerprint: TokenFingerprint,
    pub(super) user: &'a UserId,
    pub(super) first_ms: i64,
}

impl Tokens {
    /// The record of the advertiser of `connection`, read afresh or not.
    ///
    /// # Errors
    /// That it cannot be read, or not before `until`.
    pub(super) async fn record(
        &self,
        connection: ConnectionId,
        fresh: bool,
        until: Instant,
    ) -> Result<Arc<Record>, Blocked> {
        let advertiser = connection.advertiser;
        let read = async {
            if fresh { self.secrets.fresh_record(advertiser).await } else { self.secrets.record(advertiser).await }
        };
        match timeout_at(until, read).await {
            Ok(Ok(Found { record, .. })) => Ok(record.unwrap_or_default()),
            Ok(Err(error)) => Err(Blocked { asked: true, ..Blocked::waiting(unread(advertiser, &error)) }),
            Err(_) => Err(Blocked::waiting(no_time_to_read())),
        }
    }

    /// When the customer of `connection` was forgotten, in milliseconds since 1970, as far as its record can be read before `until`.
    pub(crate) async fn forgotten_ms(&self, connection: ConnectionId, until: Instant) -> Option<i64> {
        let found = timeout_at(until, self.secrets.record(connection.advertiser)).await.ok()?.ok()?;
        found.record?.forgotten_ms(now_ms())
    }

    /// The audiences that `connection` made in the last 48 hours, as its record says now.
    ///
    /// # Errors
    /// Why it cannot be read before `until`: what was read before may lack the audience that was made a moment ago.
    pub(crate) async fn audiences_made_lately(
        &self,
        connection: ConnectionId,
        until: Instant,
    ) -> Result<Vec<AudienceId>, Arc<Reason>> {
        let read = self.secrets.update(connection.advertiser, |_| ());
        match timeout_at(until, read).await {
            Ok(Ok((record, ()))) => Ok(record.created_by(connection.account, now_ms()).collect()),
            Ok(Err(error)) => Err(unread(connection.advertiser, &error)),
            Err(_) => Err(no_time_to_read()),
        }
    }

    /// TikTok did a call with the token: it keeps the connection, and speaks for the operator's app.
    pub(crate) async fn accepted(&self, connection: ConnectionId, used: &Usable) {
        self.brake(|brake| brake.note(&used.user, true, now_ms()));
        if used.used_this_week {
            return;
        }
        let use_in_week = |record: &mut Record| record.use_in_week(connection.account, now_ms());
        if let Err(error) = self.update(connection.advertiser, use_in_week).await {
            tracing::warn!(
                advertiser = %connection.advertiser, account = %connection.account, %error,
                "that a connection is used could not be noted in its record; it is tried again with its next changes"
            );
        }
    }

    /// TikTok accepts the connection's token again.
    pub(super) async fn revive(&self, connection: ConnectionId, fingerprint: TokenFingerprint) {
        let revive = |record: &mut Record| record.revive(connection.account, fingerprint, now_ms());
        match self.update(connection.advertiser, revive).await {
            Ok((_, Transition::Revived(how))) => tracing::warn!(
                advertiser = %connection.advertiser, account = %connection.account, how = how.word(),
                "a connection works again: TikTok accepts its token"
            ),
            Ok(_) => {}
            Err(error) => tracing::error!(
                advertiser = %connection.advertiser, account = %connection.account, %error,
                "that a connection works again could not be noted in its record"
            ),
        }
    }

    /// A harmless call refused the token. Where the connection has another one by now, that is the one to use.
    ///
    /// # Errors
    /// That the connection is blocked.
    pub(super) async fn refused(
        &self,
        connection: ConnectionId,
        refused: Refused<'_>,
        failure: &Failure,
    ) -> Result<Usable, Blocked> {
        let now = now_ms();
        let braked = self.brake(|brake| {
            brake.note(refused.user, false, now);
            brake.is_on(now)
        });
        let refusal = Refusal { fingerprint: refused.fingerprint, code: failure.code, first_ms: refused.first_ms };
        let refuse = |record: &mut Record| record.refuse(connection.account, &refusal, now, self.grace, braked);
        let (mut since_ms, mut dead) = (Some(refused.first_ms), false);
        match self.update(connection.advertiser, refuse).await {
            Ok((record, transition)) => {
                if let Some(found) = record.get(connection.account) {
                    if found.state.is_active() && found.fingerprint != refused.fingerprint {
                        return Ok(usable(&record, connection, found));
                    }
                    since_ms = refused_since(&found.state).or(since_ms);
                    dead = found.state.is_dead();
                }
                report(connection, transition, failure);
            }
            Err(error) => tracing::error!(
                advertiser = %connection.advertiser, account = %connection.account, %error,
                "that TikTok refuses a token could not be noted in its record"
            ),
        }
        self.probed(|probed| probed.insert(connection, Instant::now()));
        let cause = if braked { Cause::Operator } else { Cause::Token };
        if braked {
            report_brake(connection, failure);
        }
        let (reason, until) = (Reason::of_with(cause, failure), Some(Instant::now() + BETWEEN_PROBES));
        Err(Blocked { reason, since_ms, dead, until, asked: true })
    }

    async fn update<T>(
        &self,
        advertiser: AdvertiserId,
        change: impl Fn(&mut Record) -> T,
    ) -> Result<(Arc<Record>, T), Error> {
        let late = |_| Error::Unavailable("no answer in the time that there is for it".to_owned());
        timeout(NOTING, self.secrets.update(advertiser, change)).await.map_err(late)?
    }
}

fn unread(advertiser: AdvertiserId, error: &Error) -> Arc<Reason> {
    tracing::error!(%advertiser, %error, "the record of an advertiser cannot be read; its changes wait");
    metrics::counter!("operator_faults").increment(1);
    Reason::new(Cause::Secrets, error.to_string())
}

fn no_time_to_read() -> Arc<Reason> {
    Reason::new(Cause::NotTried, "there was no time to read the record of the advertiser")
}

fn report(connection: ConnectionId, transition: Transition, failure: &Failure) {
    let (advertiser, account) = (connection.advertiser, connection.account);
    let (code, request) = (failure.code, &failure.trace.request_id);
    match transition {
        Transition::Refused => {
            metrics::counter!("connections_refused").increment(1);
            tracing::warn!(
                %advertiser, %account, code, tiktok_request_id = request, tiktok_message = failure.message,
                "TikTok refuses the token of a connection; its changes wait"
            );
        }
        Transition::Dead => {
            metrics::counter!("connections_dead").increment(1);
            tracing::error!(
                %advertiser, %account, code, tiktok_request_id = request, tiktok_message = failure.message,
                "a connection is dead: TikTok has refused its token for too long; somebody has to authorize again"
            );
        }
        Transition::Unchanged | Transition::Created | Transition::Replaced | Transition::Revived(_) => {}
    }
}

fn report_brake(connection: ConnectionId, failure: &Failure) {
    metrics::counter!("operator_faults").increment(1);
    tracing::error!(
        advertiser = %connection.advertiser, account = %connection.account, code = failure.code,
        tiktok_request_id = failure.trace.request_id,
        "TikTok refuses the tokens of most TikTok users: no connection is given up while that lasts"
    );
}
