//! What can be asked of the journal.

use serde::{Deserialize, Serialize};

use super::Entry;

/// Which calls of the journal are asked for. What is left out does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// Only calls after the one of this number.
    pub after: u64,
    /// Only calls that name this advertiser.
    pub advertiser_id: Option<String>,
    /// Only calls of this path, like `/segment/mapping/`.
    pub path: Option<String>,
    /// Only calls with this action.
    pub action: Option<String>,
    /// Only calls with a token whose fingerprint begins with this (at most the 16 digits that the journal has).
    pub token: Option<String>,
    /// Only calls that were answered with this body code.
    pub code: Option<u32>,
    /// Only calls that were answered, or cut.
    pub answered: bool,
    /// If there is no such call: wait for one, so many milliseconds at most.
    pub wait_ms: u64,
}

impl Query {
    /// The calls of a path.
    #[must_use]
    pub fn path(path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..Self::default() }
    }

    /// Only those that name this advertiser.
    #[must_use]
    pub fn advertiser(self, advertiser_id: &str) -> Self {
        Self { advertiser_id: Some(advertiser_id.to_owned()), ..self }
    }

    pub(super) fn matches(&self, entry: &Entry) -> bool {
        let token = |prefix: &String| entry.token.as_ref().is_some_and(|token| token.starts_with(prefix.as_str()));
        self.advertiser_id.as_ref().is_none_or(|id| entry.advertiser_ids.contains(id))
            && self.path.as_ref().is_none_or(|path| entry.path == *path)
            && self.action.as_ref().is_none_or(|action| entry.action.as_ref() == Some(action))
            && self.token.as_ref().is_none_or(token)
            && self.code.is_none_or(|code| entry.code == Some(code))
            && (!self.answered || entry.answered_at_ms.is_some())
    }
}
