//! The local cloud's own control calls (`infra/README.md`): AWS services that fail, killed functions. Nothing of it is
//! on AWS.

use anyhow::{Context, Result};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Cloud, accepted};

/// How a service of the local cloud misbehaves, and for which calls. Begin with one of the constructors and narrow it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AwsFault {
    service: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<&'static str>,
    kind: Value,
    when: Value,
    skip: u32,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsFaultKind {
    /// Refused: too many requests.
    Throttled,
    /// Carried out after so many milliseconds.
    Slow(u64),
    /// HTTP 503, and not carried out.
    Down,
    /// The first entry of a batch fails; the others are carried out.
    EntryRefused,
    /// Carried out, and the connection is closed without an answer.
    AnswerLost,
}

impl AwsFaultKind {
    fn json(self) -> Value {
        match self {
            Self::Throttled => json!({ "throttled": {} }),
            Self::Slow(ms) => json!({ "slow": { "ms": ms } }),
            Self::Down => json!({ "down": {} }),
            Self::EntryRefused => json!({ "entry_refused": {} }),
            Self::AnswerLost => json!({ "answer_lost": {} }),
        }
    }
}

impl AwsFault {
    fn of(service: &'static str, kind: AwsFaultKind) -> Self {
        let (kind, when) = (kind.json(), json!("always"));
        Self { service, action: None, resource: None, caller: None, kind, when, skip: 0 }
    }

    /// Every call of SQS.
    #[must_use]
    pub fn sqs(kind: AwsFaultKind) -> Self {
        Self::of("sqs", kind)
    }

    /// Every call of Secrets Manager.
    #[must_use]
    pub fn secrets(kind: AwsFaultKind) -> Self {
        Self::of("secretsmanager", kind)
    }

    /// Only calls of this name, like `SendMessageBatch`.
    #[must_use]
    pub fn on(self, action: &'static str) -> Self {
        Self { action: Some(action), ..self }
    }

    /// Only calls that name this queue or secret, or one whose name holds this.
    #[must_use]
    pub fn of_resource(self, part: &str) -> Self {
        Self { resource: Some(part.to_owned()), ..self }
    }

    /// Only calls of this function.
    #[must_use]
    pub fn by(self, function: &'static str) -> Self {
        Self { caller: Some(function), ..self }
    }

    /// Only the next so many.
    #[must_use]
    pub fn next(self, calls: u32) -> Self {
        Self { when: json!({ "next": calls }), ..self }
    }

    /// Only this share of them, 0 to 1, by a seed.
    #[must_use]
    pub fn share(self, share: f64, seed: u64) -> Self {
        Self { when: json!({ "share": share, "seed": seed }), ..self }
    }

    /// Lets so many matching calls through first.
    #[must_use]
    pub fn after(self, calls: u32) -> Self {
        Self { skip: calls, ..self }
    }
}

impl Cloud {
    /// Sets a fault of AWS. Returns the fault's number.
    ///
    /// # Errors
    /// When the local cloud is not reached or does not understand it.
    pub async fn fault(&self, fault: &AwsFault) -> Result<u64> {
        let answer = self.control(Method::POST, "faults", Some(&json!(fault))).await?;
        answer["number"].as_u64().with_context(|| format!("the local cloud answers {answer}"))
    }

    /// How many calls a fault of AWS hit so far; 0 if there is none of this number.
    ///
    /// # Errors
    /// When the local cloud is not reached.
    pub async fn fault_hits(&self, number: u64) -> Result<u64> {
        let listed = self.control(Method::GET, "faults", None).await?;
        let found = listed.as_array().into_iter().flatten().find(|fault| fault["number"] == number);
        Ok(found.and_then(|fault| fault["fired"].as_u64()).unwrap_or_default())
    }

    /// Ends one fault of AWS. Returns how many calls it hit.
    ///
    /// # Errors
    /// When the local cloud is not reached, or has no fault of this number.
    pub async fn clear_fault(&self, number: u64) -> Result<u64> {
        let answer = self.control(Method::DELETE, &format!("faults/{number}"), None).await?;
        answer["fired"].as_u64().with_context(|| format!("the local cloud answers {answer}"))
    }

    /// Ends all faults of AWS.
    ///
    /// # Errors
    /// When the local cloud is not reached.
    pub async fn clear_faults(&self) -> Result<()> {
        self.control(Method::DELETE, "faults", None).await.map(drop)
    }

    /// How many invocations of a function are running.
    ///
    /// # Errors
    /// When the local cloud is not reached.
    pub async fn running(&self, function: &str) -> Result<u64> {
        self.instances(function, "running").await
    }

    /// How many invocations of a function Lambda ended at their time-out.
    ///
    /// # Errors
    /// When the local cloud is not reached.
    pub async fn timed_out(&self, function: &str) -> Result<u64> {
        self.instances(function, "timed_out").await
    }

    /// A function that was never invoked has no instances.
    async fn instances(&self, function: &str, state: &str) -> Result<u64> {
        let listed = self.control(Method::GET, "instances", None).await?;
        let mut functions = listed.as_object().context("no object of functions")?.iter();
        let found = functions.find(|(name, _)| name.ends_with(function));
        found.map_or(Ok(0), |(_, counts)| counts[state].as_u64().with_context(|| format!("no {state} in {listed}")))
    }

    /// Makes the running invocations of a function stand still, until they time out. Returns how many.
    ///
    /// # Errors
    /// When the local cloud is not reached.
    pub async fn stop(&self, function: &str) -> Result<u64> {
        let answer = self.control(Method::POST, "stop", Some(&json!({ "function": function }))).await?;
        answer["stopped"].as_u64().with_context(|| format!("the local cloud answers {answer}"))
    }

    /// Kills the running invocations of a function, as a crash would. Returns how many.
    ///
    /// # Errors
    /// When the local cloud is not reached.
    pub async fn kill(&self, function: &str) -> Result<u64> {
        self.killed(json!({ "function": function })).await
    }

    /// Kills all processes of a function, the idle ones too: what they held in memory is gone. Returns how many.
    ///
    /// # Errors
    /// When the local cloud is not reached.
    pub async fn restart(&self, function: &str) -> Result<u64> {
        self.killed(json!({ "function": function, "idle": true })).await
    }

    async fn killed(&self, what: Value) -> Result<u64> {
        let answer = self.control(Method::POST, "kill", Some(&what)).await?;
        answer["killed"].as_u64().with_context(|| format!("the local cloud answers {answer}"))
    }

    async fn control(&self, method: Method, what: &str, body: Option<&Value>) -> Result<Value> {
        let request = self.http.request(method, format!("{}/_local/{what}", self.endpoint));
        accepted(what, body.into_iter().fold(request, reqwest::RequestBuilder::json)).await
    }
}
