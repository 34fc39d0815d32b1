//! How fast a process may ask TikTok about tokens: strangers can bring any number of them.

const EVERY_MS: i64 = 1_000;
const BURST: i64 = 5;

/// One a second, with a burst of five.
#[derive(Debug, Default)]
pub struct ProbeRate {
    /// When all of the burst is there again; `None` before the first.
    full_ms: Option<i64>,
}

impl ProbeRate {
    /// Takes one, if there is one.
    pub fn take(&mut self, now_ms: i64) -> bool {
        // After a clock was set back, never more than the whole burst is missing.
        let full_ms = self.full_ms.unwrap_or(now_ms).clamp(now_ms, now_ms.saturating_add(BURST * EVERY_MS));
        let is_left = full_ms.saturating_sub(now_ms) <= (BURST - 1) * EVERY_MS;
        self.full_ms = Some(if is_left { full_ms.saturating_add(EVERY_MS) } else { full_ms });
        is_left
    }
}
