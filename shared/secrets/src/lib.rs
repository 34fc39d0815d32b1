//! What is kept in Secrets Manager: the app's secret, the Firehose token, and a record of tokens for each advertiser.
//!
//! Reads are cached for a short time. It calls nothing but Secrets Manager, and no error or `Debug` output holds a secret.

mod record;
mod store;
mod stored;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

pub use record::{Dead, MAX_TOKENS, Noted, Record, Source, Token};
pub use store::{Error, Secrets};

/// Who this integration is at TikTok: `{"app_id": "…", "secret": "…"}`.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct App {
    /// The app's id.
    pub app_id: String,
    /// The app's secret.
    pub secret: SecretString,
}

/// The tokens that mParticle may present: `{"current": "…", "previous": "…"}`. `previous` is there while the token is rotated.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct FirehoseTokens {
    current: SecretString,
    #[serde(default)]
    previous: Option<SecretString>,
}

impl FirehoseTokens {
    /// Whether `presented` is one of them. Takes the same time whichever of its bytes are wrong.
    #[must_use]
    pub fn accept(&self, presented: &str) -> bool {
        let is = |token: &SecretString| {
            !token.expose_secret().is_empty() & bool::from(token.expose_secret().as_bytes().ct_eq(presented.as_bytes()))
        };
        is(&self.current) | self.previous.as_ref().is_some_and(is)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_firehose_tokens_can_be_valid_and_an_empty_one_never_is() {
        let tokens: FirehoseTokens = serde_json::from_str(r#"{"current":"new","previous":"old"}"#).unwrap();
        assert!(tokens.accept("new") && tokens.accept("old"));
        assert!(!tokens.accept("") && !tokens.accept("ne") && !tokens.accept("newer"));
        let blank: FirehoseTokens = serde_json::from_str(r#"{"current":"new","previous":""}"#).unwrap();
        assert!(!blank.accept(""));
        assert!(!format!("{tokens:?}").contains("new"));
    }
}
