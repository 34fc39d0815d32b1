//! The control API itself, under `/_sandbox/`: JSON in, JSON out, 404 for what is not there. Documented in README.md.

mod accounts;
mod audiences;
mod faults;
mod grants;
mod journal;
mod rules;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Json, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use serde_json::json;

use crate::state::Sandbox;

/// Why a control call is refused.
struct Refused(StatusCode, String);

/// What a control call returns.
type Reply<T> = Result<Json<T>, Refused>;

/// The state, as handlers take it.
type SharedSandbox = Shared<Arc<Sandbox>>;

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

/// 404, naming what is not there.
fn missing(what: &str, id: &str) -> Refused {
    Refused(StatusCode::NOT_FOUND, format!("there is no {what} {id}"))
}

/// Changes a field if there is a new value.
fn set<T>(field: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *field = new;
    }
}

/// Changes a field that may be empty, if there is a new value.
fn set_optional<T>(field: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *field = new;
    }
}

/// The routes, to be nested under `/_sandbox`.
pub(crate) fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/health", get(async || Json(json!({ "ok": true }))))
        .route("/apps", post(grants::set_app))
        .route("/tokens", post(grants::create_token))
        .route("/tokens/revoke", post(grants::revoke))
        .route("/auth_codes", post(grants::create_code))
        .route("/poison", post(audiences::poison).delete(audiences::clear_poison))
        .route("/journal", get(journal::calls).delete(journal::clear))
        .route("/journal/last", get(journal::last))
        .route("/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/faults/{number}", get(faults::hits).delete(faults::remove))
        .route("/rules", get(rules::general).put(rules::set_general))
        .route("/people", post(accounts::create_person))
        .route("/people/{key}", get(accounts::person).patch(accounts::change_person))
        .route("/advertisers", post(accounts::create_advertiser))
        .route(
            "/advertisers/{id}",
            get(accounts::advertiser).patch(accounts::change_advertiser).delete(accounts::remove_advertiser),
        )
        .route("/advertisers/{id}/rules", get(rules::of_advertiser).put(rules::set_own).delete(rules::clear_own))
        .route("/audiences", get(audiences::list).post(audiences::create))
        .route("/audiences/{id}", patch(audiences::change).delete(audiences::remove))
        .route("/audiences/{id}/members", get(audiences::members))
}
