//! The tokens of one advertiser: whose they are, which may be used, which one may stand in for another.
//!
//! Nobody vouches for the token in a request, so a token that TikTok never accepted displaces nothing. Pure: no I/O and no clock.

use ids::TokenFingerprint;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// How many tokens a record holds.
pub const MAX_TOKENS: usize = 4;

/// Where a token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A customer pasted it into mParticle.
    Firehose,
    /// The authorisation page added it.
    Authorisation,
}

/// When and why a token was found dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dead {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// TikTok's code and words.
    pub why: String,
}

/// A token and what is known of it.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token itself.
    pub secret: SecretString,
    /// Its name where it may not be written.
    pub fingerprint: TokenFingerprint,
    /// Where it came from.
    pub source: Source,
    /// `core_user_id` of the TikTok user who granted it, once TikTok said so.
    pub user: Option<String>,
    /// Milliseconds since 1970.
    pub first_seen_ms: i64,
    /// Since when TikTok accepts it for this advertiser, in milliseconds since 1970; `None` if it never did.
    pub verified_ms: Option<i64>,
    /// Whether it died since.
    pub dead: Option<Dead>,
}

impl PartialEq for Token {
    /// The fingerprint stands for the secret.
    fn eq(&self, other: &Self) -> bool {
        (self.fingerprint, self.source, &self.user, self.first_seen_ms, self.verified_ms, &self.dead)
            == (other.fingerprint, other.source, &other.user, other.first_seen_ms, other.verified_ms, &other.dead)
    }
}

/// What became of a token that was to be noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It is in the record already, in whatever state.
    Known,
    /// It is now, as not verified.
    Added,
    /// The record is full of tokens that TikTok accepted at some time; they are not displaced.
    NoRoom,
}

/// The tokens of one advertiser. Empty for an advertiser that is not connected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    pub(crate) tokens: Vec<Token>,
}

impl Record {
    /// All of them, oldest first.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The token of that fingerprint, in whatever state.
    #[must_use]
    pub fn get(&self, fingerprint: TokenFingerprint) -> Option<&Token> {
        self.tokens.iter().find(|token| token.fingerprint == fingerprint)
    }

    /// The token to use for a connection that was made with `fingerprint`: itself while it lives; once verified and dead, the newest living
    /// verified token of the same TikTok user, and no other's.
    #[must_use]
    pub fn usable(&self, fingerprint: TokenFingerprint) -> Option<&Token> {
        let token = self.get(fingerprint)?;
        if token.dead.is_none() {
            return Some(token);
        }
        token.verified_ms?;
        let user = token.user.as_ref()?;
        let heals = |other: &&Token| {
            other.dead.is_none()
                && other.verified_ms.is_some()
                && other.user.as_ref() == Some(user)
                && other.first_seen_ms >= token.first_seen_ms
        };
        self.tokens.iter().filter(heals).max_by_key(|other| other.first_seen_ms)
    }

    /// Adds a token of which nothing is known. It takes the place of one that was never verified, if one must go, and of no other.
    pub fn note(&mut self, secret: &SecretString, source: Source, now_ms: i64) -> Noted {
        let fingerprint = TokenFingerprint::of(secret.expose_secret());
        if self.get(fingerprint).is_some() {
            return Noted::Known;
        }
        if self.tokens.len() >= MAX_TOKENS {
            let dead_first = |token: &&Token| (token.dead.is_none(), token.first_seen_ms);
            let unverified = self.tokens.iter().filter(|token| token.verified_ms.is_none()).min_by_key(dead_first);
            let Some(gone) = unverified.map(|token| token.fingerprint) else { return Noted::NoRoom };
            self.tokens.retain(|token| token.fingerprint != gone);
        }
        self.tokens.push(Token {
            secret: secret.clone(),
            fingerprint,
            source,
            user: None,
            first_seen_ms: now_ms,
            verified_ms: None,
            dead: None,
        });
        Noted::Added
    }

    /// Notes that TikTok accepts `secret` for this advertiser, granted by `user` if that is known. It lives again if it was dead, and finds room
    /// in a full record at the cost of, in this order: one never verified, a dead one of another user (the same user's is what it heals), a dead
    /// one of the same user, the oldest living one of the same user, the oldest.
    pub fn verify(&mut self, secret: &SecretString, source: Source, user: Option<&str>, now_ms: i64) {
        if self.note(secret, source, now_ms) == Noted::NoRoom {
            let is_same = |token: &Token| user.is_some() && token.user.as_deref() == user;
            let expendable =
                |token: &&Token| (token.dead.is_none(), is_same(token) == token.dead.is_some(), token.first_seen_ms);
            if let Some(gone) = self.tokens.iter().min_by_key(expendable).map(|token| token.fingerprint) {
                self.tokens.retain(|token| token.fingerprint != gone);
            }
            self.note(secret, source, now_ms);
        }
        let fingerprint = TokenFingerprint::of(secret.expose_secret());
        if let Some(token) = self.tokens.iter_mut().find(|token| token.fingerprint == fingerprint) {
            token.verified_ms.get_or_insert(now_ms);
            token.dead = None;
            if let Some(user) = user {
                token.user = Some(user.to_owned());
            }
        }
    }

