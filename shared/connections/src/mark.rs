//! The mark at the end of an audience's name at TikTok, by which a connection finds its audience again whatever else changes.

use std::fmt;

use ids::AccountId;

/// Whose audience it is, at mParticle. Two configurations of one advertiser never share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    /// mParticle's configuration.
    pub account: AccountId,
    /// mParticle's id of the audience.
    pub audience: i64,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[mp-{}-{}]", self.account, self.audience)
    }
}

impl Mark {
    /// The mark at the end of a name, if it has one.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::split(name).map(|(_, mark)| mark)
    }

    /// What stands before the mark at the end of a name, and the mark, if the name has one.
    #[must_use]
    pub fn split(name: &str) -> Option<(&str, Self)> {
        let (before, ids) = name.trim_end().strip_suffix(']')?.rsplit_once("[mp-")?;
        let (account, audience) = ids.split_once('-')?;
        let mark = Self { account: account.parse().ok()?, audience: audience.parse().ok()? };
        Some((before.trim_end(), mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_from_the_end_of_a_name() {
        for audience in [0, 456, i64::MAX, i64::MIN] {
            let mark = Mark { account: AccountId::new(12).unwrap(), audience };
            assert_eq!(Mark::of(&format!("Summer [sale] {mark} ")), Some(mark));
        }
        assert_eq!(Mark::split("Summer [sale] [mp-12-456]").unwrap().0, "Summer [sale]");
        let last = Mark { account: AccountId::new(3).unwrap(), audience: 4 };
        assert_eq!(Mark::of("x [mp-1-2] [mp-3-4] "), Some(last));
        let none = [
            "",
            "Summer sale",
            "[mp-12]",
            "[mp-12-x]",
            "[mp--1-4]",
            "[mp-0-4]",
            "[mp-12-4",
            "[mp-12-4] copy",
            "[MP-1-2]",
        ];
        for name in none {
            assert_eq!(Mark::of(name), None, "{name}");
        }
    }
}
