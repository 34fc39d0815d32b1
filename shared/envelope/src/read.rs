//! Reading an envelope from a queue message. Errors say where, never what: the body may hold raw device ids.

use ids::{AccountId, AdvertiserId, ConnectionId};
use serde::Deserialize;
use serde_json::error::Category;

use crate::{Envelope, Header, Row, VERSION, plain};

/// Why a queue message is not an envelope that this version can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not JSON, not of the envelope's shape, or of a version that is no longer read.
    #[error("not an envelope: {category} error at line {line}, column {column}")]
    Unreadable {
        /// `syntax`, `data`, `end of text` or `version`.
        category: &'static str,
        /// Counted from 1; 0 where the text as a whole is at fault.
        line: usize,
        /// Counted from 1; 0 where the line or the text as a whole is at fault.
        column: usize,
    },
    /// Written by a newer `ingest`: it can be read once this `uploader` is replaced by one of that version.
    #[error("envelope version {0} is newer than this uploader, which reads version {VERSION}")]
    Newer(u64),
}

/// An envelope's text. Unknown fields are ignored, so that a newer `ingest` may add some.
#[derive(Deserialize)]
struct Text<'a> {
    version: u64,
    advertiser: AdvertiserId,
    account: AccountId,
    changed_ms: i64,
    #[serde(borrow)]
    rows: Vec<Row<'a>>,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

impl<'a> Envelope<'a> {
    /// Reads a queue message's body, borrowing from it.
    ///
    /// # Errors
    /// [`ReadError::Newer`] if its version is higher than [`VERSION`], whatever else is in it; otherwise [`ReadError::Unreadable`].
    pub fn read(body: &'a str) -> Result<Self, ReadError> {
        plain::read(body).map_or_else(|| Self::read_json(body), Ok)
    }

    /// Reads any JSON of the shape.
    pub(crate) fn read_json(body: &'a str) -> Result<Self, ReadError> {
        let own = u64::from(VERSION);
        match serde_json::from_str::<Text<'_>>(body) {
            Ok(text) if text.version == own => {
                let Text { advertiser, account, changed_ms, rows, .. } = text;
                let connection = ConnectionId { advertiser, account };
                Ok(Self { header: Header { connection, changed_ms }, rows })
            }
            Ok(Text { version, .. }) => Err(of_version(version)),
            Err(error) => match serde_json::from_str::<Version>(body) {
                Ok(Version { version }) if version != own => Err(of_version(version)),
                Ok(_) | Err(_) => Err(unreadable(&error)),
            },
        }
    }
}

fn of_version(version: u64) -> ReadError {
    if version > u64::from(VERSION) {
        ReadError::Newer(version)
    } else {
        ReadError::Unreadable { category: "version", line: 0, column: 0 }
    }
}

fn unreadable(error: &serde_json::Error) -> ReadError {
    let category = match error.classify() {
        Category::Syntax => "syntax",
        Category::Eof => "end of text",
        Category::Data | Category::Io => "data",
    };
    ReadError::Unreadable { category, line: error.line(), column: error.column() }
}
