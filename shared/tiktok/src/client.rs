//! The HTTP client: one base address, one connection pool, no redirects, no retries.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ids::AdvertiserId;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use url::Url;

use crate::answer::read;
use crate::{Answer, Failure, Mapping, Meaning};

/// The address is not one that can be called.
#[derive(Debug, thiserror::Error)]
#[error(
    "TikTok's base address must be an http or https URL without a query, such as https://business-api.tiktok.com/open_api/v1.3"
)]
pub struct InvalidAddress;

/// TikTok's Business API at one address. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    /// Built at the first call: it reads the system's certificates, a millisecond of a cold start, and most instances of `ingest` call
    /// TikTok never.
    http: Arc<OnceLock<reqwest::Client>>,
    timeout: Duration,
    /// Without a slash at its end.
    base: String,
}

impl Client {
    /// A client of the API at `base`; `timeout` bounds each call from connecting to the last byte, where the call has none of its own.
    ///
    /// # Errors
    /// [`InvalidAddress`].
    pub fn new(base: &str, timeout: Duration) -> Result<Self, InvalidAddress> {
        let url = Url::parse(base).map_err(|_| InvalidAddress)?;
        let callable = matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none();
        if !callable || url.fragment().is_some() || !url.username().is_empty() {
            return Err(InvalidAddress);
        }
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Lost only to another thread that installs one at the same moment, which serves as well.
            rustls::crypto::ring::default_provider().install_default().ok();
        }
        Ok(Self { http: Arc::default(), timeout, base: url.as_str().trim_end_matches('/').to_owned() })
    }

    /// Puts ids into audiences, or takes them out: `POST /segment/mapping/`. Repeating a call is harmless. `timeout` bounds this call in the
    /// place of the client's.
    ///
    /// # Errors
    /// [`Failure`] says what TikTok's answer means. [`Meaning::PartlySuccessful`](crate::Meaning) is a failure too.
    pub async fn map(
        &self,
        token: &SecretString,
        mapping: &Mapping<'_>,
        timeout: Duration,
    ) -> Result<Answer<()>, Failure> {
        let request = self.request(Method::POST, "/segment/mapping/")?.header("Access-Token", token.expose_secret());
        let request = request.header(CONTENT_TYPE, "application/json").body(mapping.body());
        let answer: Answer<IgnoredAny> = read(request.timeout(timeout).send().await, &[token]).await?;
        Ok(Answer { data: (), trace: answer.trace })
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        token: &SecretString,
        body: &(impl Serialize + ?Sized),
    ) -> Result<Answer<T>, Failure> {
        let request = self.request(Method::POST, path)?.header("Access-Token", token.expose_secret()).json(body);
        read(request.send().await, &[token]).await
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        token: &SecretString,
        query: &[(&str, &str)],
    ) -> Result<Answer<T>, Failure> {
        let request = self.request(Method::GET, path)?.header("Access-Token", token.expose_secret()).query(query);
        read(request.send().await, &[token]).await
    }

    /// `path` starts and ends with a slash: without the one at the end TikTok answers 404.
    pub(crate) fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        Ok(self.http()?.request(method, format!("{}{path}", self.base)))
    }

    fn http(&self) -> Result<&reqwest::Client, Failure> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = build(self.timeout).map_err(|error| {
            let message = format!("the HTTPS client cannot be set up: {}", error.without_url());
            Failure { meaning: Meaning::Operator, not_sent: true, ..Failure::without_answer(&message) }
        })?;
        // Two first calls at once may build two: one is kept.
        Ok(self.http.get_or_init(|| http))
    }
}

fn build(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(Policy::none())
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(5)))
        .user_agent(concat!("mparticle-tiktok-audiences/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// The one advertiser that a query is about.
pub(crate) fn advertiser_query(advertiser: AdvertiserId) -> (&'static str, String) {
    ("advertiser_id", advertiser.to_string())
}
