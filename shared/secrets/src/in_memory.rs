//! A Secrets Manager in memory, for tests: versions, labels and errors as AWS has them, with faults on demand.
//!
//! A client of it is the SDK's own; only the connection is replaced. It knows the calls that this software makes and no other.

mod vault;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_double::{Faults, Response, Service, http_client, respond};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use serde_json::Value;

use vault::Vault;

pub use aws_double::Fault;

/// The secrets of a test. A clone is the same Secrets Manager.
#[derive(Debug, Clone, Default)]
pub struct InMemory {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    vault: Vault,
    faults: Faults,
    calls: HashMap<String, usize>,
    latency: Duration,
}

impl InMemory {
    /// A client of it that tries each call once.
    #[must_use]
    pub fn client(&self) -> Client {
        let config = aws_sdk_secretsmanager::Config::builder()
            .with_test_defaults_v2()
            .retry_config(RetryConfig::disabled())
            .http_client(http_client(self.clone()));
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
        self.state().faults.add(action, fault);
    }

    /// No call arrives until it is up again.
    pub fn set_down(&self, is_down: bool) {
        self.state().faults.set_down(is_down);
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
}

impl Service for InMemory {
    async fn answer(self, action: String, body: Value) -> Response {
        self.pause().await;
        let fault = {
            let mut state = self.state();
            *state.calls.entry(action.clone()).or_default() += 1;
            state.faults.take(&action)
        };
        let response = respond(fault, async { self.state().vault.call(&action, &body) }).await;
        self.pause().await;
        response
    }
}
