//! The control API's apps, codes and tokens.

use axum::extract::{Json, State as Shared};
use serde_json::{Value, json};

use super::{Refused, Reply, SharedSandbox, missing};
use crate::clock;
use crate::control::messages::{AccessToken, AuthCode, NewApp, NewGrant, Token};
use crate::journal::token_fingerprint;
use crate::state::State;
use crate::world::{App, Grant};

pub(super) async fn set_app(Shared(sandbox): SharedSandbox, Json(new): Json<NewApp>) -> Json<Value> {
    let app = App { secret: new.secret, blocked: new.blocked };
    sandbox.lock().world.apps.insert(new.app_id, app);
    Json(json!({}))
}

/// The consent that a request describes.
fn grant(state: &State, new: NewGrant) -> Result<Grant, Refused> {
    let person = state.world.person(&new.person);
    let person = person.ok_or_else(|| missing("person", &new.person))?;
    Ok(Grant {
        app_id: new.app_id.unwrap_or_else(|| state.rules.general.app_id.clone()),
        core_user_id: person.core_user_id.clone(),
        advertisers: new.advertisers.unwrap_or_else(|| person.advertisers.clone()),
        scopes: new.scopes.unwrap_or_else(crate::consent::ticked),
    })
}

pub(super) async fn create_token(Shared(sandbox): SharedSandbox, Json(new): Json<NewGrant>) -> Reply<Token> {
    let mut state = sandbox.lock();
    let grant = grant(&state, new)?;
    let State { rules, world, .. } = &mut *state;
    let access_token = world.add_token(&rules.general, grant.clone());
    Ok(Json(Token {
        fingerprint: token_fingerprint(&access_token),
        access_token,
        advertiser_ids: grant.advertisers,
        scope: grant.scopes,
    }))
}

pub(super) async fn create_code(Shared(sandbox): SharedSandbox, Json(new): Json<NewGrant>) -> Reply<AuthCode> {
    let mut state = sandbox.lock();
    let life_ms = new.life_ms.unwrap_or(state.rules.general.auth_code_life_ms);
    let grant = grant(&state, new)?;
    let auth_code = state.world.add_code(grant, clock::now_ms() + life_ms);
    Ok(Json(AuthCode { auth_code }))
}

pub(super) async fn revoke(Shared(sandbox): SharedSandbox, Json(token): Json<AccessToken>) -> Reply<Value> {
    let removed = sandbox.lock().world.tokens.remove(&token.access_token);
    let fingerprint = token_fingerprint(&token.access_token);
    removed.map(|_| Json(json!({}))).ok_or_else(|| missing("token", &fingerprint))
}
