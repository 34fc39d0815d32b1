//! The control API's rules: everybody's, and those of single advertisers.

use axum::extract::{Json, Path, State as Shared};
use serde_json::{Value, json};

use super::{Reply, SharedSandbox, missing};
use crate::rules::Rules;

pub(super) async fn general(Shared(sandbox): SharedSandbox) -> Json<Rules> {
    Json(sandbox.lock().rules.general.clone())
}

pub(super) async fn set_general(Shared(sandbox): SharedSandbox, Json(rules): Json<Rules>) -> Json<Value> {
    let mut state = sandbox.lock();
    state.rules.change(rules);
    state.counters.clear();
    Json(json!({}))
}

pub(super) async fn of_advertiser(Shared(sandbox): SharedSandbox, Path(advertiser_id): Path<String>) -> Json<Rules> {
    Json(sandbox.lock().rules.of(&advertiser_id).clone())
}

pub(super) async fn set_own(
    Shared(sandbox): SharedSandbox,
    Path(advertiser_id): Path<String>,
    Json(rules): Json<Rules>,
) -> Reply<Value> {
    let mut state = sandbox.lock();
    if !state.world.advertisers.contains_key(&advertiser_id) {
        return Err(missing("advertiser", &advertiser_id));
    }
    state.counters.clear_advertiser(&advertiser_id);
    state.rules.by_advertiser.insert(advertiser_id, rules);
    Ok(Json(json!({})))
}

pub(super) async fn clear_own(Shared(sandbox): SharedSandbox, Path(advertiser_id): Path<String>) -> Reply<Value> {
    let removed = sandbox.lock().rules.by_advertiser.remove(&advertiser_id);
    removed.map(|_| Json(json!({}))).ok_or_else(|| missing("advertiser with rules of its own", &advertiser_id))
}
