//! mParticle, as far as the product sees it: it sends by either transport, and repeats what it is told to repeat.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::{Client, header};
use serde::Deserialize;
use serde_json::Value;

use crate::cloud::Cloud;
use crate::leaks::Confidential;

/// How often a message is sent that is answered with "later".
const TRIES: u32 = 6;
/// Requests under way at once.
const PARALLEL: usize = 6;

/// By which way a message goes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTPS, with the Firehose token.
    Http,
    /// An invocation of the function's alias.
    Lambda,
}

impl Transport {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Http, Self::Lambda];
}

/// What a message is answered with.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The Firehose response.
    Response(Value),
    /// A refusal.
    Refused(Refusal),
}

/// Why a message is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status; a direct invocation has none.
    pub status: Option<u16>,
    /// The same by both transports.
    pub error: ErrorBody,
}

/// What the answer says of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ErrorBody {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
    /// What is wrong, if it is a field.
    pub field: Option<String>,
}

/// A refusal that repeats what is secret or personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak(Vec<String>);

impl std::error::Error for Leak {}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a refusal holds what it must not: {:?}", self.0)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorBody { code, message, field } = &self.error;
        write!(f, "{code}: {message} (status {:?}, field {field:?})", self.status)
    }
}

impl Answer {
    /// The response.
    ///
    /// # Errors
    /// What was refused, and why.
    pub fn response(self) -> Result<Value> {
        match self {
            Self::Response(response) => Ok(response),
            Self::Refused(refusal) => Err(anyhow!("refused with {refusal}")),
        }
    }

    /// The refusal.
    ///
    /// # Errors
    /// When it was not refused.
    pub fn refusal(self) -> Result<Refusal> {
        match self {
            Self::Response(response) => bail!("accepted with {response}"),
            Self::Refused(refusal) => Ok(refusal),
        }
    }

    /// Whether sending the same again later can help.
    #[must_use]
    pub fn later(&self) -> bool {
        match self {
            Self::Response(_) => false,
            Self::Refused(Refusal { status: Some(status), .. }) => matches!(status, 408 | 429 | 500 | 502..=504),
            Self::Refused(Refusal { error, .. }) => error.code.ends_with("_unavailable") || error.code == "internal",
        }
    }
}

/// A sender of Firehose messages.
#[derive(Clone, Debug)]
pub struct MParticle {
    http: Client,
    cloud: Cloud,
    /// `POST /v1/firehose`.
    url: String,
    function: String,
    /// The token of the HTTPS transport.
    pub token: String,
    confidential: Arc<Confidential>,
}

impl MParticle {
    /// mParticle in front of the API at `api_url` and of the alias `function`.
    #[must_use]
    pub fn new(
        http: Client,
        cloud: Cloud,
        api_url: &str,
        function: &str,
        token: &str,
        confidential: Arc<Confidential>,
    ) -> Self {
        let (url, function) = (format!("{api_url}/v1/firehose"), function.to_owned());
        Self { http, cloud, url, function, token: token.to_owned(), confidential }
    }

    /// Sends a message once.
    ///
    /// # Errors
    /// When there is no answer, or none that the protocol knows.
    pub async fn send(&self, transport: Transport, message: &Value) -> Result<Answer> {
        self.confidential.add_message(message);
        self.send_bytes(transport, message.to_string().into_bytes()).await
    }

    /// Sends bytes that may be no message.
    ///
    /// # Errors
    /// As of `send`.
    pub async fn send_bytes(&self, transport: Transport, body: Vec<u8>) -> Result<Answer> {
        match transport {
            Transport::Http => self.post(body, Some(&format!("Token {}", self.token))).await,
            Transport::Lambda => self.invoke(body).await,
        }
    }

    /// Sends a message as often as mParticle does, until it is accepted.
    ///
    /// # Errors
    /// When it is refused for good.
    pub async fn deliver(&self, transport: Transport, message: &Value) -> Result<Value> {
        let mut pause = Duration::from_millis(500);
        for _ in 1..TRIES {
            let answer = self.send(transport, message).await?;
            if !answer.later() {
                return answer.response();
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.send(transport, message).await?.response()
    }

    /// Delivers messages by both transports in turn, several at a time, and tells after each how many are through.
    ///
    /// # Errors
    /// When one is refused for good.
    pub async fn deliver_all(&self, messages: &[Value], mut through: impl FnMut(usize)) -> Result<()> {
        let transports = Transport::BOTH.into_iter().cycle();
        let sending = messages.iter().zip(transports).map(|(message, transport)| self.deliver(transport, message));
        let mut sending = stream::iter(sending).buffer_unordered(PARALLEL);
        let mut count = 0;
        while sending.try_next().await?.is_some() {
            count += 1;
            through(count);
        }
        Ok(())
    }

    /// Posts a body, with this `Authorization`.
    ///
    /// # Errors
    /// As of `send`.
    pub async fn post(&self, body: Vec<u8>, authorization: Option<&str>) -> Result<Answer> {
        let request = self.http.post(&self.url).header(header::CONTENT_TYPE, "application/json").body(body);
        let request = authorization.into_iter().fold(request, |to, value| to.header(header::AUTHORIZATION, value));
        let answer = request.timeout(Duration::from_mins(1)).send().await.context("POST /v1/firehose")?;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.with_context(|| format!("HTTP {status} without JSON"))?;
        if status == 200 {
            return Ok(Answer::Response(body));
        }
        let error = ErrorBody::deserialize(&body["error"]).with_context(|| format!("HTTP {status} with {body}"))?;
        self.refused(Some(status), error)
    }

    async fn invoke(&self, body: Vec<u8>) -> Result<Answer> {
        let invoked = self.cloud.invoke(&self.function, body).await?;
        if !invoked.failed {
            return Ok(Answer::Response(invoked.payload));
        }
        let (kind, error) = (invoked.payload["errorType"].as_str(), invoked.payload["errorMessage"].as_str());
        let error: ErrorBody = serde_json::from_str(error.unwrap_or_default())
            .with_context(|| format!("a function error that is not the product's: {}", invoked.payload))?;
        anyhow::ensure!(kind == Some(&error.code), "errorType {kind:?} is not the code {}", error.code);
        self.refused(None, error)
    }

    /// Whatever is wrong with a message, a refusal repeats nothing of what is secret or personal in it.
    fn refused(&self, status: Option<u16>, error: ErrorBody) -> Result<Answer> {
        let leaks = self.confidential.leaks_in(&format!("{} {:?}", error.message, error.field));
        anyhow::ensure!(leaks.is_empty(), Leak(leaks));
        Ok(Answer::Refused(Refusal { status, error }))
    }
}
