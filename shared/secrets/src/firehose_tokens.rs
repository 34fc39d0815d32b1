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
    /// Which of them `presented` is, if it is one. Takes the same time whichever of its bytes are wrong.
    #[must_use]
    pub fn which(&self, presented: &str) -> Option<FirehoseToken> {
        let is = |token: &SecretString| bool::from(token.expose_secret().as_bytes().ct_eq(presented.as_bytes()));
        match (is(&self.current), self.previous.as_ref().is_some_and(is)) {
            (true, _) => Some(FirehoseToken::Current),
            (false, true) => Some(FirehoseToken::Previous),
            (false, false) => None,
        }
    }
}

/// One of the two tokens that are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirehoseToken {
    /// The one that mParticle is to use.
    Current,
    /// The one of before, while it is changed.
    Previous,
}

impl FirehoseToken {
    /// Its word in metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Previous => "previous",
        }
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
        assert_eq!(
            (tokens.which("new"), tokens.which("old")),
            (Some(FirehoseToken::Current), Some(FirehoseToken::Previous))
        );
        assert_eq!([tokens.which(""), tokens.which("ne"), tokens.which("newer")], [None; 3]);
        assert_eq!(read(r#"{"current":"new","previous":" "}"#).which(""), None);
        assert!(!format!("{tokens:?}").contains("new"));
    }

    #[test]
    fn a_pasted_line_feed_is_no_part_of_a_token() {
        let tokens = read(r#"{"current":"new\n","previous":" old\r\n"}"#);
        assert_eq!(
            (tokens.which("new"), tokens.which("old")),
            (Some(FirehoseToken::Current), Some(FirehoseToken::Previous))
        );
        assert_eq!(tokens.which("new\n"), None);
    }

    #[test]
    fn without_a_current_token_it_is_an_error() {
        for wrong in [r#"{"current":""}"#, r#"{"current":" \n"}"#, r#"{"previous":"old"}"#, "{}"] {
            assert!(serde_json::from_str::<FirehoseTokens>(wrong).is_err(), "{wrong}");
        }
    }
}
