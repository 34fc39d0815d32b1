//! A Secrets Manager in memory, for tests: versions, labels and errors as AWS has them, with faults on demand.
//!
//! A client of it is the SDK's own; only the connection is replaced. It knows the calls that this software makes and no other.

mod vault;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::http::{HttpRequest, HttpResponse};
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::error::ConnectorError;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::http::StatusCode;
use serde_json::{Value, json};

use vault::Vault;

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    NotReached,
    /// It is carried out, and the answer never arrives.
    AnswerLost,
    /// It is answered with this error code and not carried out.
    Refused(&'static str),
    /// It is carried out, and answered with status 500.
    Broken,
}

/// The secrets of a test. A clone is the same Secrets Manager.
#[derive(Debug, Clone, Default)]
pub struct InMemory {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    vault: Vault,
    faults: Vec<(String, Fault)>,
    is_down: bool,
    calls: HashMap<String, usize>,
    latency: Duration,
}

impl InMemory {
    /// A client of it that tries each call once.
    #[must_use]
    pub fn client(&self) -> Client {
        let connector = SharedHttpConnector::new(self.clone());
        let config = aws_sdk_secretsmanager::Config::builder()
            .with_test_defaults_v2()
            .retry_config(RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| connector.clone()));
        Client::from_conf(config.build())
    }

    /// The value of a secret is set, as by its operator.
    pub fn set(&self, name: &str, text: &str) {
        self.state().vault.set(name, text);
    }

    /// The current value of a secret.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.state().vault.text(name)
    }

    /// The values of all versions of a secret, with or without a label.
    #[must_use]
    pub fn versions(&self, name: &str) -> Vec<String> {
        self.state().vault.versions(name)
    }

    /// The names of all secrets, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.state().vault.names()
    }

    /// Versions without a label are pruned, as Secrets Manager may do.
    pub fn prune(&self) {
        self.state().vault.prune();
    }

    /// A secret is marked for deletion, or restored.
    pub fn mark_for_deletion(&self, name: &str, is_marked: bool) {
        self.state().vault.mark(name, is_marked);
    }

    /// The next call of `action` (such as `PutSecretValue`) fails. Several are used up one after the other.
    pub fn fail_next(&self, action: &str, fault: Fault) {
        self.state().faults.push((action.to_owned(), fault));
    }

    /// No call arrives until it is up again.
    pub fn set_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    /// From now on each call takes up to so long, at random, before and after it is carried out.
    pub fn set_latency(&self, at_most: Duration) {
        self.state().latency = at_most;
    }

    /// How often `action` was called, failures included.
    #[must_use]
    pub fn calls(&self, action: &str) -> usize {
        self.state().calls.get(action).copied().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pause(&self) {
        let at_most = self.state().latency;
        if !at_most.is_zero() {
            tokio::time::sleep(rand::random_range(Duration::ZERO..=at_most)).await;
        }
    }

    async fn answer(self, action: String, body: Value) -> Result<HttpResponse, ConnectorError> {
        self.pause().await;
        let answer = self.state().answer(&action, &body);
        self.pause().await;
        answer
    }
}

impl State {
    fn answer(&mut self, action: &str, body: &Value) -> Result<HttpResponse, ConnectorError> {
        *self.calls.entry(action.to_owned()).or_default() += 1;
        let place = self.faults.iter().position(|(of, _)| of == action);
        let fault = place.map(|place| self.faults.remove(place).1);
        let fault = if self.is_down { Some(Fault::NotReached) } else { fault };
        match fault {
            None => {
                let (status, body) = match self.vault.call(action, body) {
                    Ok(answer) => (200, answer),
                    Err(code) => (400, json!({"__type": code, "Message": "as AWS would say"})),
                };
                response(status, &body)
            }
            Some(Fault::NotReached) => Err(ConnectorError::io("not reached".into())),
            Some(Fault::Refused(code)) => response(400, &json!({"__type": code})),
            Some(fault @ (Fault::AnswerLost | Fault::Broken)) => {
                // Whether it succeeds is not told.
                drop(self.vault.call(action, body));
                if fault == Fault::Broken {
                    response(500, &json!({"__type": "InternalServiceError"}))
                } else {
                    Err(ConnectorError::timeout("no answer".into()))
                }
            }
        }
    }
}

fn response(status: u16, body: &Value) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    Ok(HttpResponse::new(status, body.to_string().into()))
}

impl HttpConnector for InMemory {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let action = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
        HttpConnectorFuture::new(self.clone().answer(action, body))
    }
}
