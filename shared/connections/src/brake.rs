//! The brake: when nearly everybody's token is refused, the fault is the operator's, and nobody is given up.

use std::collections::HashMap;

use crate::UserId;

const WINDOW_MS: i64 = 10 * 60_000;
/// Bounds the memory of a process.
const MAX_USERS: usize = 4_096;

/// The latest outcome of each TikTok user in the last ten minutes. By users, not connections: one person may have granted many.
#[derive(Debug, Default)]
pub struct Brake {
    latest: HashMap<UserId, Outcome>,
}

#[derive(Debug, Clone, Copy)]
struct Outcome {
    accepted: bool,
    at_ms: i64,
}

impl Outcome {
    const fn is_recent(self, now_ms: i64) -> bool {
        now_ms.saturating_sub(self.at_ms) < WINDOW_MS
    }
}

impl Brake {
    /// Notes what TikTok said of a token of this user.
    pub fn note(&mut self, user: &UserId, accepted: bool, now_ms: i64) {
        if let Some(known) = self.latest.get_mut(user) {
            *known = Outcome { accepted, at_ms: now_ms };
            return;
        }
        if self.latest.len() >= MAX_USERS {
            self.make_room(now_ms);
        }
        self.latest.insert(user.clone(), Outcome { accepted, at_ms: now_ms });
    }

    /// Whether all users that were tried in the last ten minutes (at least two), or more than half of at least five, are refused.
    #[must_use]
    pub fn is_on(&self, now_ms: i64) -> bool {
        let recent = self.latest.values().filter(|outcome| outcome.is_recent(now_ms));
        let (tried, refused) =
            recent.fold((0, 0), |(tried, refused), outcome| (tried + 1, refused + usize::from(!outcome.accepted)));
        (tried >= 2 && refused == tried) || (tried >= 5 && refused * 2 > tried)
    }

    fn make_room(&mut self, now_ms: i64) {
        self.latest.retain(|_, outcome| outcome.is_recent(now_ms));
        if self.latest.len() >= MAX_USERS {
            let oldest = self.latest.iter().min_by_key(|(_, outcome)| outcome.at_ms).map(|(user, _)| user.clone());
            if let Some(user) = oldest {
                self.latest.remove(&user);
            }
        }
    }
}
