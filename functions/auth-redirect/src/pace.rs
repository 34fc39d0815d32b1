//! Calls at an even pace: one each interval, and after a pause up to a burst at once. Pure: the time is a parameter.

use std::collections::HashMap;
use std::time::Duration;

use ids::AdvertiserId;
use tokio::time::Instant;

use crate::event::Source;

/// One exchange, and one probe, a second in each process: TikTok allows the whole app 10 calls a second.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);
/// So many at once after a pause.
const BURST: u32 = 5;
/// What a caller whose codes TikTok keeps refusing leaves of the burst to the others.
const RESERVED: u32 = 2;
/// So many refused codes, within this time, make such a caller.
const REFUSALS: u32 = 3;
const REFUSALS_WINDOW: Duration = Duration::from_mins(1);
/// Callers that are remembered.
const SOURCES: usize = 1_000;

/// Calls that were made, and when the next may be.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When all calls made so far are worked off.
    idle_at: Option<Instant>,
}

impl Pace {
    /// The moment of the next call, which the caller now owns; `None`, and nothing taken, if that is after `latest`.
    pub(crate) fn reserve(&mut self, now: Instant, latest: Instant) -> Option<Instant> {
        self.reserve_leaving(0, now, latest)
    }

    fn reserve_leaving(&mut self, left: u32, now: Instant, latest: Instant) -> Option<Instant> {
        let at = self.next(left, now);
        (at <= latest).then(|| {
            self.idle_at = Some(self.busy_until(now) + INTERVAL);
            at
        })
    }

    /// When the next call may be made if it has to leave so many of the burst.
    fn next(&self, left: u32, now: Instant) -> Instant {
        let ahead = INTERVAL * BURST.saturating_sub(1 + left);
        self.busy_until(now).checked_sub(ahead).map_or(now, |at| at.max(now))
    }

    fn busy_until(&self, now: Instant) -> Instant {
        self.idle_at.map_or(now, |idle| idle.max(now))
    }
}

/// The turns of the calls that look into an authorization. At the paths of audiences TikTok takes one call a second for each advertiser.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    pace: Pace,
    /// When the next call for an advertiser may be made.
    free_at: HashMap<AdvertiserId, Instant>,
}

impl Probes {
    /// The moment of the next call, as [`Pace::reserve`].
    pub(crate) fn reserve(&mut self, now: Instant, latest: Instant) -> Option<Instant> {
        self.pace.reserve(now, latest)
    }

    /// The moment of the next call at the path of this advertiser's audiences.
    pub(crate) fn reserve_of(&mut self, advertiser: AdvertiserId, now: Instant, latest: Instant) -> Option<Instant> {
        self.free_at.retain(|_, at| *at > now);
        let free = self.free_at.get(&advertiser).copied().unwrap_or(now);
        let at = self.pace.reserve(free.max(now), latest)?;
        self.free_at.insert(advertiser, at + INTERVAL);
        Some(at)
    }
}

/// Who may exchange a code now. A caller who keeps sending wrong codes cannot keep the others out.
#[derive(Debug, Default)]
pub(crate) struct Exchanges {
    pace: Pace,
    refused: HashMap<Source, Refusals>,
}

#[derive(Debug)]
struct Refusals {
    since: Instant,
    count: u32,
}

impl Exchanges {
    /// Lets an exchange through, or says in how long it may be tried again.
    pub(crate) fn let_through(&mut self, source: Source, now: Instant) -> Result<(), Duration> {
        let suspect = self.refused.get(&source).is_some_and(|refusals| {
            refusals.count >= REFUSALS && now.saturating_duration_since(refusals.since) < REFUSALS_WINDOW
        });
        let left = if suspect { RESERVED } else { 0 };
        match self.pace.reserve_leaving(left, now, now) {
            Some(_) => Ok(()),
            None => Err(self.pace.next(left, now).saturating_duration_since(now)),
        }
    }

