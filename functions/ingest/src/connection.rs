//! The connection that a membership change belongs to: what its record says, and what TikTok says of a token that the record does not
//! know.
//!
//! It never calls a connection refused or dead: the uploader alone does, for it sees the others. Nothing is stored that TikTok did not
//! accept.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use connections::{Accepted, ProbeBackoff, ProbeRate, Record, Source, State, TokenStatus, Transition, UserId};
use firehose::Account;
use ids::{ConnectionId, TokenFingerprint};
use secrecy::ExposeSecret;
use secrets::{Error, Secrets};
use startup::clock::now_ms;
use tiktok::{Acceptance, Client, Failure};
use tokio::time::{Instant, timeout_at};

/// How long TikTok may take to say whether it accepts a token.
const PROBE_TIME: Duration = Duration::from_secs(2);
/// What is left of the time after it, so that a TikTok that hangs is remembered.
const AFTER_PROBE: Duration = Duration::from_millis(100);

/// Finds the connections of messages.
#[derive(Debug)]
pub(crate) struct Connections {
    tiktok: Client,
    secrets: Secrets,
    probes: Mutex<Probes>,
}

#[derive(Debug, Default)]
struct Probes {
    backoff: ProbeBackoff,
    rate: ProbeRate,
}

/// What is known of a connection when its message is answered.
#[derive(Debug)]
pub(crate) enum Standing {
    /// The record was read.
    Known {
        /// `None`: there is no such connection.
        state: Option<State>,
        /// The record may be out of date: Secrets Manager cannot be read.
        stale: bool,
        /// What TikTok said of the message's token, if it was asked.
        probe: Option<Probe>,
    },
    /// The record could not be read, or not be written after TikTok's yes.
    Unknown(Error),
    /// The time was over.
    Late,
}

/// What TikTok said of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    Accepted,
    Refused,
    /// TikTok was not reached in time, or throttles, or the operator has something to fix.
    Undecided,
}

impl Probe {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Undecided => "undecided",
        }
    }
}

impl Standing {
    /// Whether mParticle is told to suspend: only of a connection that is certainly dead, since only a person can end it.
    pub(crate) const fn suspend(&self) -> bool {
        match self {
            Self::Known { state: Some(state), stale: false, .. } => state.is_dead(),
            Self::Known { .. } | Self::Unknown(_) | Self::Late => false,
        }
    }

    /// Its word in the log.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Known { state: Some(state), .. } => state.word(),
            Self::Known { state: None, .. } => "none",
            Self::Unknown(_) => "unknown",
            Self::Late => "late",
        }
    }
}

impl Connections {
    pub(crate) fn new(tiktok: Client, secrets: Secrets) -> Self {
        Self { tiktok, secrets, probes: Mutex::default() }
    }

    /// Looks until `deadline` for the connection of `account`, and asks TikTok about its token where that can change something. At a
    /// verification, which brings no changes, TikTok is asked about a refused or dead connection as well: nothing else may do it.
    pub(crate) async fn standing(&self, account: &Account, is_verification: bool, deadline: Instant) -> Standing {
        match timeout_at(deadline, self.find(account, is_verification, deadline)).await {
            Ok(Ok(standing)) => standing,
            Ok(Err(error)) => Standing::Unknown(error),
            Err(_) => Standing::Late,
        }
    }

    /// Whether there is such a connection, as far as its record can be read before `deadline`.
    pub(crate) async fn is_known(&self, connection: ConnectionId, deadline: Instant) -> bool {
        match timeout_at(deadline, self.secrets.record(connection.advertiser)).await {
            Ok(Ok(found)) => found.record.is_some_and(|record| record.get(connection.account).is_some()),
            Ok(Err(_)) | Err(_) => true,
        }
    }

    async fn find(&self, account: &Account, is_verification: bool, deadline: Instant) -> Result<Standing, Error> {
        let found = if is_verification {
            self.secrets.fresh_record(account.advertiser).await?
        } else {
            self.secrets.record(account.advertiser).await?
        };
        let record = found.record.as_deref();
        let fingerprint = fingerprint(account);
        let status = TokenStatus::of(record, account.id, fingerprint);
        let known = |probe| Standing::Known { state: state_of(record, account), stale: found.stale, probe };
        if !status.is_worth_asking(is_verification) {
            // Where changes are delivered the uploader notes the use.
            if is_verification && !found.stale {
                self.use_in_week(record, account).await;
            }
            return Ok(known(None));
        }
        if !self.may_ask(account) {
            return Ok(known(None));
        }
        // As it is now: since this instance read it another one may have accepted the token, or the uploader found the one in use refused.
        let read = self.secrets.update(account.advertiser, |_| ()).await;
        let (record, ()) = read.inspect_err(|_| {
            self.probes(|probes| probes.backoff.undecided(connection_of(account), fingerprint, now_ms()));
        })?;
        let record = Some(&*record);
        let status = TokenStatus::of(record, account.id, fingerprint);
        let known = |probe| Standing::Known { state: state_of(record, account), stale: false, probe };
        if !status.is_worth_asking(is_verification) {
            return Ok(known(None));
        }
        let displaces_living = state_of(record, account).is_some_and(State::is_active);
        match self.ask(account, status, displaces_living, deadline).await {
            ProbeAnswer::Refused => Ok(known(Some(Probe::Refused))),
            ProbeAnswer::Undecided => Ok(known(Some(Probe::Undecided))),
            ProbeAnswer::Accepted(accepted) => {
                let stored = self.store(account, &accepted).await;
                let connection = connection_of(account);
                self.probes(|Probes { backoff, .. }| match stored {
                    Ok(_) => backoff.accepted(connection, fingerprint),
                    Err(_) => backoff.undecided(connection, fingerprint, now_ms()),
                });
                Ok(Standing::Known { state: stored?, stale: false, probe: Some(Probe::Accepted) })
            }
        }
    }

