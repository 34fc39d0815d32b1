//! Doing the authorisation again heals what is connected already: the new token joins the advertiser's record.
//!
//! Only a token that TikTok accepts for the advertiser gets here, and an advertiser without a record is left without one.

use std::time::{SystemTime, UNIX_EPOCH};

use ids::{AdvertiserId, TokenFingerprint};
use secrecy::SecretString;
use secrets::{Error, Record, Source};

use crate::App;

/// What the authorisation did to an account's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repair {
    /// Not connected, so nothing is stored. Also where nobody could look.
    None,
    /// Connected, and left with the tokens that it has: this one may not manage its audiences, or nobody knows.
    Kept,
    /// Connected, and the token is in its record.
    Stored {
        /// Changes that waited for a living token flow again.
        healed: bool,
        /// Another token in it is dead, and this one cannot stand in for it.
        others_dead: bool,
    },
    /// Connected, but the token could not be stored.
    Failed,
}

impl App {
    /// Adds a token that TikTok accepts for `advertiser` to its record, which was `before`, if that is worth what it costs.
    pub(crate) async fn repair(
        &self,
        advertiser: AdvertiserId,
        before: &Record,
        token: &SecretString,
        user: Option<&str>,
    ) -> Result<Repair, Error> {
        let now_ms = now_ms();
        let change = |record: &mut Record| {
            let mut with = record.clone();
            with.verify(token, Source::Authorisation, user, now_ms);
            if is_worth_it(record, &with, user) {
                *record = with;
            }
        };
        let after = self.secrets.update(advertiser, change).await?;
        Ok(compare(before, &after))
    }
}

/// Whether `after` is worth the token that a full `before` loses for it: one that was never accepted; or a dead one, if it was the same
/// user's, or if a connection flows again. A living one never is.
fn is_worth_it(before: &Record, after: &Record, user: Option<&str>) -> bool {
    let mut lost = before.tokens().iter().filter(|token| after.get(token.fingerprint).is_none());
    lost.all(|lost| {
        let own = lost.user.is_some() && lost.user.as_deref() == user;
        lost.verified_ms.is_none() || (lost.dead.is_some() && (own || flows_again(before, after)))
    })
}

fn compare(before: &Record, after: &Record) -> Repair {
    let mut all = before.tokens().iter().chain(after.tokens()).map(|token| token.fingerprint);
    let others_dead = all.any(|fingerprint| {
        (is_stopped(before, fingerprint) || is_stopped(after, fingerprint)) && after.usable(fingerprint).is_none()
    });
    Repair::Stored { healed: flows_again(before, after), others_dead }
}

/// Whether a connection that has no token to use in `before` has one in `after`.
fn flows_again(before: &Record, after: &Record) -> bool {
    let mut fingerprints = before.tokens().iter().map(|token| token.fingerprint);
    fingerprints.any(|fingerprint| is_stopped(before, fingerprint) && after.usable(fingerprint).is_some())
}

fn is_stopped(record: &Record, fingerprint: TokenFingerprint) -> bool {
    record.get(fingerprint).is_some() && record.usable(fingerprint).is_none()
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str) -> SecretString {
        SecretString::from(name.to_owned())
    }

    fn record(tokens: &[(&str, &str, bool)]) -> Record {
        let mut record = Record::default();
        for (name, user, dead) in tokens {
            record.verify(&secret(name), Source::Firehose, Some(user), 1);
            if *dead {
                record.bury(TokenFingerprint::of(name), "40105", 2);
            }
        }
        record
    }

    fn repaired(before: &Record, user: Option<&str>) -> Repair {
        let mut after = before.clone();
        after.verify(&secret("new"), Source::Authorisation, user, 3);
        compare(before, &after)
    }

    #[test]
    fn it_says_what_flows_again_and_what_does_not() {
        let mine = record(&[("mine", "ann", true)]);
        let theirs = record(&[("theirs", "bob", true)]);
        let both = record(&[("mine", "ann", true), ("theirs", "bob", true)]);
        let alive = record(&[("mine", "ann", false)]);
        let stored = |healed, others_dead| Repair::Stored { healed, others_dead };
        assert_eq!(repaired(&mine, Some("ann")), stored(true, false));
        assert_eq!(repaired(&theirs, Some("ann")), stored(false, true));
        assert_eq!(repaired(&both, Some("ann")), stored(true, true));
        assert_eq!(repaired(&alive, Some("ann")), stored(false, false));
        assert_eq!(repaired(&mine, None), stored(false, true));
    }

    #[test]
    fn a_full_record_loses_no_living_token_and_no_dead_one_of_another_for_nothing() {
        let worth = |tokens: &[(&str, &str, bool)]| {
            let before = record(tokens);
            let mut after = before.clone();
            after.verify(&secret("new"), Source::Authorisation, Some("ann"), 3);
            is_worth_it(&before, &after, Some("ann"))
        };
        let (c, d) = (("c", "cy", false), ("d", "dee", false));
        assert!(worth(&[("mine", "ann", false), c, d]), "there is room");
        assert!(!worth(&[("mine", "ann", false), ("theirs", "bob", false), c, d]));
        assert!(!worth(&[("mine", "ann", false), ("theirs", "bob", true), c, d]));
        assert!(worth(&[("mine", "ann", true), ("theirs", "bob", false), c, d]), "their own dead one");
        assert!(worth(&[("mine", "ann", true), ("theirs", "bob", true), c, d]), "it heals");
        assert!(worth(&[("new", "ann", true), ("theirs", "bob", false), c, d]), "it is there already");
    }
}
