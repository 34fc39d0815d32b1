//! The control API's audiences: made, deleted and counted without any of TikTok's checks.

use std::collections::BTreeMap;

use axum::extract::{Json, Path, Query, State as Shared};
use serde::Deserialize;
use serde_json::{Value, json};

use super::messages::{AudienceId, AudienceView, InUse, NewAudience};
use super::routes::{Held, Reply, missing};
use crate::clock;
use crate::member::{Digest, IdKind};
use crate::world::{Audience, PARTNER_AUDIENCE};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    advertiser_id: Option<String>,
}

pub(super) async fn list(Shared(sandbox): Held, Query(wanted): Query<Wanted>) -> Json<Vec<AudienceView>> {
    let state = sandbox.lock();
    let views = state
        .world
        .audiences
        .iter()
        .filter(|(_, audience)| wanted.advertiser_id.as_ref().is_none_or(|id| audience.advertiser_id == *id))
        .map(|(audience_id, audience)| view(audience_id, audience));
    Json(views.collect())
}

pub(super) async fn create(Shared(sandbox): Held, Json(new): Json<NewAudience>) -> Reply<AudienceId> {
    let world = &mut sandbox.lock().world;
    if !world.advertisers.contains_key(&new.advertiser_id) {
        return Err(missing("advertiser", &new.advertiser_id));
    }
    let kind = new.audience_type.as_deref().unwrap_or(PARTNER_AUDIENCE);
    let audience_id = world.add_audience(&new.advertiser_id, &new.name, kind, clock::now_ms());
    Ok(Json(AudienceId { audience_id }))
}

pub(super) async fn change(
    Shared(sandbox): Held,
    Path(audience_id): Path<String>,
    Json(InUse { in_use }): Json<InUse>,
) -> Reply<Value> {
    let world = &mut sandbox.lock().world;
    let audience = world.audiences.get_mut(&audience_id);
    audience.ok_or_else(|| missing("audience", &audience_id))?.in_use = in_use;
    Ok(Json(json!({})))
}

pub(super) async fn delete(Shared(sandbox): Held, Path(audience_id): Path<String>) -> Reply<Value> {
    let world = &mut sandbox.lock().world;
    let audience = world.audiences.get_mut(&audience_id);
    let audience = audience.ok_or_else(|| missing("audience", &audience_id))?;
    audience.deleted_ms.get_or_insert(clock::now_ms());
    Ok(Json(json!({})))
}

pub(super) async fn members(
    Shared(sandbox): Held,
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

fn view(audience_id: &str, audience: &Audience) -> AudienceView {
    let members = audience.members.iter().filter(|(_, set)| !set.is_empty());
    AudienceView {
        audience_id: audience_id.to_owned(),
        advertiser_id: audience.advertiser_id.clone(),
        name: audience.name.clone(),
        audience_type: audience.kind.clone(),
        deleted: audience.deleted_ms.is_some(),
        in_use: audience.in_use,
        members: members.map(|(kind, set)| (*kind, set.len())).collect(),
    }
}
