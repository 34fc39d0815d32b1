//! The control API's journal: calls, waited for if need be.

use std::time::Duration;

use axum::extract::{Json, Query as InQuery, State as Shared};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::SharedSandbox;
use crate::control::messages::Number;
use crate::journal::{Entry, Query};

/// More than any story waits; also keeps the deadline within what an [`Instant`] can hold.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

pub(super) async fn calls(Shared(sandbox): SharedSandbox, InQuery(query): InQuery<Query>) -> Json<Vec<Entry>> {
    let deadline = Instant::now() + Duration::from_millis(query.wait_ms).min(LONGEST_WAIT);
    let mut changes = sandbox.lock().journal.changes();
    loop {
        let found: Vec<Entry> = sandbox.lock().journal.find(&query).cloned().collect();
        if !found.is_empty() || timeout_at(deadline, changes.changed()).await.is_err() {
            return Json(found);
        }
    }
}

pub(super) async fn last(Shared(sandbox): SharedSandbox) -> Json<Number> {
    Json(Number { number: sandbox.lock().journal.last() })
}

pub(super) async fn clear(Shared(sandbox): SharedSandbox) -> Json<Value> {
    sandbox.lock().journal.clear();
    Json(json!({}))
}
