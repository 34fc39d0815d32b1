//! What the operator takes out of a record: a connection, or all of a customer.

use ids::AccountId;

use crate::Record;

/// As long as the queue keeps a message: then nothing is left that was sent before.
const FORGOTTEN_KEPT_MS: i64 = 14 * 86_400_000;

impl Record {
    /// Forgets the customer: nothing stays but the time, so that the changes that were sent before are dropped. A connection that is made
    /// later is one like any other; what was sent before stays forgotten.
    pub fn forget(&mut self, now_ms: i64) {
        *self = Self { forgotten_ms: Some(now_ms), ..Self::default() };
    }

    /// When the customer was forgotten, in milliseconds since 1970, while the queue may still hold what was sent before.
    #[must_use]
    pub fn forgotten_ms(&self, now_ms: i64) -> Option<i64> {
        self.forgotten_ms.filter(|forgotten_ms| now_ms.saturating_sub(*forgotten_ms) < FORGOTTEN_KEPT_MS)
    }

    /// Removes the connection of that account with its token; whether there was one.
    pub fn remove(&mut self, account: AccountId) -> bool {
        self.connections.remove(&account).is_some()
    }
}
