//! The client of the control API, for stories and the demo: what a test wants to set up, break and look at, as typed calls.
//! Plain HTTP to loopback only. What it sends and gets is in `control/messages.rs`, and in the modules of each concern; the
//! other side of it is `control/server.rs`.

mod audiences;
mod faults;
mod inspection;
mod messages;
pub(crate) mod server;
mod setup;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use audiences::{AudienceChange, AudienceView, NewAudience, Poison};
pub use messages::{AdvertiserChange, Customer, NewAdvertiser, NewApp, NewGrant, NewPerson, PersonChange, Token};

/// A client of one sandbox.
#[derive(Clone, Debug)]
pub struct Control {
    http: Client,
    base_url: String,
}

/// Why a control call failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No TLS settings could be made (they are needed even for plain HTTP).
    #[error("cannot set TLS up: {0}")]
    Tls(#[from] rustls::Error),
    /// The sandbox was not reached, or its answer could not be read.
    #[error("the sandbox cannot be reached: {0}")]
    Unreachable(#[from] reqwest::Error),
    /// The sandbox said no.
    #[error("the sandbox answered {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// Its words.
        message: String,
    },
    /// The consent page did not send the browser anywhere.
    #[error("the consent page gave no address to return to")]
    NoReturn,
}

type Result<T> = std::result::Result<T, ControlError>;

impl Control {
    /// A client of the sandbox at `http://127.0.0.1:PORT`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(base_url: &str) -> Result<Self> {
        let http = loopback_client()?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned() })
    }
}

/// An HTTP client for plain loopback, without proxies and without following redirects. reqwest is built here without a
/// default crypto provider, and its own constructor panics; this one is given a provider and leaves the process's alone.
///
/// # Errors
/// When the HTTP client cannot be built.
pub fn loopback_client() -> Result<Client> {
    let provider = rustls::crypto::ring::default_provider();
    let tls = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(Client::builder().tls_backend_preconfigured(tls).redirect(redirect::Policy::none()).no_proxy().build()?)
}

impl Control {
    fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path))
    }

    fn delete(&self, path: &str) -> RequestBuilder {
        self.http.delete(self.url(path))
    }

    fn post(&self, path: &str, body: &impl Serialize) -> RequestBuilder {
        self.send(Method::POST, path, body)
    }

    fn send(&self, method: Method, path: &str, body: &impl Serialize) -> RequestBuilder {
        self.http.request(method, self.url(path)).json(body)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/_sandbox/{path}", self.base_url)
    }

    async fn value<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        Ok(accepted(request).await?.json().await?)
    }

    async fn done(&self, request: RequestBuilder) -> Result<()> {
        accepted(request).await.map(drop)
    }
}

async fn accepted(request: RequestBuilder) -> Result<Response> {
    let response = request.send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    Err(ControlError::Refused { status, message: response.text().await? })
}
