//! One connection: the token in use, whose it is, and what TikTok last said of it.

use std::fmt;

use ids::TokenFingerprint;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{Created, RevivedBy, Transition};

/// How many replaced fingerprints a connection remembers.
pub(crate) const MAX_REPLACED: usize = 8;
const WEEK_MS: i64 = 7 * 86_400_000;

/// A person at TikTok (`core_user_id` of `/user/info/`). `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(String);

impl UserId {
    /// The user of that `core_user_id`.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId(..)")
    }
}

/// A token that TikTok accepted for the advertiser: `/advertiser/info/` lists the advertiser, `/user/info/` says whose it is.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The token.
    pub token: SecretString,
    /// Who granted it.
    pub user: UserId,
}

impl Accepted {
    /// The name of the token where the token may not be written.
    #[must_use]
    pub fn fingerprint(&self) -> TokenFingerprint {
        TokenFingerprint::of(self.token.expose_secret())
    }
}

/// Where a token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The customer connected an audience.
    Connect,
    /// The customer changed a connected audience, or its settings.
    Update,
    /// A membership message brought it.
    Membership,
    /// The authorization page.
    Page,
}

impl Source {
    /// Its word in logs and records.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Update => "update",
            Self::Membership => "membership",
            Self::Page => "page",
        }
    }
}

/// What TikTok last said of the connection's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Accepted.
    Active,
    /// Refused. No mapping calls until one harmless call is accepted.
    Refused {
        /// Since when, in milliseconds since 1970.
        since_ms: i64,
        /// TikTok's code, where it gave one.
        code: Option<i64>,
    },
    /// Refused for longer than the grace: mParticle is told to suspend. Alive again as soon as TikTok accepts.
    Dead {
        /// Since when it was refused, in milliseconds since 1970.
        since_ms: i64,
        /// When it was given up, in milliseconds since 1970.
        died_ms: i64,
        /// TikTok's code, where it gave one.
        code: Option<i64>,
    },
}

impl State {
    /// Whether mapping calls may be made.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active)
    }

    /// Whether mParticle is told to suspend.
    #[must_use]
    pub const fn is_dead(self) -> bool {
        matches!(self, Self::Dead { .. })
    }

    /// Its word in logs and records.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Refused { .. } => "refused",
            Self::Dead { .. } => "dead",
        }
    }
}

/// A connection: one mParticle configuration that feeds the advertiser. All its changes use its one token.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The token in use.
    pub token: SecretString,
    /// Its name where it may not be written.
    pub fingerprint: TokenFingerprint,
    /// Who granted it.
    pub user: UserId,
    /// Where it came from; of the page's that mParticle brings too, mParticle.
    pub source: Source,
    /// Since when it is in use: when it was accepted, or accepted again, in milliseconds since 1970.
    pub since_ms: i64,
    /// What TikTok last said of it.
    pub state: State,
    /// The tokens that it replaced, at most 8: the last one that mParticle brought, then the page's since, newest first, then older ones.
    /// Never the one in use.
    pub replaced: Vec<TokenFingerprint>,
    /// Audiences created through this connection in the last 48 hours, oldest first.
    pub created: Vec<Created>,
    /// The week in which it was last used, counted from 1970.
    pub last_used_week: i64,
}

impl PartialEq for Connection {
    /// The fingerprint stands for the token.
    fn eq(&self, other: &Self) -> bool {
        (self.fingerprint, &self.user, self.source, self.since_ms, self.state, self.last_used_week)
            == (other.fingerprint, &other.user, other.source, other.since_ms, other.state, other.last_used_week)
            && self.replaced == other.replaced
            && self.created == other.created
    }
}

/// The week of a time, counted from 1970.
pub(crate) const fn week_of(now_ms: i64) -> i64 {
    now_ms.div_euclid(WEEK_MS)
}

impl Connection {
    pub(crate) fn new(accepted: &Accepted, source: Source, now_ms: i64) -> Self {
        Self {
            token: accepted.token.clone(),
            fingerprint: accepted.fingerprint(),
            user: accepted.user.clone(),
            source,
            since_ms: now_ms,
            state: State::Active,
            replaced: Vec::new(),
            created: Vec::new(),
            last_used_week: week_of(now_ms),
        }
    }

    /// Whether its use in the week of `now_ms` is noted already.
    #[must_use]
    pub const fn is_used_in_week_of(&self, now_ms: i64) -> bool {
        self.last_used_week >= week_of(now_ms)
    }

    pub(crate) fn accept(&mut self, accepted: &Accepted, source: Source, now_ms: i64) -> Transition {
        let fingerprint = accepted.fingerprint();
        if fingerprint == self.fingerprint {
            // The page's token may be pasted into mParticle, which sends it from then on.
            if self.source == Source::Page {
                self.source = source;
            }
            return self.revive(now_ms);
        }
        let was_active = self.state.is_active();
        // mParticle goes on sending the last token that it brought, however often the page replaces it: that one stays first.
        let place = usize::from(self.source == Source::Page).min(self.replaced.len());
        self.replaced.insert(place, self.fingerprint);
        self.replaced.retain(|replaced| *replaced != fingerprint);
        self.replaced.truncate(MAX_REPLACED);
        self.token = accepted.token.clone();
        self.fingerprint = fingerprint;
        self.user = accepted.user.clone();
        self.source = source;
        self.since_ms = now_ms;
        self.state = State::Active;
        if was_active { Transition::Replaced } else { Transition::Revived(RevivedBy::NewToken(source)) }
    }

    pub(crate) fn revive(&mut self, now_ms: i64) -> Transition {
        if self.state.is_active() {
            return Transition::Unchanged;
        }
        self.state = State::Active;
        self.since_ms = now_ms;
        Transition::Revived(RevivedBy::AcceptedAgain)
    }

    /// Whether it was not used for `days` days at least.
    pub(crate) const fn is_unused_for(&self, days: i64, now_ms: i64) -> bool {
        let week_end_ms = self.last_used_week.saturating_add(1).saturating_mul(WEEK_MS);
        now_ms.saturating_sub(week_end_ms) >= days * 86_400_000
    }
}
