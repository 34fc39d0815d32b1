//! The connections of one advertiser, and everything that may change them.

use std::collections::BTreeMap;
use std::time::Duration;

use ids::{AccountId, TokenFingerprint};

use crate::audiences::{self, Deleted};
use crate::connection::week_of;
use crate::{Accepted, Connection, Source, State, UserId};

/// How often a day a record is written only because TikTok refused a token: Secrets Manager keeps about 100 versions a day.
const REFUSAL_WRITES_A_DAY: u32 = 20;
/// A connection that was not used for so long is removed.
const UNUSED_DAYS: i64 = 90;
const DAY_MS: i64 = 86_400_000;

/// What an event changed in a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// Nothing, or only where its token came from.
    Unchanged,
    /// There is one now.
    Created,
    /// It lived, and has another token now.
    Replaced,
    /// It was refused or dead, and is active again.
    Revived(RevivedBy),
    /// It was active, and TikTok refuses it.
    Refused,
    /// It is given up until TikTok accepts it again.
    Dead,
}

/// How a connection came back to life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevivedBy {
    /// By a token that it did not use before, from there.
    NewToken(Source),
    /// TikTok accepts its own token again.
    AcceptedAgain,
}

impl RevivedBy {
    /// Its word in logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NewToken(source) => source.word(),
            Self::AcceptedAgain => "accepted_again",
        }
    }
}

/// TikTok refused the token of a connection, and a harmless call confirmed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The token that was refused.
    pub fingerprint: TokenFingerprint,
    /// TikTok's code, where it gave one.
    pub code: Option<i64>,
    /// When it was refused first with nothing accepted since, in milliseconds since 1970.
    pub first_ms: i64,
}

/// All connections of one advertiser.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    pub(crate) connections: BTreeMap<AccountId, Connection>,
    pub(crate) deleted: Vec<Deleted>,
    pub(crate) refusal_writes: RefusalWrites,
    pub(crate) forgotten_ms: Option<i64>,
}

/// How many refusals were written on a day, counted from 1970 in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct RefusalWrites {
    day: i64,
    count: u32,
}

impl RefusalWrites {
    fn take(&mut self, now_ms: i64) -> bool {
        let day = now_ms.div_euclid(DAY_MS);
        if day != self.day {
            *self = Self { day, count: 0 };
        }
        let is_left = self.count < REFUSAL_WRITES_A_DAY;
        if is_left {
            self.count += 1;
        }
        is_left
    }
}

impl Record {
    /// The connection of that account.
    #[must_use]
    pub fn get(&self, account: AccountId) -> Option<&Connection> {
        self.connections.get(&account)
    }

    /// All of them, by account.
    pub fn connections(&self) -> impl Iterator<Item = (AccountId, &Connection)> {
        self.connections.iter().map(|(account, connection)| (*account, connection))
    }

    /// Those whose token this TikTok user granted: the ones that the authorization page may heal.
    pub fn connections_of(&self, user: &UserId) -> impl Iterator<Item = (AccountId, &Connection)> {
        self.connections().filter(move |(_, connection)| connection.user == *user)
    }

    /// A token that TikTok accepted for the advertiser becomes the connection's token; the connection is active, whatever it was.
    pub fn accept(&mut self, account: AccountId, accepted: &Accepted, source: Source, now_ms: i64) -> Transition {
        let transition = if let Some(connection) = self.connections.get_mut(&account) {
            connection.accept(accepted, source, now_ms)
        } else {
            self.connections.insert(account, Connection::new(accepted, source, now_ms));
            Transition::Created
        };
        self.tidy_after(transition, account, now_ms)
    }

    /// TikTok accepts the connection's own token again. Another token than its own changes nothing.
    pub fn revive(&mut self, account: AccountId, fingerprint: TokenFingerprint, now_ms: i64) -> Transition {
        let transition = match self.connections.get_mut(&account) {
            Some(connection) if connection.fingerprint == fingerprint => connection.revive(now_ms),
            Some(_) | None => Transition::Unchanged,
        };
        self.tidy_after(transition, account, now_ms)
    }

    /// TikTok refuses the connection's token, and a harmless call confirmed it at `now_ms`. The first refusal marks it, and makes it dead at
    /// once if `grace` is over by then; a later one makes it dead once `grace` is over. While `braked` nobody dies. Another token than the
    /// connection's own, and a refusal over the day's budget of writes, change nothing.
    pub fn refuse(
        &mut self,
        account: AccountId,
        refusal: &Refusal,
        now_ms: i64,
        grace: Duration,
        braked: bool,
    ) -> Transition {
        let Some(connection) = self.connections.get_mut(&account) else { return Transition::Unchanged };
        if connection.fingerprint != refusal.fingerprint {
            return Transition::Unchanged;
        }
        let (since_ms, is_new) = match connection.state {
            // A refusal from before the token was last accepted does not count.
            State::Active => (refusal.first_ms.max(connection.since_ms).min(now_ms), true),
            State::Refused { since_ms, .. } => (since_ms, false),
            State::Dead { .. } => return Transition::Unchanged,
        };
        let code = refusal.code;
        let grace_ms = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
        let transition = if now_ms.saturating_sub(since_ms) >= grace_ms && !braked {
            connection.state = State::Dead { since_ms, died_ms: now_ms, code };
            Transition::Dead
        } else if is_new && self.refusal_writes.take(now_ms) {
            connection.state = State::Refused { since_ms, code };
            Transition::Refused
        } else {
            return Transition::Unchanged;
        };
        self.tidy_after(transition, account, now_ms)
    }

    /// The authorization page's token takes the place of one that TikTok refuses: only where the connection still has the token of
    /// `refused`, and only from the same TikTok user.
    pub fn replace_refused(
        &mut self,
        account: AccountId,
        refused: TokenFingerprint,
        accepted: &Accepted,
        now_ms: i64,
    ) -> Transition {
        match self.connections.get(&account) {
            Some(connection) if connection.fingerprint == refused && connection.user == accepted.user => {
                self.accept(account, accepted, Source::Page, now_ms)
            }
            Some(_) | None => Transition::Unchanged,
        }
    }

    /// Notes that the connection is used in the week of `now_ms`, so that it is kept; whether that was news.
    pub fn use_in_week(&mut self, account: AccountId, now_ms: i64) -> bool {
        match self.connections.get(&account) {
            Some(connection) if !connection.is_used_in_week_of(now_ms) => {
                self.tidy(account, now_ms);
                true
            }
            Some(_) | None => false,
        }
    }

    fn tidy_after(&mut self, transition: Transition, account: AccountId, now_ms: i64) -> Transition {
        if transition != Transition::Unchanged {
            self.tidy(account, now_ms);
        }
        transition
    }

    /// What any write does besides: the connection that is written for counts as used, so it stays; what is too old is removed.
    pub(crate) fn tidy(&mut self, account: AccountId, now_ms: i64) {
        if let Some(connection) = self.connections.get_mut(&account) {
            connection.last_used_week = connection.last_used_week.max(week_of(now_ms));
        }
        self.connections.retain(|_, connection| !connection.is_unused_for(UNUSED_DAYS, now_ms));
        for connection in self.connections.values_mut() {
            audiences::forget_old_creations(&mut connection.created, now_ms);
        }
        audiences::forget_old_deletions(&mut self.deleted, now_ms);
        self.forgotten_ms = self.forgotten_ms(now_ms);
    }
}
