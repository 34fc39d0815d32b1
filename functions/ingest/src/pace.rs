//! TikTok takes one call a second for each advertiser on `/segment/audience/`: the calls of this process go one after the other.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ids::AdvertiserId;
use tokio::time::{Instant, sleep_until};

/// A little more than a second: two calls that leave a second apart may arrive closer together.
const EVERY: Duration = Duration::from_millis(1_050);
/// So many advertisers are remembered before those whose second is over are forgotten.
const REMEMBERED: usize = 1_000;

/// When each advertiser's next call may be made.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    next: Mutex<HashMap<AdvertiserId, Instant>>,
}

impl Pace {
    /// Waits until a call may be made for this advertiser.
    pub(crate) async fn turn(&self, advertiser: AdvertiserId) {
        sleep_until(self.take(advertiser, Instant::now())).await;
    }

    fn take(&self, advertiser: AdvertiserId, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if next.len() >= REMEMBERED {
            next.retain(|_, free| *free > now);
        }
        let free = next.entry(advertiser).or_insert(now);
        let turn = (*free).max(now);
        *free = turn + EVERY;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_advertiser_has_a_second_of_its_own() {
        let (pace, now) = (Pace::default(), Instant::now());
        let [one, other] = ["1", "2"].map(|id| id.parse().unwrap());
        assert_eq!([pace.take(one, now), pace.take(other, now)], [now, now]);
        assert_eq!([pace.take(one, now), pace.take(one, now)], [now + EVERY, now + 2 * EVERY]);
        let later = now + Duration::from_mins(1);
        assert_eq!([pace.take(one, later), pace.take(one, later)], [later, later + EVERY]);
    }
}
