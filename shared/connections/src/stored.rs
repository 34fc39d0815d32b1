//! A record as it lies in Secrets Manager. People can edit it there: what is no record is an error, never an empty one.

use std::collections::BTreeMap;

use ids::{AccountId, TokenFingerprint};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::audiences::{Created, Deleted};
use crate::connection::MAX_REPLACED;
use crate::record::RefusalWrites;
use crate::{Connection, Record, Source, State, UserId};

const VERSION: u32 = 2;

/// Why a text is no record. Nothing of the text is repeated: it may be a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not JSON of the documented form.
    #[error("not JSON of the documented form, at line {line}, column {column}")]
    Form {
        /// Where, from 1.
        line: usize,
        /// Where, from 1.
        column: usize,
    },
    /// It is of a version that is not ours.
    #[error("the version is {0}, not {VERSION}")]
    Version(u32),
    /// A connection has no token.
    #[error("the connection {0} has an empty token")]
    EmptyToken(AccountId),
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    connections: BTreeMap<AccountId, WrittenConnection<'a>>,
    deleted_audiences: &'a [Deleted],
    refusal_writes: RefusalWrites,
    #[serde(skip_serializing_if = "Option::is_none")]
    forgotten_ms: Option<i64>,
}

#[derive(Serialize)]
struct WrittenConnection<'a> {
    token: &'a str,
    /// For people to find it in logs; not read.
    fingerprint: TokenFingerprint,
    user: &'a UserId,
    source: Source,
    since_ms: i64,
    state: StoredState,
    replaced: &'a [TokenFingerprint],
    created: &'a [Created],
    last_used_week: i64,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Deserialize)]
struct Read {
    connections: BTreeMap<AccountId, ReadConnection>,
    #[serde(default)]
    deleted_audiences: Vec<Deleted>,
    #[serde(default)]
    refusal_writes: RefusalWrites,
    #[serde(default)]
    forgotten_ms: Option<i64>,
}

#[derive(Deserialize)]
struct ReadConnection {
    token: SecretString,
    user: UserId,
    source: Source,
    since_ms: i64,
    state: StoredState,
    #[serde(default)]
    replaced: Vec<TokenFingerprint>,
    #[serde(default)]
    created: Vec<Created>,
    last_used_week: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredState {
    Active {},
    Refused { since_ms: i64, code: Option<i64> },
    Dead { since_ms: i64, died_ms: i64, code: Option<i64> },
}

impl From<State> for StoredState {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Active {},
            State::Refused { since_ms, code } => Self::Refused { since_ms, code },
            State::Dead { since_ms, died_ms, code } => Self::Dead { since_ms, died_ms, code },
        }
    }
}

impl From<StoredState> for State {
    fn from(state: StoredState) -> Self {
        match state {
            StoredState::Active {} => Self::Active,
            StoredState::Refused { since_ms, code } => Self::Refused { since_ms, code },
            StoredState::Dead { since_ms, died_ms, code } => Self::Dead { since_ms, died_ms, code },
        }
    }
}

impl Record {
    /// The record as JSON, tokens included: for Secrets Manager only.
    ///
    /// # Errors
    /// Only if memory or `serde_json` fail: every record has a JSON form.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let connections = self.connections().map(|(account, connection)| (account, written(connection))).collect();
        serde_json::to_string(&Written {
            version: VERSION,
            connections,
            deleted_audiences: &self.deleted,
            refusal_writes: self.refusal_writes,
            forgotten_ms: self.forgotten_ms,
        })
    }

    /// Reads a record. Fingerprints are computed from the tokens; unknown fields are ignored.
    ///
    /// # Errors
    /// [`Unreadable`] if any part is not as documented: what a person broke is not to be overwritten.
    pub fn from_json(text: &str) -> Result<Self, Unreadable> {
        let Versioned { version } = parse(text)?;
        if version != VERSION {
            return Err(Unreadable::Version(version));
        }
        let read: Read = parse(text)?;
        let connections =
            read.connections.into_iter().map(|(account, found)| Ok((account, connection(account, found)?)));
        Ok(Self {
            connections: connections.collect::<Result<_, _>>()?,
            deleted: read.deleted_audiences,
            refusal_writes: read.refusal_writes,
            forgotten_ms: read.forgotten_ms,
        })
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Unreadable> {
    serde_json::from_str(text).map_err(|error| Unreadable::Form { line: error.line(), column: error.column() })
}

fn written(connection: &Connection) -> WrittenConnection<'_> {
    WrittenConnection {
        token: connection.token.expose_secret(),
        fingerprint: connection.fingerprint,
        user: &connection.user,
        source: connection.source,
        since_ms: connection.since_ms,
        state: connection.state.into(),
        replaced: &connection.replaced,
        created: &connection.created,
        last_used_week: connection.last_used_week,
    }
}

fn connection(account: AccountId, found: ReadConnection) -> Result<Connection, Unreadable> {
    // Pasted values often end in a line feed.
    let token = found.token.expose_secret().trim();
    if token.is_empty() {
        return Err(Unreadable::EmptyToken(account));
    }
    let fingerprint = TokenFingerprint::of(token);
    let mut replaced = Vec::new();
    for other in found.replaced {
        if other != fingerprint && !replaced.contains(&other) && replaced.len() < MAX_REPLACED {
            replaced.push(other);
        }
    }
    Ok(Connection {
        token: SecretString::from(token),
        fingerprint,
        user: found.user,
        source: found.source,
        since_ms: found.since_ms,
        state: found.state.into(),
        replaced,
        created: found.created,
        last_used_week: found.last_used_week,
    })
}
