//! A code becomes a token: at once, and once. Nothing here is tried again, since the code may be spent when the answer is lost.

use secrecy::SecretString;
use tiktok::{AppCredentials, Failure, Grant, Trace};
use tokio::time::timeout;

use crate::App;
use crate::problem::Problem;

/// What a code was exchanged for.
pub(crate) struct Exchanged {
    /// Who this integration is at TikTok, for the calls that follow.
    pub(crate) app: AppCredentials,
    /// The token, and what it covers.
    pub(crate) grant: Grant,
    /// Where to find the call at TikTok.
    pub(crate) trace: Trace,
}

/// Why there is no token.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What the person is told.
    pub(crate) problem: Problem,
    /// What the operator is told, in the log. Safe there.
    pub(crate) why: String,
    /// Where to find the call at TikTok.
    pub(crate) trace: Trace,
}

impl Fault {
    fn ours(why: &impl ToString) -> Self {
        Self { problem: Problem::Operator, why: why.to_string(), trace: Trace::default() }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self { problem: Problem::of_exchange(&failure), why: failure.to_string(), trace: failure.trace }
    }
}

impl App {
    /// Exchanges `code` for a token.
    pub(crate) async fn exchange(&self, code: &SecretString) -> Result<Exchanged, Fault> {
        let secret = timeout(self.config.patience.secret, self.secrets.app(&self.config.app_secret_id)).await;
        let secrets::App { app_id, secret } = secret
            .map_err(|_| Fault::ours(&"Secrets Manager: no answer in time"))?
            .map_err(|error| Fault::ours(&error))?;
        let app = AppCredentials { app_id, secret };
        let answer = self.exchanging.exchange(&app, code).await?;
        Ok(Exchanged { app, grant: answer.data, trace: answer.trace })
    }
}
