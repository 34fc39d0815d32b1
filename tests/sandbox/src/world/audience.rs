//! An audience as it is stored: what TikTok knows of it, when it expires, and how its name is cut.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::member::{Digest, Family, IdKind};
use crate::rules::{NameUnit, Rules};

/// An audience that was not applied or changed for so long expires.
pub(crate) const LIFE_MS: u64 = 365 * 86_400_000;

/// For so long before its end an audience is listed as expiring.
const EXPIRING_MS: u64 = 60 * 86_400_000;

/// What sort of audience it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Made by this API, and the only kind that mapping feeds; [`Rules::partner_audience_type`] spells it.
    Partner,
    /// Any other, by TikTok's name for it.
    Other(String),
}

/// An audience and who is in it.
#[derive(Clone, Debug)]
pub(crate) struct Audience {
    pub(crate) advertiser_id: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) created_ms: u64,
    pub(crate) deleted_ms: Option<u64>,
    pub(crate) expires_ms: u64,
    pub(crate) in_use: bool,
    /// Whether another advertiser made it and shared it with this one.
    pub(crate) shared: bool,
    /// What the list gives as `cover_num` instead of the number of members.
    pub(crate) cover_num: Option<u64>,
    /// What the list gives as `is_valid` instead of what follows from size and age.
    pub(crate) is_valid: Option<bool>,
    /// What the list shows instead, see [`crate::answer::shown_as`].
    pub(crate) shown_as: Option<Value>,
    pub(crate) family: Option<Family>,
    pub(crate) members: BTreeMap<IdKind, HashSet<Digest>>,
}

impl Audience {
    /// An empty audience, whose name is cut as the rules say.
    pub(crate) fn new(rules: &Rules, advertiser_id: &str, name: &str, kind: Kind, now_ms: u64) -> Self {
        Self {
            advertiser_id: advertiser_id.to_owned(),
            name: cut(name, rules.names_counted_in),
            kind,
            created_ms: now_ms,
            deleted_ms: None,
            expires_ms: now_ms + LIFE_MS,
            in_use: false,
            shared: false,
            cover_num: None,
            is_valid: None,
            shown_as: None,
            family: None,
            members: BTreeMap::new(),
        }
    }

    /// Whether it exists and this advertiser made it, so that it can be fed and deleted.
    pub(crate) fn belongs_to(&self, advertiser_id: &str) -> bool {
        self.deleted_ms.is_none() && !self.shared && self.advertiser_id == advertiser_id
    }

    pub(crate) const fn is_expired(&self, now_ms: u64) -> bool {
        now_ms >= self.expires_ms
    }

    pub(crate) const fn is_expiring(&self, now_ms: u64) -> bool {
        !self.is_expired(now_ms) && now_ms + EXPIRING_MS >= self.expires_ms
    }

    /// Matched users, as the list gives them.
    pub(crate) fn cover_num(&self) -> u64 {
        let members: usize = self.members.values().map(HashSet::len).sum();
        self.cover_num.unwrap_or(members as u64)
    }

    /// Whether campaigns could use it: large enough and not expired.
    pub(crate) fn is_valid(&self, rules: &Rules, now_ms: u64) -> bool {
        self.is_valid.unwrap_or_else(|| !self.is_expired(now_ms) && self.cover_num() >= rules.minimum_members)
    }

    /// The type, as the API spells it.
    pub(crate) fn kind_name<'a>(&'a self, rules: &'a Rules) -> &'a str {
        match &self.kind {
            Kind::Partner => &rules.partner_audience_type,
            Kind::Other(name) => name,
        }
    }
}

/// A name of over 70 units is cut to 67 and "...".
fn cut(name: &str, unit: NameUnit) -> String {
    const LONGEST: usize = 70;
    const KEPT: usize = 67;
    let kept = match unit {
        NameUnit::Characters => (name.chars().count() > LONGEST).then(|| name.chars().take(KEPT).collect::<String>()),
        NameUnit::Utf16Units => {
            let units: Vec<u16> = name.encode_utf16().collect();
            let kept = units.get(..KEPT).filter(|_| units.len() > LONGEST);
            kept.map(String::from_utf16_lossy)
        }
        NameUnit::Bytes => {
            let kept = name.as_bytes().get(..KEPT).filter(|_| name.len() > LONGEST);
            kept.map(|kept| String::from_utf8_lossy(kept).into_owned())
        }
    };
    kept.map_or_else(|| name.to_owned(), |kept| kept + "...")
}

#[cfg(test)]
mod tests {
    use super::cut;
    use crate::rules::NameUnit;

    #[test]
    fn a_name_over_seventy_keeps_sixty_seven_and_dots() {
        for (unit, letter) in [(NameUnit::Characters, "😀"), (NameUnit::Utf16Units, "é"), (NameUnit::Bytes, "e")] {
            assert_eq!(cut(&letter.repeat(70), unit), letter.repeat(70), "{unit:?}");
            assert_eq!(cut(&letter.repeat(71), unit), format!("{}...", letter.repeat(67)), "{unit:?}");
        }
    }

    #[test]
    fn a_cut_inside_a_character_leaves_a_replacement() {
        assert_eq!(cut(&"😀".repeat(36), NameUnit::Utf16Units), format!("{}\u{fffd}...", "😀".repeat(33)));
        assert_eq!(cut(&"é".repeat(36), NameUnit::Bytes), format!("{}\u{fffd}...", "é".repeat(33)));
    }
}
