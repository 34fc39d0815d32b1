//! When TikTok may be asked again about each unproven token that this process asked about.

use std::collections::HashMap;

use ids::{ConnectionId, TokenFingerprint};

const FIRST_WAIT_MS: i64 = 60_000;
const LONGEST_WAIT_MS: i64 = 3_600_000;
/// Bounds the memory of a process.
const MAX_TOKENS: usize = 10_000;

/// The back-off of unproven tokens: a minute after a refusal, doubling to an hour.
#[derive(Debug, Default)]
pub struct ProbeBackoff {
    waits: HashMap<(ConnectionId, TokenFingerprint), Wait>,
}

#[derive(Debug, Clone, Copy)]
struct Wait {
    until_ms: i64,
    /// The wait after the next refusal.
    next_ms: i64,
}

impl ProbeBackoff {
    /// Whether TikTok may be asked about this token for this connection.
    #[must_use]
    pub fn may_ask(&self, connection: ConnectionId, fingerprint: TokenFingerprint, now_ms: i64) -> bool {
        self.waits.get(&(connection, fingerprint)).is_none_or(|wait| now_ms >= wait.until_ms)
    }

    /// TikTok refused it.
    pub fn refused(&mut self, connection: ConnectionId, fingerprint: TokenFingerprint, now_ms: i64) {
        let key = (connection, fingerprint);
        let wait_ms = self.waits.get(&key).map_or(FIRST_WAIT_MS, |wait| wait.next_ms);
        self.put_off(
            key,
            Wait { until_ms: now_ms.saturating_add(wait_ms), next_ms: (wait_ms * 2).min(LONGEST_WAIT_MS) },
        );
    }

    /// TikTok could not be asked, or its answer decides nothing: again after a minute, without doubling.
    pub fn undecided(&mut self, connection: ConnectionId, fingerprint: TokenFingerprint, now_ms: i64) {
        let key = (connection, fingerprint);
        let next_ms = self.waits.get(&key).map_or(FIRST_WAIT_MS, |wait| wait.next_ms);
        self.put_off(key, Wait { until_ms: now_ms.saturating_add(FIRST_WAIT_MS), next_ms });
    }

    /// TikTok accepted it: nothing to wait for.
    pub fn accepted(&mut self, connection: ConnectionId, fingerprint: TokenFingerprint) {
        self.waits.remove(&(connection, fingerprint));
    }

    fn put_off(&mut self, key: (ConnectionId, TokenFingerprint), wait: Wait) {
        if self.waits.len() >= MAX_TOKENS && !self.waits.contains_key(&key) {
            // The one that may be asked about soonest: losing it costs the least.
            let soonest = self.waits.iter().min_by_key(|(_, wait)| wait.until_ms).map(|(key, _)| *key);
            if let Some(soonest) = soonest {
                self.waits.remove(&soonest);
            }
        }
        self.waits.insert(key, wait);
    }
}
