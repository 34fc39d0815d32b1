//! A code becomes a token. TikTok takes a code once, so an exchange is made again only where the code is certainly unspent.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tiktok::{AppCredentials, Client, Failure, Grant, Meaning, Passing, Trace};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::App;
use crate::problem::Problem;

/// Before an exchange is made again. TikTok's calls of a second come back with the next second; what is throttled then too meets more
/// than a moment's calls, and has to add few to them.
const PAUSES: [Duration; 2] = [Duration::from_millis(1_100), Duration::from_secs(4)];
/// An exchange that has less time than this is not begun: its answer would come too late, and the code would be spent.
const LEAST_TIME: Duration = Duration::from_secs(4);

/// What a code was exchanged for.
pub(crate) struct Exchanged {
    /// Who this integration is at TikTok, for the calls that follow.
    pub(crate) app: Arc<AppCredentials>,
    /// The token, and what it covers.
    pub(crate) grant: Grant,
    /// A client whose connection is open.
    pub(crate) client: Client,
    /// Where to find the call at TikTok.
    pub(crate) trace: Trace,
}

/// Why there is no token.
#[derive(Debug)]
pub(crate) struct NotExchanged {
    /// What the person is told.
    pub(crate) problem: Problem,
    /// What the operator is told, in the log. Safe there.
    pub(crate) cause: String,
    /// Where to find the call at TikTok.
    pub(crate) trace: Trace,
}

impl NotExchanged {
    fn of_operator(cause: &impl ToString) -> Self {
        Self { problem: Problem::Operator, cause: cause.to_string(), trace: Trace::default() }
    }
}

impl From<secrets::Error> for NotExchanged {
    fn from(error: secrets::Error) -> Self {
        let fault = Self::of_operator(&error);
        // The code is unspent: nothing was asked of TikTok, or TikTok refused the app's secret before it looked at the code.
        if error.is_passing() { Self { problem: Problem::BUSY_ELSEWHERE, ..fault } } else { fault }
    }
}

impl From<Failure> for NotExchanged {
    fn from(failure: Failure) -> Self {
        Self { problem: Problem::of_exchange(&failure), cause: failure.to_string(), trace: failure.trace }
    }
}

impl App {
    /// Exchanges `code` for a token.
    pub(crate) async fn exchange(&self, code: &SecretString) -> Result<Exchanged, NotExchanged> {
        let limits = self.config.time_limits;
        let mut app = self.in_time(Box::pin(self.credentials.get())).await?;
        // A client for each authorization: a connection kept from the last one may have been closed while Lambda had the function
        // frozen, and then nobody would know whether the code was sent.
        let client = Client::new(&self.config.tiktok_api_base_url, limits.exchange)
            .map_err(|error| NotExchanged::of_operator(&error))?;
        let deadline = Instant::now() + limits.exchange;
        let mut pauses = PAUSES.into_iter();
        loop {
            let answer = timeout_at(deadline, client.exchange(&app, code)).await;
            let failure = match answer {
                Ok(Ok(answer)) => return Ok(Exchanged { app, grant: answer.data, client, trace: answer.trace }),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::without_answer("no answer in time"),
            };
            if failure.meaning == Meaning::Operator {
                // The secret may have been changed since it was read; TikTok refuses a wrong one before it looks at the code.
                let fresh = self.in_time(Box::pin(self.credentials.fresh())).await?;
                if is_same(&fresh, &app) {
                    return Err(failure.into());
                }
                app = fresh;
                if Instant::now() + LEAST_TIME > deadline {
                    return Err(NotExchanged { problem: Problem::BUSY_ELSEWHERE, ..failure.into() });
                }
                continue;
            }
            let again = pauses.next().and_then(|pause| self.when_again(&failure, pause, deadline));
            let Some(again) = again else { return Err(failure.into()) };
            sleep_until(again).await;
        }
    }

    /// The app's credentials, if they can be read in time.
    async fn in_time(
        &self,
        read: impl Future<Output = Result<Arc<AppCredentials>, secrets::Error>>,
    ) -> Result<Arc<AppCredentials>, NotExchanged> {
        let late = |_| secrets::Error::Unavailable("no answer in time".to_owned());
        Ok(timeout(self.config.time_limits.secret, read).await.map_err(late)??)
    }

    /// When an exchange that failed is made again, if its code is unspent and there is time.
    fn when_again(&self, failure: &Failure, pause: Duration, deadline: Instant) -> Option<Instant> {
        let not_before = Instant::now() + pause;
        let latest = deadline.checked_sub(LEAST_TIME)?;
        let mut exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
        (is_unspent(failure) && not_before <= latest).then(|| exchanges.again(not_before, latest)).flatten()
    }
}

fn is_same(one: &AppCredentials, other: &AppCredentials) -> bool {
    one.app_id == other.app_id && one.secret.expose_secret() == other.secret.expose_secret()
}

/// Whether the code of a failed exchange is certainly unspent.
const fn is_unspent(failure: &Failure) -> bool {
    match failure.meaning.passing() {
        Some(Passing::Throttled) => true,
        Some(Passing::Trouble) => failure.not_sent,
        None => false,
    }
}