    /// Notes that the token of that fingerprint is dead. The first reason is kept.
    pub fn bury(&mut self, fingerprint: TokenFingerprint, why: &str, now_ms: i64) {
        if let Some(token) = self.tokens.iter_mut().find(|token| token.fingerprint == fingerprint) {
            token.dead.get_or_insert_with(|| Dead { at_ms: now_ms, why: why.to_owned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str) -> SecretString {
        SecretString::from(name.to_owned())
    }

    fn fingerprint(name: &str) -> TokenFingerprint {
        TokenFingerprint::of(name)
    }

    /// The token that a connection made with `name` uses.
    fn used(record: &Record, name: &str) -> Option<String> {
        record.usable(fingerprint(name)).map(|token| token.secret.expose_secret().to_owned())
    }

    #[test]
    fn an_unknown_token_is_not_verified_and_used_only_by_its_own_connection() {
        let mut record = Record::default();
        assert_eq!(record.note(&secret("mine"), Source::Firehose, 1), Noted::Added);
        assert_eq!(record.note(&secret("mine"), Source::Firehose, 2), Noted::Known);
        assert_eq!(used(&record, "mine").as_deref(), Some("mine"));
        assert_eq!(used(&record, "other"), None);
        assert_eq!(record.get(fingerprint("mine")).unwrap().first_seen_ms, 1);
    }

    #[test]
    fn bogus_tokens_displace_one_another_but_none_that_was_verified() {
        let mut record = Record::default();
        record.verify(&secret("rightful"), Source::Firehose, Some("ann"), 1);
        for n in 0..10 {
            assert_eq!(record.note(&secret(&format!("bogus {n}")), Source::Firehose, 2 + n), Noted::Added);
        }
        assert_eq!(record.tokens().len(), MAX_TOKENS);
        assert_eq!(used(&record, "rightful").as_deref(), Some("rightful"));

        for name in ["b", "c", "d"] {
            record.verify(&secret(name), Source::Firehose, Some(name), 20);
        }
        let before = record.clone();
        assert_eq!(record.note(&secret("bogus"), Source::Firehose, 30), Noted::NoRoom);
        assert_eq!(record, before);
    }

    #[test]
    fn a_verified_token_finds_room_at_the_cost_of_the_dead() {
        let mut record = Record::default();
        for (n, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
            record.verify(&secret(name), Source::Firehose, Some(name), i64::try_from(n).unwrap());
        }
        record.bury(fingerprint("c"), "40105", 9);
        record.verify(&secret("e"), Source::Authorisation, Some("e"), 10);
        assert!(record.get(fingerprint("c")).is_none());
        record.verify(&secret("f"), Source::Authorisation, Some("f"), 11);
        assert!(record.get(fingerprint("a")).is_none());
    }

    #[test]
    fn in_a_full_record_it_does_not_push_out_the_dead_token_that_it_heals() {
        let mut record = Record::default();
        for (n, (name, user)) in [("mine", "ann"), ("theirs", "bob"), ("c", "cy"), ("d", "dee")].into_iter().enumerate()
        {
            record.verify(&secret(name), Source::Firehose, Some(user), i64::try_from(n).unwrap());
        }
        record.bury(fingerprint("mine"), "40105", 9);
        record.bury(fingerprint("theirs"), "40105", 9);
        record.verify(&secret("new"), Source::Authorisation, Some("ann"), 10);
        assert_eq!(used(&record, "mine").as_deref(), Some("new"));
        assert!(record.get(fingerprint("theirs")).is_none());

        record.verify(&secret("d2"), Source::Authorisation, Some("dee"), 11);
        record.verify(&secret("d3"), Source::Authorisation, Some("dee"), 12);
        assert!(record.get(fingerprint("d")).is_none(), "a user's own tokens go before those of others");
        assert!(record.get(fingerprint("c")).is_some());
    }

    #[test]
    fn a_dead_token_is_healed_by_a_newer_one_of_the_same_user_and_no_other() {
        let mut record = Record::default();
        record.verify(&secret("agency"), Source::Firehose, Some("agency user"), 1);
        record.verify(&secret("old"), Source::Firehose, Some("client user"), 2);
        record.bury(fingerprint("agency"), "40105", 3);
        record.bury(fingerprint("old"), "40105", 3);
        assert_eq!(used(&record, "old"), None);

        record.note(&secret("new"), Source::Authorisation, 4);
        assert_eq!(used(&record, "old"), None, "not before TikTok accepted it");
        record.verify(&secret("new"), Source::Authorisation, Some("client user"), 5);
        assert_eq!(used(&record, "old").as_deref(), Some("new"));
        assert_eq!(used(&record, "agency"), None, "a former agency does not ride on its client's token");
    }

    #[test]
    fn one_that_was_never_verified_is_never_healed() {
        let mut record = Record::default();
        record.note(&secret("bogus"), Source::Firehose, 1);
        record.bury(fingerprint("bogus"), "40105", 2);
        record.verify(&secret("good"), Source::Firehose, None, 3);
        assert_eq!(used(&record, "bogus"), None);
    }

    #[test]
    fn a_token_that_tiktok_accepts_again_lives_again() {
        let mut record = Record::default();
        record.verify(&secret("mine"), Source::Firehose, Some("ann"), 1);
        record.bury(fingerprint("mine"), "40001", 2);
        record.bury(fingerprint("mine"), "40105", 3);
        assert_eq!(record.get(fingerprint("mine")).unwrap().dead.as_ref().unwrap().why, "40001");
        record.verify(&secret("mine"), Source::Firehose, None, 4);
        let token = record.usable(fingerprint("mine")).unwrap();
        assert_eq!((token.verified_ms, token.user.as_deref()), (Some(1), Some("ann")));
    }

    #[test]
    fn debug_output_holds_no_token() {
        let mut record = Record::default();
        record.note(&secret("s3cr3t"), Source::Firehose, 1);
        assert!(!format!("{record:?}").contains("s3cr3t"));
    }
}
