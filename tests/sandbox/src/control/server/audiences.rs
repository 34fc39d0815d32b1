//! The control API's audiences: made, deleted and counted without any of TikTok's checks.

use std::collections::BTreeMap;

use axum::extract::{Json, Path, Query, State as Shared};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Reply, SharedSandbox, missing, set, set_optional};
use crate::answer::Refusal;
use crate::clock;
use crate::control::audiences::{AudienceChange, AudienceId, AudienceView, NewAudience, Poison};
use crate::member::{Digest, IdKind};
use crate::rules::Rules;
use crate::state::State;
use crate::world::{Audience, Kind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Owner {
    advertiser_id: Option<String>,
}

pub(super) async fn list(Shared(sandbox): SharedSandbox, Query(owner): Query<Owner>) -> Json<Vec<AudienceView>> {
    let state = sandbox.lock();
    let views = state
        .world
        .audiences
        .iter()
        .filter(|(_, audience)| owner.advertiser_id.as_ref().is_none_or(|id| audience.advertiser_id == *id))
        .map(|(audience_id, audience)| view(state.rules.of(&audience.advertiser_id), audience_id, audience));
    Json(views.collect())
}

pub(super) async fn create(Shared(sandbox): SharedSandbox, Json(new): Json<NewAudience>) -> Reply<AudienceId> {
    let mut state = sandbox.lock();
    let State { rules, world, .. } = &mut *state;
    if !world.advertisers.contains_key(&new.advertiser_id) {
        return Err(missing("advertiser", &new.advertiser_id));
    }
    let rules = rules.of(&new.advertiser_id);
    let kind = match new.audience_type {
        Some(name) if name != rules.partner_audience_type => Kind::Other(name),
        Some(_) | None => Kind::Partner,
    };
    let audience_id = world.add_audience(Audience::new(rules, &new.advertiser_id, &new.name, kind, clock::now_ms()));
    Ok(Json(AudienceId { audience_id }))
}

pub(super) async fn change(
    Shared(sandbox): SharedSandbox,
    Path(audience_id): Path<String>,
    Json(change): Json<AudienceChange>,
) -> Reply<Value> {
    let world = &mut sandbox.lock().world;
    let audience = world.audiences.get_mut(&audience_id);
    let audience = audience.ok_or_else(|| missing("audience", &audience_id))?;
    set(&mut audience.in_use, change.in_use);
    set(&mut audience.shared, change.shared);
    set(&mut audience.expires_ms, change.expires_ms);
    set_optional(&mut audience.cover_num, change.cover_num);
    set_optional(&mut audience.is_valid, change.is_valid);
    set_optional(&mut audience.shown_as, change.shown_as);
    Ok(Json(json!({})))
}

pub(super) async fn remove(Shared(sandbox): SharedSandbox, Path(audience_id): Path<String>) -> Reply<Value> {
    let world = &mut sandbox.lock().world;
    let audience = world.audiences.get_mut(&audience_id);
    let audience = audience.ok_or_else(|| missing("audience", &audience_id))?;
    audience.deleted_ms.get_or_insert(clock::now_ms());
    Ok(Json(json!({})))
}

pub(super) async fn members(
    Shared(sandbox): SharedSandbox,
    Path(audience_id): Path<String>,
) -> Reply<BTreeMap<IdKind, Vec<String>>> {
    let state = sandbox.lock();
    let audience = state.world.audiences.get(&audience_id);
    let audience = audience.ok_or_else(|| missing("audience", &audience_id))?;
    let members = audience.members.iter().filter(|(_, set)| !set.is_empty()).map(|(kind, set)| {
        let mut hashes: Vec<_> = set.iter().collect();
        hashes.sort_unstable();
        (*kind, hashes.into_iter().map(Digest::hex).collect())
    });
    Ok(Json(members.collect()))
}

fn view(rules: &Rules, audience_id: &str, audience: &Audience) -> AudienceView {
    let members = audience.members.iter().filter(|(_, set)| !set.is_empty());
    AudienceView {
        audience_id: audience_id.to_owned(),
        advertiser_id: audience.advertiser_id.clone(),
        name: audience.name.clone(),
        audience_type: audience.kind_name(rules).to_owned(),
        deleted: audience.deleted_ms.is_some(),
        in_use: audience.in_use,
        shared: audience.shared,
        expires_ms: audience.expires_ms,
        members: members.map(|(kind, set)| (*kind, set.len())).collect(),
    }
}

pub(super) async fn poison(Shared(sandbox): SharedSandbox, Json(poison): Json<Poison>) -> Json<Value> {
    let refusal = Refusal::new(poison.code, poison.message);
    sandbox.lock().world.poison.insert(poison.id, refusal);
    Json(json!({}))
}

pub(super) async fn clear_poison(Shared(sandbox): SharedSandbox) -> Json<Value> {
    sandbox.lock().world.poison.clear();
    Json(json!({}))
}
