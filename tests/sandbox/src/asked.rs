//! A call, read: which endpoint it is for and what it asks. The one table of paths; strict about every field.

use axum::extract::Query;
use axum::http::{Method, StatusCode, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::answer::{Outcome, Refusal};
use crate::state::State;
use crate::{account, audience, library, mapping, oauth};

/// An endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Exchange,
    Revocation,
    Advertisers,
    AdvertiserInfo,
    UserInfo,
    Audience,
    Mapping,
    AudienceList,
    AudienceGet,
}

impl Route {
    /// The endpoint of a path, whose trailing slash is part of it.
    pub(crate) fn find(method: &Method, path: &str) -> Result<Self, StatusCode> {
        let (wanted, route) = match path {
            "/oauth2/access_token/" => (Method::POST, Self::Exchange),
            "/oauth2/revoke_token/" => (Method::POST, Self::Revocation),
            "/oauth2/advertiser/get/" => (Method::GET, Self::Advertisers),
            "/advertiser/info/" => (Method::GET, Self::AdvertiserInfo),
            "/user/info/" => (Method::GET, Self::UserInfo),
            "/segment/audience/" => (Method::POST, Self::Audience),
            "/segment/mapping/" => (Method::POST, Self::Mapping),
            "/dmp/custom_audience/list/" => (Method::GET, Self::AudienceList),
            "/dmp/custom_audience/get/" => (Method::GET, Self::AudienceGet),
            _ => return Err(StatusCode::NOT_FOUND),
        };
        if *method == wanted { Ok(route) } else { Err(StatusCode::METHOD_NOT_ALLOWED) }
    }
}

/// What a call asks.
#[derive(Debug)]
pub(crate) enum Asked<'a> {
    Exchange(oauth::Exchange),
    Revocation(oauth::Revocation),
    Advertisers(oauth::Advertisers),
    AdvertiserInfo(account::Info),
    UserInfo,
    Audience(audience::Change),
    Mapping(mapping::Mapping<'a>),
    AudienceList(library::List),
    AudienceGet(library::Get),
}

/// What the journal, the limits and the faults want to know of a call.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) app_id: Option<String>,
    pub(crate) advertiser_ids: Vec<String>,
    pub(crate) action: Option<&'static str>,
    pub(crate) rows: usize,
    pub(crate) ids: usize,
    pub(crate) audience_ids: Vec<String>,
}

impl<'a> Asked<'a> {
    /// Reads the query or the body, as the endpoint has it.
    pub(crate) fn read(route: Route, uri: &Uri, body: &'a [u8]) -> Result<Self, Refusal> {
        Ok(match route {
            Route::Exchange => Self::Exchange(json(body)?),
            Route::Revocation => Self::Revocation(json(body)?),
            Route::Advertisers => Self::Advertisers(query(uri)?),
            Route::AdvertiserInfo => Self::AdvertiserInfo(query(uri)?),
            Route::UserInfo => Self::UserInfo,
            Route::Audience => Self::Audience(json(body)?),
            Route::Mapping => Self::Mapping(json(body)?),
            Route::AudienceList => Self::AudienceList(query(uri)?),
            Route::AudienceGet => Self::AudienceGet(query(uri)?),
        })
    }

    pub(crate) fn facts(&self) -> Facts {
        match self {
            Self::Exchange(call) => app(&call.app_id),
            Self::Revocation(call) => app(&call.app_id),
            Self::Advertisers(call) => app(&call.app_id),
            Self::AdvertiserInfo(call) => advertisers(call.advertisers()),
            Self::UserInfo => Facts::default(),
            Self::Audience(call) => Facts {
                action: Some(match call.action {
                    audience::Action::Create => "create",
                    audience::Action::Delete => "delete",
                }),
                audience_ids: call.delete_audience_id.iter().cloned().collect(),
                ..advertisers(vec![call.advertiser_id.clone()])
            },
            Self::Mapping(call) => Facts {
                action: Some(match call.action {
                    mapping::Action::Add => "add",
                    mapping::Action::Delete => "delete",
                }),
                rows: call.rows(),
                ids: call.ids(),
                audience_ids: call.audience_ids(),
                ..advertisers(call.advertiser_ids.clone())
            },
            Self::AudienceList(call) => advertisers(vec![call.advertiser_id.clone()]),
            Self::AudienceGet(call) => advertisers(vec![call.advertiser_id.clone()]),
        }
    }

    /// Does what is asked, by the rules. `partly` lets a mapping call with bad rows through for its good ones.
    pub(crate) fn carry_out(&self, state: &mut State, token: Option<&str>, partly: bool, now_ms: u64) -> Outcome {
        let State { rules, world, .. } = state;
        match self {
            Self::Exchange(call) => call.carry_out(world, now_ms),
            Self::Revocation(call) => call.carry_out(world),
            Self::Advertisers(call) => call.carry_out(world, token),
            Self::AdvertiserInfo(call) => call.carry_out(rules, world, token),
            Self::UserInfo => account::user(world, token),
            Self::Audience(call) => call.carry_out(rules, world, token, now_ms),
            Self::Mapping(call) => call.carry_out(rules, world, token, partly || rules.partly),
            Self::AudienceList(call) => call.carry_out(rules, world, token, now_ms),
            Self::AudienceGet(call) => call.carry_out(rules, world, token, now_ms),
        }
    }
}

fn app(app_id: &str) -> Facts {
    Facts { app_id: Some(app_id.to_owned()), ..Facts::default() }
}

fn advertisers(advertiser_ids: Vec<String>) -> Facts {
    Facts { advertiser_ids, ..Facts::default() }
}

fn json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    // A derived struct could also be read from an array.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Refusal::parameter("The body is not a JSON object."));
    }
    serde_json::from_slice(body).map_err(|error| Refusal::parameter(format!("The body: {error}.")))
}

fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Refusal> {
    Query::try_from_uri(uri)
        .map(|Query(query)| query)
        .map_err(|error| Refusal::parameter(format!("The query: {error}.")))
}
