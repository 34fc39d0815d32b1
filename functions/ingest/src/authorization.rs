//! Whether a sender over HTTP is mParticle: `Authorization: Token <token>` with a token that the operator gave it.

use secrecy::{ExposeSecret, SecretString};
use secrets::{FirehoseTokens, JsonSecret};

use crate::Refusal;

/// The largest body that is looked at without a token: a registration has about 200 bytes.
pub(crate) const MAX_UNAUTHORIZED_BYTES: usize = 16 * 1024;

/// The tokens that mParticle may present.
#[derive(Debug)]
pub(crate) struct Authorization {
    tokens: JsonSecret<FirehoseTokens>,
}

impl Authorization {
    pub(crate) const fn new(tokens: JsonSecret<FirehoseTokens>) -> Self {
        Self { tokens }
    }

    /// Reads the tokens before they are needed.
    pub(crate) async fn warm(&self) {
        self.tokens.get().await.ok();
    }

    /// A token that is not known may have been changed a moment ago: before it is refused, the tokens are read afresh, at most every ten
    /// seconds, so that strangers do not become calls to Secrets Manager. While they cannot be, it is not refused: mParticle repeats
    /// nothing that was answered with 401.
    pub(crate) async fn check(&self, presented: Option<&SecretString>) -> Result<(), Refusal> {
        let presented = presented.ok_or(Refusal::Unauthorized)?.expose_secret();
        let which = match self.tokens.get().await?.which(presented) {
            None => self.tokens.fresh().await?.which(presented),
            known @ Some(_) => known,
        };
        let which = which.ok_or(Refusal::Unauthorized)?;
        metrics::counter!("authorized", "token" => which.word()).increment(1);
        Ok(())
    }
}
