//! The consent page, at both of its addresses: who is signed in, which permissions are ticked, Allow or Cancel.
//! It replaces TikTok's own page in tests; it needs no script, and its look is not TikTok's.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Query, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use reqwest::Url;
use serde::Deserialize;

use crate::clock;
use crate::state::{Sandbox, State};
use crate::world::{Grant, Person, Role};

/// What can be ticked: the scope id, its name, and whether it is ticked at first. One id has 19 digits, as real ones can.
const PERMISSIONS: [(u64, &str, bool); 5] = [
    (1, "Ad Account Management: read ad account information", true),
    (3, "Audience Management: read, create, update and share audiences", true),
    (30, "Audience Management, reading only", false),
    (4, "Reporting: read reports", true),
    (7_294_012_345_678_901_234, "Creative insights", false),
];

/// The scopes that are ticked when the page opens.
pub(crate) fn ticked() -> Vec<u64> {
    PERMISSIONS.iter().filter(|(_, _, ticked)| *ticked).map(|(id, _, _)| *id).collect()
}

/// The routes of the page.
pub(crate) fn routes() -> Router<Arc<Sandbox>> {
    Router::new().route("/portal/auth", get(show).post(decide)).route("/marketing_api/auth", get(show).post(decide))
}

#[derive(Debug, Deserialize)]
struct Consent {
    app_id: String,
    redirect_uri: String,
    state: Option<String>,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct Page<'a> {
    consent: &'a Consent,
    people: Vec<Choice<'a>>,
    permissions: &'a [(u64, &'a str, bool)],
}

/// A person as the page shows them.
struct Choice<'a> {
    person: &'a Person,
    role: &'static str,
    first: bool,
}

async fn show(Shared(sandbox): Shared<Arc<Sandbox>>, Query(consent): Query<Consent>) -> Response {
    let state = sandbox.lock();
    if let Err(problem) = check(&state, &consent.app_id, &consent.redirect_uri) {
        return (StatusCode::BAD_REQUEST, problem).into_response();
    }
    let people = state.world.people.iter().enumerate().map(|(index, person)| Choice {
        person,
        role: role(person.role),
        first: index == 0,
    });
    let page = Page { consent: &consent, people: people.collect(), permissions: &PERMISSIONS };
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn decide(Shared(sandbox): Shared<Arc<Sandbox>>, Form(fields): Form<Vec<(String, String)>>) -> Response {
    match decided(&mut sandbox.lock(), &Fields(fields)) {
        Ok(url) => (StatusCode::FOUND, [(header::LOCATION, url.to_string())]).into_response(),
        Err(problem) => (StatusCode::BAD_REQUEST, problem).into_response(),
    }
}

/// The form, whose `scope` comes once for each box that is ticked.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    fn one<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }
}

/// Where the browser goes after the decision.
fn decided(state: &mut State, fields: &Fields) -> Result<Url, &'static str> {
    let app_id = fields.one("app_id").unwrap_or_default();
    let mut url = check(state, app_id, fields.one("redirect_uri").unwrap_or_default())?;
    match fields.one("decision") {
        Some("allow") => {
            let code = allow(state, fields, app_id)?;
            url.query_pairs_mut().append_pair("auth_code", &code).append_pair("code", &code);
        }
        Some("cancel") => {
            url.query_pairs_mut().append_pair("error", "access_denied");
        }
        _ => return Err("decision is allow or cancel."),
    }
    if let Some(state) = fields.one("state") {
        url.query_pairs_mut().append_pair("state", state);
    }
    Ok(url)
}

fn allow(state: &mut State, fields: &Fields, app_id: &str) -> Result<String, &'static str> {
    let person = fields.one("person").and_then(|person| state.world.person(person));
    let person = person.ok_or("Nobody is signed in.")?;
    let scopes: Result<Vec<u64>, _> = fields.all("scope").map(str::parse).collect();
    let grant = Grant {
        app_id: app_id.to_owned(),
        core_user_id: person.core_user_id.clone(),
        advertisers: person.advertisers.clone(),
        scopes: scopes.map_err(|_| "A scope is a number.")?,
    };
    let expires_ms = clock::now_ms() + state.rules.general.auth_code_life_ms;
    Ok(state.world.add_code(grant, expires_ms))
}

fn check(state: &State, app_id: &str, redirect_uri: &str) -> Result<Url, &'static str> {
    if !state.world.apps.contains_key(app_id) {
        return Err("The app_id does not exist.");
    }
    Url::parse(redirect_uri).map_err(|_| "The redirect_uri is not a URL.")
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Admin => "Admin",
        Role::Operator => "Operator",
        Role::Analyst => "Analyst",
        Role::BusinessCenterOnly => "Business Center only",
    }
}
