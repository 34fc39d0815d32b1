//! Reading an envelope from a queue message. Errors say where, never what: the body may hold raw device ids.

use serde::Deserialize;

use crate::{Envelope, VERSION};

/// Why a queue message is not an envelope that this version can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not JSON, or not of the envelope's shape.
    #[error("not an envelope: {category} error at line {line}, column {column}")]
    Unreadable {
        /// `syntax`, `data` or `eof`.
        category: &'static str,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// Written by a version of `ingest` that this `uploader` does not know.
    #[error("envelope version {0} is not known here; this uploader reads version {VERSION}")]
    Version(u64),
}

impl<'a> Envelope<'a> {
    /// Reads a queue message's body, borrowing from it.
    ///
    /// # Errors
    /// [`ReadError::Version`] if it carries another version, whatever else is in it; otherwise [`ReadError::Unreadable`].
    pub fn read(body: &'a str) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Probe {
            version: u64,
        }
        let parsed = serde_json::from_str::<Self>(body);
        match parsed {
            Ok(envelope) if envelope.version == VERSION => Ok(envelope),
            Ok(envelope) => Err(ReadError::Version(envelope.version.into())),
            Err(error) => match serde_json::from_str::<Probe>(body) {
                Ok(probe) if probe.version != u64::from(VERSION) => Err(ReadError::Version(probe.version)),
                Ok(_) | Err(_) => Err(ReadError::Unreadable {
                    category: match error.classify() {
                        serde_json::error::Category::Syntax => "syntax",
                        serde_json::error::Category::Eof => "end of text",
                        serde_json::error::Category::Data | serde_json::error::Category::Io => "data",
                    },
                    line: error.line(),
                    column: error.column(),
                }),
            },
        }
    }
}
