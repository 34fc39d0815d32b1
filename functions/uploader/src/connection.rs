//! A connection: an advertiser and the token that mParticle was given for it. Finds out whether a token is dead, and what heals it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ids::{AdvertiserId, TokenFingerprint};
use secrecy::SecretString;
use secrets::{Record, Secrets, Source, Token};
use tiktok::{Client, Failure, Meaning};
use tokio::sync::Mutex;

use crate::clock::now_ms;
use crate::outcome::Reason;

/// What an advertiser's record says of the token in use.
#[derive(Debug, Clone)]
pub struct Usable {
    /// The token.
    pub secret: SecretString,
    /// Its fingerprint.
    pub fingerprint: TokenFingerprint,
    /// TikTok accepted it for this advertiser before.
    pub verified: bool,
    source: Source,
    user_known: bool,
}

impl From<&Token> for Usable {
    fn from(token: &Token) -> Self {
        Self {
            secret: token.secret.clone(),
            fingerprint: token.fingerprint,
            verified: token.verified_ms.is_some(),
            source: token.source,
            user_known: token.user.is_some(),
        }
    }
}

/// A connection and its token, or why it waits for one.
#[derive(Debug)]
pub struct Connection {
    /// Whose audiences change.
    pub advertiser: AdvertiserId,
    /// The token that came with the request, by which the connection is known.
    pub fingerprint: TokenFingerprint,
    token: Mutex<Result<Usable, Arc<Reason>>>,
    delivered: AtomicBool,
}

/// What came of examining a token.
#[derive(Debug)]
pub enum Examined {
    /// There is another one to use now.
    Replaced,
    /// The call cannot be done now.
    Later(Arc<Reason>),
}

impl Connection {
    /// The connection of `advertiser` made with the token of that fingerprint, as the record has it.
    #[must_use]
    pub fn new(advertiser: AdvertiserId, fingerprint: TokenFingerprint, record: &Record) -> Self {
        let token = usable(record, fingerprint);
        Self { advertiser, fingerprint, token: Mutex::new(token), delivered: AtomicBool::new(false) }
    }

    /// The token to use.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn token(&self) -> Result<Usable, Arc<Reason>> {
        self.token.lock().await.clone()
    }

    /// Notes that TikTok did a call.
    pub fn delivered(&self) {
        self.delivered.store(true, Ordering::Relaxed);
    }

    /// TikTok refused the token `used` with `failure`. Only when a second, harmless call says the same is it marked dead, for this and later
    /// invocations.
    pub async fn examine(
        &self,
        used: TokenFingerprint,
        failure: &Failure,
        tiktok: &Client,
        secrets: &Secrets,
    ) -> Examined {
        let mut token = self.token.lock().await;
        let secret = match &*token {
            Ok(current) if current.fingerprint == used => current.secret.clone(),
            Ok(_) => return Examined::Replaced,
            Err(waiting) => return Examined::Later(Arc::clone(waiting)),
        };
        let Some(confirmed) = self.confirm_death(&secret, tiktok).await else {
            tracing::warn!(
                advertiser = %self.advertiser, %failure, request_id = failure.trace.request_id,
                "TikTok refused a token that it accepts elsewhere; it is not marked dead"
            );
            return Examined::Later(Arc::new(Reason::from(failure)));
        };
        let why = confirmed.to_string();
        tracing::error!(
            advertiser = %self.advertiser, token = %used, request_id = confirmed.trace.request_id,
            "a token is dead: its connection waits until somebody authorises again: {why}"
        );
        metrics::counter!("tokens_found_dead").increment(1);
        *token = match secrets.update(self.advertiser, |record| record.bury(used, &why, now_ms())).await {
            Ok(record) => usable(&record, self.fingerprint),
            Err(error) => {
                tracing::error!(advertiser = %self.advertiser, %error, "the dead token could not be marked");
                Err(waiting(&why))
            }
        };
        match &*token {
            Ok(_) => Examined::Replaced,
            Err(waiting) => Examined::Later(Arc::clone(waiting)),
        }
    }

    /// The refusal of a harmless call, if there is one: whose token it is, then the advertiser's audiences.
    async fn confirm_death(&self, secret: &SecretString, tiktok: &Client) -> Option<Failure> {
        let refusal = |failure: Failure| (failure.meaning == Meaning::Reauthorise).then_some(failure);
        match tiktok.user(secret).await {
            Ok(_) => tiktok.audiences(secret, self.advertiser, 1).await.err().and_then(refusal),
            Err(failure) => refusal(failure),
        }
    }

    /// Notes in the record that TikTok accepts the token, and whose it is, if calls were done and the record does not know it. Tried
    /// once an invocation.
    pub async fn verify(&self, tiktok: &Client, secrets: &Secrets) {
        let mut token = self.token.lock().await;
        let Ok(token) = token.as_mut() else { return };
        if !self.delivered.load(Ordering::Relaxed) || (token.verified && token.user_known) {
            return;
        }
        let user = match tiktok.user(&token.secret).await {
            Ok(answer) => Some(answer.data.core_user_id),
            Err(failure) => {
                tracing::warn!(advertiser = %self.advertiser, %failure, "TikTok does not say whose token it is");
                None
            }
        };
        let verify = |record: &mut Record| record.verify(&token.secret, token.source, user.as_deref(), now_ms());
        if let Err(error) = secrets.update(self.advertiser, verify).await {
            tracing::warn!(advertiser = %self.advertiser, %error, "a token that TikTok accepts could not be noted as verified");
        }
        (token.verified, token.user_known) = (true, true);
    }
}

fn usable(record: &Record, fingerprint: TokenFingerprint) -> Result<Usable, Arc<Reason>> {
    record.usable(fingerprint).map(Usable::from).ok_or_else(|| match record.get(fingerprint).map(|token| &token.dead) {
        Some(Some(dead)) => waiting(&dead.why),
        Some(None) | None => waiting("the token is not in the advertiser's record"),
    })
}

/// The reason of changes whose connection has no living token.
fn waiting(why: &str) -> Arc<Reason> {
    Reason::new(SUSPENDED, why)
}

/// The reason's word for changes whose connection has no living token.
pub const SUSPENDED: &str = "suspended";
