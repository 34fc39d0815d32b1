//! A record as it lies in Secrets Manager. People can edit it there: what cannot be read is left out, never a panic.

use ids::TokenFingerprint;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::record::{Dead, Record, Source, Token};

const VERSION: u32 = 1;

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    tokens: Vec<WrittenToken<'a>>,
}

#[derive(Serialize)]
struct WrittenToken<'a> {
    token: &'a str,
    /// For people to find it in logs and dead letters; not read.
    fingerprint: TokenFingerprint,
    source: Source,
    user: Option<&'a str>,
    first_seen_ms: i64,
    verified_ms: Option<i64>,
    dead: Option<&'a Dead>,
}

#[derive(Deserialize)]
struct ReadToken {
    token: SecretString,
    source: Source,
    #[serde(default)]
    user: Option<String>,
    first_seen_ms: i64,
    #[serde(default)]
    verified_ms: Option<i64>,
    #[serde(default)]
    dead: Option<Dead>,
}

impl Record {
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        let tokens = self.tokens.iter().map(|token| WrittenToken {
            token: token.secret.expose_secret(),
            fingerprint: token.fingerprint,
            source: token.source,
            user: token.user.as_deref(),
            first_seen_ms: token.first_seen_ms,
            verified_ms: token.verified_ms,
            dead: token.dead.as_ref(),
        });
        serde_json::to_string(&Written { version: VERSION, tokens: tokens.collect() })
    }

    /// Reads what can be read, and tells how many entries could not be; nonsense as a whole counts as one.
    pub(crate) fn from_json(text: &str) -> (Self, usize) {
        let Ok(Value::Object(mut object)) = serde_json::from_str(text) else { return (Self::default(), 1) };
        let Some(Value::Array(entries)) = object.remove("tokens") else { return (Self::default(), 1) };
        let all = entries.len();
        let mut record = Self::default();
        for token in entries.into_iter().filter_map(|entry| serde_json::from_value::<ReadToken>(entry).ok()) {
            let fingerprint = TokenFingerprint::of(token.token.expose_secret());
            if !token.token.expose_secret().is_empty() && record.get(fingerprint).is_none() {
                record.tokens.push(Token {
                    secret: token.token,
                    fingerprint,
                    source: token.source,
                    user: token.user,
                    first_seen_ms: token.first_seen_ms,
                    verified_ms: token.verified_ms,
                    dead: token.dead,
                });
            }
        }
        let unread = all - record.tokens.len();
        (record, unread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let mut record = Record::default();
        record.verify(&SecretString::from("one"), Source::Firehose, Some("ann"), 1);
        record.note(&SecretString::from("two"), Source::Authorisation, 2);
        record.bury(TokenFingerprint::of("one"), "40105 revoked", 3);
        assert_eq!(Record::from_json(&record.to_json().unwrap()), (record, 0));
    }

    #[test]
    fn what_somebody_broke_by_hand_is_left_out() {
        let one = r#"{"token":"one","source":"firehose","first_seen_ms":1}"#;
        let broken = format!(
            r#"{{"tokens":[{one}, 7, {{"token":""}}, {{"token":"x","source":"moon","first_seen_ms":1}}, {one}]}}"#
        );
        let (record, unread) = Record::from_json(&broken);
        assert_eq!((record.tokens().len(), unread), (1, 4));
        for nonsense in ["", "null", "[]", "{}", r#"{"tokens":{}}"#, "token"] {
            assert_eq!(Record::from_json(nonsense), (Record::default(), 1), "{nonsense}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let (record, _) = Record::from_json(&text);
            prop_assert_eq!(record, Record::default());
        }
    }
}
