//! The tokens that mParticle may present.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use subtle::ConstantTimeEq;

/// `{"current": "…", "previous": "…"}`; `previous` is there while the token is changed. White space around them is no part of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Stored")]
pub struct FirehoseTokens {
    current: SecretString,
    previous: Option<SecretString>,
}

#[derive(Deserialize)]
struct Stored {
    current: SecretString,
    #[serde(default)]
    previous: Option<SecretString>,
}

impl TryFrom<Stored> for FirehoseTokens {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let trimmed = |token: &SecretString| {
            let token = token.expose_secret().trim();
            (!token.is_empty()).then(|| SecretString::from(token))
        };
        let current = trimmed(&stored.current).ok_or("the current token is empty")?;
        Ok(Self { current, previous: stored.previous.as_ref().and_then(trimmed) })
    }
}

impl FirehoseTokens {
    /// Whether `presented` is one of them. Takes the same time whichever of its bytes are wrong.
    #[must_use]
    pub fn accept(&self, presented: &str) -> bool {
        let is = |token: &SecretString| bool::from(token.expose_secret().as_bytes().ct_eq(presented.as_bytes()));
        is(&self.current) | self.previous.as_ref().is_some_and(is)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> FirehoseTokens {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn two_tokens_can_be_valid_and_an_empty_one_never_is() {
        let tokens = read(r#"{"current":"new","previous":"old"}"#);
        assert!(tokens.accept("new") && tokens.accept("old"));
        assert!(!tokens.accept("") && !tokens.accept("ne") && !tokens.accept("newer"));
        assert!(!read(r#"{"current":"new","previous":" "}"#).accept(""));
        assert!(!format!("{tokens:?}").contains("new"));
    }

    #[test]
    fn a_pasted_line_feed_is_no_part_of_a_token() {
        let tokens = read(r#"{"current":"new\n","previous":" old\r\n"}"#);
        assert!(tokens.accept("new") && tokens.accept("old") && !tokens.accept("new\n"));
    }

    #[test]
    fn without_a_current_token_it_is_an_error() {
        for wrong in [r#"{"current":""}"#, r#"{"current":" \n"}"#, r#"{"previous":"old"}"#, "{}"] {
            assert!(serde_json::from_str::<FirehoseTokens>(wrong).is_err(), "{wrong}");
        }
    }
}
