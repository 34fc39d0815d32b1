//! The local cloud's AWS, called as any AWS is, with a key whose signatures it does not check (`infra/local/deployment.py`).
//! Only what the stories need: SQS, Secrets Manager, Lambda, CloudWatch Logs.

mod control;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method, RequestBuilder, header};
use serde_json::Value;

pub use control::{AwsFault, AwsFaultKind};

/// How long one call may take: an invocation of a function lasts as long as the function.
const TIMEOUT: Duration = Duration::from_secs(150);

/// A client of the local cloud.
#[derive(Clone, Debug)]
pub struct Cloud {
    http: Client,
    endpoint: String,
    /// `<access key>/<date>/<region>`.
    credential: String,
}

/// What an invoked function returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoked {
    /// Whether it is the function's error instead of its result.
    pub failed: bool,
    /// The payload.
    pub payload: Value,
}

impl Cloud {
    /// A client of the cloud at `endpoint`.
    #[must_use]
    pub fn new(http: Client, endpoint: &str, access_key: &str, region: &str) -> Self {
        let credential = format!("{access_key}/20260101/{region}");
        Self { http, endpoint: endpoint.trim_end_matches('/').to_owned(), credential }
    }

    /// Calls SQS: `operation` as in `SendMessage`.
    ///
    /// # Errors
    /// When SQS is not reached or refuses.
    pub async fn sqs(&self, operation: &str, input: &Value) -> Result<Value> {
        self.targeted("sqs", &format!("AmazonSQS.{operation}"), "application/x-amz-json-1.0", input).await
    }

    /// Reads a secret.
    ///
    /// # Errors
    /// When there is none, or Secrets Manager is not reached.
    pub async fn secret(&self, id: &str) -> Result<Value> {
        let answer = self.secrets("GetSecretValue", &serde_json::json!({ "SecretId": id })).await?;
        let text = answer["SecretString"].as_str().context("the secret is not text")?;
        serde_json::from_str(text).context("the secret is not JSON")
    }

    /// Writes a secret that exists.
    ///
    /// # Errors
    /// When there is none, or Secrets Manager is not reached.
    pub async fn put_secret(&self, id: &str, text: &str) -> Result<()> {
        let input = serde_json::json!({ "SecretId": id, "SecretString": text });
        self.secrets("PutSecretValue", &input).await.map(drop)
    }

    /// Invokes a function and waits for its result.
    ///
    /// # Errors
    /// When Lambda is not reached or refuses. The function's own error is a result.
    pub async fn invoke(&self, function: &str, payload: Vec<u8>) -> Result<Invoked> {
        let path = format!("/2015-03-31/functions/{}/invocations", function.replace(':', "%3A"));
        let answer = self.request("lambda", Method::POST, &path).body(payload).send().await?;
        ensure!(answer.status().is_success(), "Lambda answered {}: {}", answer.status(), answer.text().await?);
        let failed = answer.headers().contains_key("x-amz-function-error");
        Ok(Invoked { failed, payload: answer.json().await? })
    }

    /// Calls Lambda's own API.
    ///
    /// # Errors
    /// When Lambda is not reached or refuses.
    pub async fn lambda(&self, method: Method, path: &str, input: Option<&Value>) -> Result<Value> {
        let request = self.request("lambda", method, path);
        let request =
            input.map_or(request.try_clone().context("a request without a body")?, |input| request.json(input));
        accepted("Lambda", request).await
    }

    /// Calls CloudWatch Logs.
    pub(crate) async fn logs(&self, operation: &str, input: &Value) -> Result<Value> {
        self.targeted("logs", &format!("Logs_20140328.{operation}"), "application/x-amz-json-1.1", input).await
    }

    /// Calls Secrets Manager.
    ///
    /// # Errors
    /// When it is not reached or refuses.
    pub async fn secrets(&self, operation: &str, input: &Value) -> Result<Value> {
        let target = format!("secretsmanager.{operation}");
        self.targeted("secretsmanager", &target, "application/x-amz-json-1.1", input).await
    }

    async fn targeted(&self, service: &str, target: &str, content_type: &str, input: &Value) -> Result<Value> {
        let request = self.request(service, Method::POST, "/");
        let request = request.header("X-Amz-Target", target).json(input).header(header::CONTENT_TYPE, content_type);
        accepted(target, request).await
    }

    fn request(&self, service: &str, method: Method, path: &str) -> RequestBuilder {
        let credential = format!("{}/{service}/aws4_request", self.credential);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=unchecked");
        let request = self.http.request(method, format!("{}{path}", self.endpoint));
        request.header(header::AUTHORIZATION, authorization).timeout(TIMEOUT)
    }
}

async fn accepted(what: &str, request: RequestBuilder) -> Result<Value> {
    let answer = request.send().await.with_context(|| format!("{what} cannot be reached"))?;
    let status = answer.status();
    let body = answer.bytes().await?;
    ensure!(status.is_success(), "{what} answered {status}: {}", String::from_utf8_lossy(&body));
    if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&body)?) }
}
