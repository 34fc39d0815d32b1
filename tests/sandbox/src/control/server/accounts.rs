//! The control API's people and advertisers.

use axum::extract::{Json, Path, State as Shared};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Refused, Reply, SharedSandbox, missing, set, set_optional};
use crate::control::messages::{AdvertiserChange, NewAdvertiser, NewPerson, PersonChange};
use crate::world::{Advertiser, Person, id};

pub(super) async fn person(Shared(sandbox): SharedSandbox, Path(key): Path<String>) -> Reply<Person> {
    let found = sandbox.lock().world.person(&key).cloned();
    found.map(Json).ok_or_else(|| missing("person", &key))
}

pub(super) async fn create_person(Shared(sandbox): SharedSandbox, Json(new): Json<NewPerson>) -> Reply<Person> {
    let core_user_id = id();
    let key = new.key.unwrap_or_else(|| format!("person-{core_user_id}"));
    let world = &mut sandbox.lock().world;
    if world.person(&key).is_some() {
        return Err(Refused(StatusCode::CONFLICT, format!("there is a person {key}")));
    }
    let person = Person {
        email: format!("{key}@example.com"),
        avatar_url: String::new(),
        key,
        core_user_id,
        display_name: new.display_name,
        role: new.role,
        advertisers: new.advertisers,
        authorizing_again_ends_older_tokens: None,
        shown_as: None,
    };
    world.people.push(person.clone());
    Ok(Json(person))
}

pub(super) async fn change_person(
    Shared(sandbox): SharedSandbox,
    Path(key): Path<String>,
    Json(change): Json<PersonChange>,
) -> Reply<Person> {
    let world = &mut sandbox.lock().world;
    let person = world
        .people
        .iter_mut()
        .find(|person| person.key == key || person.core_user_id == key)
        .ok_or_else(|| missing("person", &key))?;
    set(&mut person.display_name, change.display_name);
    set(&mut person.email, change.email);
    set(&mut person.avatar_url, change.avatar_url);
    set(&mut person.role, change.role);
    set(&mut person.advertisers, change.advertisers);
    set_optional(&mut person.authorizing_again_ends_older_tokens, change.authorizing_again_ends_older_tokens);
    set_optional(&mut person.shown_as, change.shown_as);
    Ok(Json(person.clone()))
}

pub(super) async fn advertiser(Shared(sandbox): SharedSandbox, Path(advertiser_id): Path<String>) -> Reply<Advertiser> {
    let found = sandbox.lock().world.advertisers.get(&advertiser_id).cloned();
    found.map(Json).ok_or_else(|| missing("advertiser", &advertiser_id))
}

pub(super) async fn create_advertiser(
    Shared(sandbox): SharedSandbox,
    Json(new): Json<NewAdvertiser>,
) -> Json<Advertiser> {
    let advertiser = Advertiser {
        advertiser_id: id(),
        name: new.name.unwrap_or_else(|| "An advertiser".to_owned()),
        business_center: new.business_center.unwrap_or_else(id),
        status: new.status.unwrap_or_else(|| "STATUS_ENABLE".to_owned()),
        kind: "ROLE_ADVERTISER".to_owned(),
        allow_listed: true,
        shown_as: None,
    };
    let key = advertiser.advertiser_id.clone();
    sandbox.lock().world.advertisers.insert(key, advertiser.clone());
    Json(advertiser)
}

pub(super) async fn change_advertiser(
    Shared(sandbox): SharedSandbox,
    Path(advertiser_id): Path<String>,
    Json(change): Json<AdvertiserChange>,
) -> Reply<Advertiser> {
    let world = &mut sandbox.lock().world;
    let advertiser = world.advertisers.get_mut(&advertiser_id).ok_or_else(|| missing("advertiser", &advertiser_id))?;
    set(&mut advertiser.name, change.name);
    set(&mut advertiser.status, change.status);
    set(&mut advertiser.allow_listed, change.allow_listed);
    set_optional(&mut advertiser.shown_as, change.shown_as);
    Ok(Json(advertiser.clone()))
}

pub(super) async fn remove_advertiser(
    Shared(sandbox): SharedSandbox,
    Path(advertiser_id): Path<String>,
) -> Reply<Value> {
    let removed = sandbox.lock().world.advertisers.remove(&advertiser_id);
    removed.map(|_| Json(json!({}))).ok_or_else(|| missing("advertiser", &advertiser_id))
}
