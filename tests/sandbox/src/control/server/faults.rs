//! The control API's faults.

use axum::extract::{Json, Path, State as Shared};
use serde_json::{Value, json};

use super::{Reply, SharedSandbox, missing};
use crate::control::messages::{Hits, Number};
use crate::fault::Fault;

pub(super) async fn list(Shared(sandbox): SharedSandbox) -> Json<Vec<Fault>> {
    Json(sandbox.lock().faults.list())
}

pub(super) async fn add(Shared(sandbox): SharedSandbox, Json(fault): Json<Fault>) -> Json<Number> {
    let mut state = sandbox.lock();
    let seed = state.rules.general.seed;
    Json(Number { number: state.faults.add(fault, seed) })
}

pub(super) async fn hits(Shared(sandbox): SharedSandbox, Path(number): Path<u64>) -> Reply<Hits> {
    let hits = sandbox.lock().faults.hits(number);
    hits.map(|hits| Json(Hits { hits })).ok_or_else(|| missing("fault", &number.to_string()))
}

pub(super) async fn remove(Shared(sandbox): SharedSandbox, Path(number): Path<u64>) -> Reply<Value> {
    let removed = sandbox.lock().faults.remove(number);
    removed.then(|| Json(json!({}))).ok_or_else(|| missing("fault", &number.to_string()))
}

pub(super) async fn clear(Shared(sandbox): SharedSandbox) -> Json<Value> {
    sandbox.lock().faults.clear();
    Json(json!({}))
}