    /// Whether TikTok may be asked about the message's token: not if it was asked lately, or if too much is asked.
    fn may_ask(&self, account: &Account) -> bool {
        let (now_ms, fingerprint) = (now_ms(), fingerprint(account));
        self.probes(|probes| {
            probes.backoff.may_ask(connection_of(account), fingerprint, now_ms) && probes.rate.take(now_ms)
        })
    }

    /// Asks TikTok about the message's token. One that would take the place of a living one has to do all that the living one does.
    async fn ask(
        &self,
        account: &Account,
        status: TokenStatus,
        displaces_living: bool,
        deadline: Instant,
    ) -> ProbeAnswer {
        let (connection, fingerprint) = (connection_of(account), fingerprint(account));
        let until = (Instant::now() + PROBE_TIME).min(deadline - AFTER_PROBE);
        let asked = accepts(&self.tiktok, account, displaces_living);
        let answer = timeout_at(until, asked).await;
        self.probes(|Probes { backoff, .. }| match answer {
            Ok(Ok(Acceptance::Accepted { user, .. })) => {
                ProbeAnswer::Accepted(Accepted { token: account.token.clone(), user: UserId::new(user.core_user_id) })
            }
            Ok(Ok(Acceptance::Refused(_))) => {
                // A connection's own token may be accepted again at any moment: it is asked about every minute.
                if status == TokenStatus::Suspended {
                    backoff.undecided(connection, fingerprint, now_ms());
                } else {
                    backoff.refused(connection, fingerprint, now_ms());
                }
                ProbeAnswer::Refused
            }
            Ok(Err(_)) | Err(_) => {
                backoff.undecided(connection, fingerprint, now_ms());
                ProbeAnswer::Undecided
            }
        })
    }

    /// Writes that TikTok accepts the token, unless a newer one took its place meanwhile; tells the state of the connection after that.
    async fn store(&self, account: &Account, accepted: &Accepted) -> Result<Option<State>, Error> {
        let now_ms = now_ms();
        let fingerprint = accepted.fingerprint();
        let change = |record: &mut Record| match TokenStatus::of(Some(record), account.id, fingerprint) {
            TokenStatus::Suspended => record.revive(account.id, fingerprint, now_ms),
            TokenStatus::Unproven => record.accept(account.id, accepted, Source::Membership, now_ms),
            TokenStatus::InUse | TokenStatus::Replaced => Transition::Unchanged,
        };
        let (record, transition) = self.secrets.update(account.advertiser, change).await?;
        report(account, transition);
        Ok(state_of(Some(&record), account))
    }

    /// A connection that is used is kept. Another message of the week writes it if this one cannot.
    async fn use_in_week(&self, record: Option<&Record>, account: &Account) {
        let now_ms = now_ms();
        let connection = record.and_then(|record| record.get(account.id));
        if connection.is_none_or(|connection| connection.is_used_in_week_of(now_ms)) {
            return;
        }
        let note = |record: &mut Record| record.use_in_week(account.id, now_ms);
        if let Err(cause) = self.secrets.update(account.advertiser, note).await {
            tracing::warn!(advertiser = %account.advertiser, account = %account.id, %cause, "that a connection is in use could not be written to its record; a later message tries again");
        }
    }

    fn probes<T>(&self, look: impl FnOnce(&mut Probes) -> T) -> T {
        look(&mut self.probes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// [`Probe`], with what is stored of an accepted token.
enum ProbeAnswer {
    Accepted(Accepted),
    Refused,
    Undecided,
}

/// Whether TikTok accepts the token of `account`; one that `displaces_living` must also be allowed to change audiences.
pub(crate) async fn accepts(tiktok: &Client, account: &Account, displaces_living: bool) -> Result<Acceptance, Failure> {
    if displaces_living {
        tiktok.accepts_to_manage(&account.token, account.advertiser).await
    } else {
        tiktok.accepts(&account.token, account.advertiser).await
    }
}

/// The fingerprint of the token that a message brings.
pub(crate) fn fingerprint(account: &Account) -> TokenFingerprint {
    TokenFingerprint::of(account.token.expose_secret())
}

const fn connection_of(account: &Account) -> ConnectionId {
    ConnectionId { advertiser: account.advertiser, account: account.id }
}

fn state_of(record: Option<&Record>, account: &Account) -> Option<State> {
    record?.get(account.id).map(|connection| connection.state)
}

/// Logs what an accepted token made of its connection.
pub(crate) fn report(account: &Account, transition: Transition) {
    let (advertiser, account) = (account.advertiser, account.id);
    match transition {
        Transition::Created => {
            tracing::info!(%advertiser, %account, "a connection is new: TikTok accepts its token");
        }
        Transition::Replaced => {
            tracing::info!(%advertiser, %account, "a connection has another token, which TikTok accepts");
        }
        Transition::Revived(how) => {
            tracing::info!(%advertiser, %account, how = how.word(), "a connection works again: TikTok accepts its token");
            metrics::counter!("connections_revived", "how" => how.word()).increment(1);
        }
        Transition::Unchanged | Transition::Refused | Transition::Dead => {}
    }
}
