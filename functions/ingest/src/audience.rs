//! Names of audiences at TikTok. Each ends with a mark: mParticle's ids of the configuration and of the audience, by which it is found
//! again whatever else changes.

use aws_sdk_secretsmanager::primitives::{DateTime, DateTimeFormat};
use connections::{Mark, Record};
use ids::AudienceId;
use tiktok::{Audience, MAX_NAME_CHARS};

/// The name under which an audience is created: mParticle's own name, cut, and the mark. It has at most 70 bytes, and so at most 70 of
/// whatever TikTok counts: characters, UTF-16 units or bytes.
pub(crate) fn name(mark: Mark, mparticle_name: &str) -> String {
    let mark = mark.to_string();
    let room = MAX_NAME_CHARS.saturating_sub(mark.len() + 1);
    let fit = |c: char| if c.is_control() { Some(' ') } else { Some(c).filter(|c| *c != char::REPLACEMENT_CHARACTER) };
    let mut name = String::new();
    for c in mparticle_name.trim().chars().filter_map(fit) {
        if name.len() + c.len_utf8() > room {
            break;
        }
        name.push(c);
    }
    let name = name.trim();
    if name.is_empty() { mark } else { format!("{name} {mark}") }
}

/// The audiences of an advertiser, as far as they matter for one of mParticle's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    /// The oldest usable one with the mark.
    pub(crate) marked: Option<AudienceId>,
    /// What the list says of the one that was asked for.
    pub(crate) kept: Kept,
    /// How many there are of all kinds.
    pub(crate) total: usize,
}

/// What the list says of an audience that a subscription already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is there, usable, and not marked as another's.
    Usable,
    /// It is there.
    Unusable,
    /// It is not there.
    Absent,
}

/// What is looked for in the list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) mark: Mark,
    /// An audience by its id, mark or not.
    pub(crate) kept: Option<AudienceId>,
    /// Knows which audiences were deleted: TikTok goes on listing them for a day.
    pub(crate) record: &'a Record,
    pub(crate) now_ms: i64,
}

impl Wanted<'_> {
    /// Looks through the list. Audiences with lower ids are older.
    pub(crate) fn find(self, audiences: &[Audience]) -> Found {
        let usable = || audiences.iter().filter(|audience| self.is_usable(audience));
        let marked = usable().filter(|audience| Mark::of(&audience.name) == Some(self.mark));
        let kept = audiences.iter().find(|audience| self.kept == Some(audience.audience_id));
        let is_ours = |audience: &Audience| Mark::of(&audience.name).is_none_or(|mark| mark == self.mark);
        Found {
            marked: marked.map(|audience| audience.audience_id).min(),
            kept: match kept {
                Some(audience) if self.is_usable(audience) && is_ours(audience) => Kept::Usable,
                Some(_) => Kept::Unusable,
                None => Kept::Absent,
            },
            total: audiences.len(),
        }
    }

    fn is_usable(&self, audience: &Audience) -> bool {
        !audience.is_of_another_kind()
            && !self.record.was_deleted(audience.audience_id)
            && !has_expired(audience, self.now_ms)
    }
}

/// Whether TikTok ended it: it is not valid, and its time is over or not told. One that is not valid before its time is still too small.
fn has_expired(audience: &Audience, now_ms: i64) -> bool {
    let rfc_3339 = format!("{}Z", audience.expired_time.as_deref().unwrap_or_default().trim().replacen(' ', "T", 1));
    let expires_ms =
        DateTime::from_str(&rfc_3339, DateTimeFormat::DateTime).ok().and_then(|time| time.to_millis().ok());
    !audience.is_valid && expires_ms.is_none_or(|expires_ms| expires_ms <= now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ids::AccountId;
    use serde_json::{Value, json};

    fn mark(account: i64, audience: i64) -> Mark {
        Mark { account: AccountId::new(account).unwrap(), audience }
    }

    #[test]
    fn a_name_ends_with_the_mark_and_fits_however_tiktok_counts() {
        let short = mark(12, 456);
        assert_eq!(name(short, " New\tUsers "), "New Users [mp-12-456]");
        assert_eq!(name(short, "\n\u{fffd}"), "[mp-12-456]");
        assert_eq!(name(short, "half \u{fffd}"), "half [mp-12-456]");
        for mark in [short, mark(i64::MAX, i64::MIN), mark(1, i64::MAX)] {
            for name in ["漢", "é", "x", "😀", "a😀", "x "] {
                let name = super::name(mark, &name.repeat(100));
                assert!(name.len() <= MAX_NAME_CHARS, "{name}");
                assert!(name.len() > MAX_NAME_CHARS - 6, "{name}");
                assert!(name.ends_with(&format!(" {mark}")), "{name}");
                assert_eq!(Mark::of(&name), Some(mark));
            }
        }
    }

    fn found(rows: &[Value], kept: Option<&str>, record: &Record) -> (Option<String>, Kept) {
        let rows: Vec<Audience> = rows.iter().map(|row| serde_json::from_value(row.clone()).unwrap()).collect();
        let kept = kept.map(|id| id.parse().unwrap());
        let wanted = Wanted { mark: mark(12, 456), kept, record, now_ms: 1_795_000_000_000 };
        let found = wanted.find(&rows);
        (found.marked.map(|id| id.to_string()), found.kept)
    }

    #[test]
    fn of_the_usable_ones_with_the_mark_the_oldest_is_found() {
        let row = |id: u64, name: &str| json!({"audience_id": id.to_string(), "name": name});
        let with = |id: u64, more: Value| {
            let mut row = row(id, "x [mp-12-456]");
            row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            row
        };
        let mut record = Record::default();
        record.note_deleted(AccountId::new(12).unwrap(), "13".parse().unwrap(), 1_794_999_999_999);
        let rows = [
            row(9, "x [mp-12-4567]"),
            row(10, "x [mp-13-456]"),
            with(11, json!({"audience_type": "Lookalike Audience"})),
            with(12, json!({"is_valid": false, "expired_time": "2026-11-18 11:06:40"})),
            with(13, json!({})),
            with(21, json!({"audience_type": "Partner"})),
            with(20, json!({"audience_type": "SEGMENT", "is_valid": false, "expired_time": "2026-11-18 11:06:41"})),
            with(22, json!({"is_valid": false})),
        ];
        assert_eq!(found(&rows, None, &record), (Some("20".to_owned()), Kept::Absent));
        for (kept, expected) in [
            ("20", Kept::Usable),
            ("22", Kept::Unusable),
            ("10", Kept::Unusable),
            ("11", Kept::Unusable),
            ("12", Kept::Unusable),
            ("13", Kept::Unusable),
            ("99", Kept::Absent),
        ] {
            assert_eq!(found(&rows, Some(kept), &record).1, expected, "{kept}");
        }
        assert_eq!(found(&[row(30, "renamed at TikTok")], Some("30"), &record).1, Kept::Usable);
        assert_eq!(found(&[], None, &record), (None, Kept::Absent));
    }
}
