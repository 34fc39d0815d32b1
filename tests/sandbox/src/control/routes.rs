//! The control API itself, under `/_sandbox/`: JSON in, JSON out, 404 for what is not there. Documented in README.md.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Json, Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::messages::{AccessToken, AuthCode, NewApp, NewGrant, Number, Poison, Token};
use super::{accounts, audiences};
use crate::answer::Refusal;
use crate::clock;
use crate::fault::Fault;
use crate::journal::{Entry, token_fingerprint};
use crate::rules::Rules;
use crate::state::{Sandbox, State};
use crate::world::{App, Grant};

/// Why a control call is refused.
pub(super) struct NotDone(pub(super) StatusCode, pub(super) String);

/// What a control call returns.
pub(super) type Reply<T> = Result<Json<T>, NotDone>;

/// The state, as handlers take it.
pub(super) type Held = Shared<Arc<Sandbox>>;

impl IntoResponse for NotDone {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

/// 404, naming what is not there.
pub(super) fn missing(what: &str, id: &str) -> NotDone {
    NotDone(StatusCode::NOT_FOUND, format!("there is no {what} {id}"))
}

/// The routes, to be nested under `/_sandbox`.
pub(crate) fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/health", get(async || Json(json!({ "ok": true }))))
        .route("/apps", post(set_app))
        .route("/tokens", post(create_token))
        .route("/tokens/revoke", post(revoke))
        .route("/auth_codes", post(create_code))
        .route("/poison", post(poison).delete(clear_poison))
        .route("/journal", get(journal).delete(clear_journal))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/faults/{number}", axum::routing::delete(remove_fault))
        .route("/rules", get(rules).put(set_rules))
        .route("/people", get(accounts::people).post(accounts::create_person))
        .route("/people/{key}", get(accounts::person).patch(accounts::change_person))
        .route("/advertisers", post(accounts::create_advertiser))
        .route(
            "/advertisers/{id}",
            get(accounts::advertiser).patch(accounts::change_advertiser).delete(accounts::remove_advertiser),
        )
        .route("/audiences", get(audiences::list).post(audiences::create))
        .route("/audiences/{id}", patch(audiences::change).delete(audiences::delete))
        .route("/audiences/{id}/members", get(audiences::members))
}

async fn set_app(Shared(sandbox): Held, Json(new): Json<NewApp>) -> Json<Value> {
    let app = App { secret: new.secret, blocked: new.blocked };
    sandbox.lock().world.apps.insert(new.app_id, app);
    Json(json!({}))
}

/// The consent that a request describes.
fn grant(state: &State, new: NewGrant) -> Result<Grant, NotDone> {
    let person = state.world.person(&new.person);
    let person = person.ok_or_else(|| missing("person", &new.person))?;
    Ok(Grant {
        app_id: new.app_id.unwrap_or_else(|| state.rules.app_id.clone()),
        core_user_id: person.core_user_id.clone(),
        advertisers: new.advertisers.unwrap_or_else(|| person.advertisers.clone()),
        scopes: new.scopes.unwrap_or_else(crate::consent::ticked),
    })
}

async fn create_token(Shared(sandbox): Held, Json(new): Json<NewGrant>) -> Reply<Token> {
    let mut state = sandbox.lock();
    let grant = grant(&state, new)?;
    let access_token = state.world.add_token(grant.clone());
    Ok(Json(Token {
        fingerprint: token_fingerprint(&access_token),
        access_token,
        advertiser_ids: grant.advertisers,
        scope: grant.scopes,
    }))
}

async fn create_code(Shared(sandbox): Held, Json(new): Json<NewGrant>) -> Reply<AuthCode> {
    let mut state = sandbox.lock();
    let life_ms = new.life_ms.unwrap_or(state.rules.auth_code_life_ms);
    let grant = grant(&state, new)?;
    let auth_code = state.world.add_code(grant, clock::now_ms() + life_ms);
    Ok(Json(AuthCode { auth_code }))
}

async fn revoke(Shared(sandbox): Held, Json(token): Json<AccessToken>) -> Reply<Value> {
    let removed = sandbox.lock().world.tokens.remove(&token.access_token);
    let fingerprint = token_fingerprint(&token.access_token);
    removed.map(|_| Json(json!({}))).ok_or_else(|| missing("token", &fingerprint))
}

async fn poison(Shared(sandbox): Held, Json(poison): Json<Poison>) -> Json<Value> {
    let refusal = Refusal::new(poison.code, poison.message);
    sandbox.lock().world.poison.insert(poison.id, refusal);
    Json(json!({}))
}

async fn clear_poison(Shared(sandbox): Held) -> Json<Value> {
    sandbox.lock().world.poison.clear();
    Json(json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    advertiser_id: Option<String>,
    path: Option<String>,
    /// Only calls after the one of this number.
    #[serde(default)]
    after: u64,
}

async fn journal(Shared(sandbox): Held, Query(wanted): Query<Wanted>) -> Json<Vec<Entry>> {
    let state = sandbox.lock();
    let entries = state.journal.entries().filter(|entry| {
        entry.seq > wanted.after
            && wanted.path.as_ref().is_none_or(|path| entry.path == *path)
            && wanted.advertiser_id.as_ref().is_none_or(|id| entry.advertiser_ids.contains(id))
    });
    Json(entries.cloned().collect())
}

async fn clear_journal(Shared(sandbox): Held) -> Json<Value> {
    sandbox.lock().journal.clear();
    Json(json!({}))
}

async fn faults(Shared(sandbox): Held) -> Json<Vec<Fault>> {
    Json(sandbox.lock().faults.list())
}

async fn add_fault(Shared(sandbox): Held, Json(fault): Json<Fault>) -> Json<Number> {
    let mut state = sandbox.lock();
    let seed = state.rules.seed;
    Json(Number { number: state.faults.add(fault, seed) })
}

async fn remove_fault(Shared(sandbox): Held, Path(number): Path<u64>) -> Reply<Value> {
    let removed = sandbox.lock().faults.remove(number);
    removed.then(|| Json(json!({}))).ok_or_else(|| missing("fault", &number.to_string()))
}

async fn clear_faults(Shared(sandbox): Held) -> Json<Value> {
    sandbox.lock().faults.clear();
    Json(json!({}))
}

async fn rules(Shared(sandbox): Held) -> Json<Rules> {
    Json(sandbox.lock().rules.clone())
}

async fn set_rules(Shared(sandbox): Held, Json(rules): Json<Rules>) -> Json<Value> {
    let mut state = sandbox.lock();
    // The first app stays who it is; its secret is changed through /apps.
    let State { rules: current, counters, .. } = &mut *state;
    let (app_id, app_secret) = (current.app_id.clone(), current.app_secret.clone());
    *current = Rules { app_id, app_secret, ..rules };
    counters.clear();
    Json(json!({}))
}
