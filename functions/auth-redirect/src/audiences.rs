//! The audiences that mParticle feeds, as the page shows them: is each large enough, and does TikTok still keep it.

use aws_sdk_secretsmanager::primitives::{DateTime, DateTimeFormat};
use connections::Mark;
use tiktok::Audience;

/// An audience of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectedAudience {
    /// Its name in mParticle, as far as it fits at TikTok.
    pub(crate) name: String,
    /// How many users TikTok matched; `None` where it did not say.
    pub(crate) users: Option<u64>,
    pub(crate) state: AudienceState,
}

/// What can be done with an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AudienceState {
    /// Large enough, as far as TikTok says.
    Usable,
    /// Too few users were matched so far.
    TooSmall,
    /// TikTok ends it within 60 days unless it is used.
    Expiring,
    /// TikTok ended it; good for nothing but deletion.
    Expired,
}

impl ConnectedAudience {
    /// `None` for an audience that is not ours. `now` is the date and time in UTC as TikTok writes it, `2026-11-26 12:00:00`.
    pub(crate) fn of(audience: &Audience, minimum_users: u32, now: &str) -> Option<Self> {
        let (name, _) = Mark::split(&audience.name)?;
        if name.is_empty() || audience.is_of_another_kind() {
            return None;
        }
        let users = audience.cover_num;
        let is_small = users.is_some_and(|users| users < u64::from(minimum_users));
        let is_ended = match audience.expired_time.as_deref().filter(|time| !time.is_empty()) {
            // Digits in fixed places: the order of the texts is that of the times.
            Some(time) => time <= now,
            // A small one may be called not valid for its size.
            None => !audience.is_valid && !is_small,
        };
        let state = if is_ended {
            AudienceState::Expired
        } else if audience.is_expiring {
            AudienceState::Expiring
        } else if is_small {
            AudienceState::TooSmall
        } else {
            AudienceState::Usable
        };
        Some(Self { name: name.to_owned(), users, state })
    }
}

/// A time, in milliseconds since 1970, as TikTok writes it, in UTC.
pub(crate) fn tiktok_time(ms: i64) -> String {
    let text = DateTime::from_secs(ms.div_euclid(1_000)).fmt(DateTimeFormat::DateTime).unwrap_or_default();
    text.replacen('T', " ", 1).trim_end_matches('Z').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-26 12:00:00";

    fn listed(name: &str, users: Option<u64>, is_expiring: bool, expired: &str) -> Audience {
        Audience {
            audience_id: "71".parse().unwrap(),
            name: name.to_owned(),
            audience_type: String::new(),
            cover_num: users,
            is_valid: true,
            is_expiring,
            expired_time: Some(expired.to_owned()).filter(|time| !time.is_empty()),
            create_time: None,
        }
    }

    #[test]
    fn size_and_age_say_what_can_be_done_with_it() {
        let later = "2027-11-26 12:00:00";
        let table = [
            (Some(60_000), false, later, AudienceState::Usable),
            (Some(50_000), false, "", AudienceState::Usable),
            (None, false, later, AudienceState::Usable),
            (Some(49_999), false, later, AudienceState::TooSmall),
            (Some(60_000), true, "2026-12-24 00:00:00", AudienceState::Expiring),
            (Some(60_000), true, "2026-11-26 11:59:59", AudienceState::Expired),
        ];
        for (users, is_expiring, expired, state) in table {
            let audience = listed("Shoppers [mp-1-2]", users, is_expiring, expired);
            let shown = ConnectedAudience::of(&audience, 50_000, NOW).unwrap();
            assert_eq!((&*shown.name, shown.users, shown.state), ("Shoppers", users, state), "{expired}");
        }
    }

    #[test]
    fn what_is_not_valid_any_more_has_ended_unless_it_is_small() {
        for (users, state) in [(Some(60_000), AudienceState::Expired), (Some(10), AudienceState::TooSmall)] {
            let audience = Audience { is_valid: false, ..listed("Shoppers [mp-1-2]", users, false, "") };
            assert_eq!(ConnectedAudience::of(&audience, 50_000, NOW).unwrap().state, state);
        }
    }

    #[test]
    fn what_is_not_ours_is_left_out() {
        for name in ["Customers 2025", "[mp-1", "A [mp-1", "A [mp-1] copy", ""] {
            assert_eq!(ConnectedAudience::of(&listed(name, None, false, ""), 50_000, NOW), None, "{name}");
        }
        let lookalike = Audience { audience_type: "Lookalike".to_owned(), ..listed("A [mp-1-2]", None, false, "") };
        assert_eq!(ConnectedAudience::of(&lookalike, 50_000, NOW), None);
    }

    #[test]
    fn times_are_written_as_tiktok_does() {
        let table = [
            (0, "1970-01-01 00:00:00"),
            (951_782_400_000, "2000-02-29 00:00:00"),
            (1_735_689_599_999, "2024-12-31 23:59:59"),
            (1_795_694_400_000, "2026-11-26 12:00:00"),
        ];
        for (ms, text) in table {
            assert_eq!(tiktok_time(ms), text);
        }
    }
}