    /// The moment at which an exchange may be made again; `None` if that is after `latest`.
    pub(crate) fn again(&mut self, now: Instant, latest: Instant) -> Option<Instant> {
        self.pace.reserve(now, latest)
    }

    /// TikTok refused the code of this caller.
    pub(crate) fn note_refused(&mut self, source: Source, now: Instant) {
        let is_old = |refusals: &Refusals| now.saturating_duration_since(refusals.since) >= REFUSALS_WINDOW;
        if self.refused.len() >= SOURCES {
            self.refused.retain(|_, refusals| !is_old(refusals));
        }
        if self.refused.len() >= SOURCES {
            self.refused.clear();
        }
        let refusals = self.refused.entry(source).or_insert(Refusals { since: now, count: 0 });
        if is_old(refusals) {
            *refusals = Refusals { since: now, count: 0 };
        }
        refusals.count = refusals.count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn five_at_once_and_then_one_a_second() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at: Vec<_> = (0..8).filter_map(|_| pace.reserve(start, seconds(start, 60))).collect();
        assert_eq!(at, [0, 0, 0, 0, 0, 1, 2, 3].map(|after| seconds(start, after)));
        assert_eq!(pace.reserve(start, seconds(start, 3)), None, "too late for the caller");
        assert_eq!(pace.reserve(start, seconds(start, 4)), Some(seconds(start, 4)), "and nothing was taken by it");
    }

    #[test]
    fn an_advertiser_is_asked_once_a_second() {
        let (mut probes, start) = (Probes::default(), Instant::now());
        let (one, other) = ("71".parse().unwrap(), "72".parse().unwrap());
        let later = seconds(start, 60);
        let at = [one, one, other, one].map(|id| probes.reserve_of(id, start, later).unwrap());
        assert_eq!(at, [0, 1, 0, 2].map(|after| seconds(start, after)));
    }

    #[test]
    fn a_flood_of_wrong_codes_leaves_room_for_another_caller() {
        let (mut exchanges, start) = (Exchanges::default(), Instant::now());
        let (flood, person) = (Source::of("192.0.2.1"), Source::of("198.51.100.7"));
        for tenth in 0..300 {
            let now = start + Duration::from_millis(100 * tenth);
            if exchanges.let_through(flood, now).is_ok() {
                exchanges.note_refused(flood, now);
            }
            if tenth >= 50 && tenth.is_multiple_of(50) {
                assert_eq!(exchanges.let_through(person, now), Ok(()), "after {tenth} tenths of a second");
            }
        }
    }

    #[test]
    fn who_must_wait_hears_how_long() {
        let (mut exchanges, now) = (Exchanges::default(), Instant::now());
        for last in 1..=5 {
            assert_eq!(exchanges.let_through(Source::of(&format!("192.0.2.{last}")), now), Ok(()));
        }
        assert_eq!(exchanges.let_through(Source::of("192.0.2.9"), now), Err(Duration::from_secs(1)));
    }

    #[test]
    fn memory_of_callers_is_bounded() {
        let (mut exchanges, now) = (Exchanges::default(), Instant::now());
        for number in 0..5_000_u32 {
            exchanges.note_refused(Source::of(&std::net::Ipv4Addr::from_bits(number).to_string()), now);
        }
        assert!(exchanges.refused.len() <= SOURCES);
    }

    proptest! {
        #[test]
        fn no_window_has_more_calls_than_burst_and_interval_allow(asks in prop::collection::vec(0_u64..3_000, 1..80)) {
            let (mut pace, start) = (Pace::default(), Instant::now());
            let mut now = start;
            let mut made = Vec::new();
            for wait in asks {
                now += Duration::from_millis(wait);
                made.extend(pace.reserve(now, now + Duration::from_secs(5)));
            }
            made.sort();
            for (first, from) in made.iter().enumerate() {
                let until = *from + Duration::from_secs(10);
                let calls = made.iter().skip(first).filter(|at| **at < until).count();
                prop_assert!(calls <= 15, "{calls} calls within 10 s");
            }
        }
    }
}
