//! A call as it was read: which endpoint it is for, and what it asks. The one table of paths; strict about every field.

use axum::extract::Query;
use axum::http::{Method, StatusCode, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::answer::{Outcome, Refusal};
use crate::state::State;
use crate::{account, audience, audience_list, mapping, oauth};

/// An endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
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

impl Endpoint {
    /// The endpoint of a path, whose trailing slash is part of it.
    pub(crate) fn find(method: &Method, path: &str) -> Result<Self, StatusCode> {
        let (needed, endpoint) = match path {
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
        if *method == needed { Ok(endpoint) } else { Err(StatusCode::METHOD_NOT_ALLOWED) }
    }
}

/// What a call asks.
#[derive(Debug)]
pub(crate) enum Operation<'a> {
    Exchange(oauth::Exchange),
    Revocation(oauth::Revocation),
    Advertisers(oauth::Advertisers),
    AdvertiserInfo(account::Info),
    UserInfo,
    Audience(audience::Change),
    Mapping(mapping::Mapping<'a>),
    AudienceList(audience_list::List),
    AudienceGet(audience_list::Get),
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
    /// Whether it is a call of `/segment/audience/`, which has limits of its own.
    pub(crate) changes_audiences: bool,
}

impl<'a> Operation<'a> {
    /// Reads the query or the body, as the endpoint has it.
    pub(crate) fn read(endpoint: Endpoint, uri: &Uri, body: &'a [u8]) -> Result<Self, Refusal> {
        Ok(match endpoint {
            Endpoint::Exchange => Self::Exchange(json(body)?),
            Endpoint::Revocation => Self::Revocation(json(body)?),
            Endpoint::Advertisers => Self::Advertisers(query(uri)?),
            Endpoint::AdvertiserInfo => Self::AdvertiserInfo(query(uri)?),
            Endpoint::UserInfo => Self::UserInfo,
            Endpoint::Audience => Self::Audience(json(body)?),
            Endpoint::Mapping => Self::Mapping(json(body)?),
            Endpoint::AudienceList => Self::AudienceList(query(uri)?),
            Endpoint::AudienceGet => Self::AudienceGet(query(uri)?),
        })
    }

    pub(crate) fn facts(&self) -> Facts {
        let facts = Facts { advertiser_ids: self.advertiser_ids(), ..Facts::default() };
        match self {
            Self::Exchange(oauth::Exchange { app_id, .. })
            | Self::Revocation(oauth::Revocation { app_id, .. })
            | Self::Advertisers(oauth::Advertisers { app_id, .. }) => Facts { app_id: Some(app_id.clone()), ..facts },
            Self::AdvertiserInfo(_) | Self::UserInfo | Self::AudienceList(_) | Self::AudienceGet(_) => facts,
            Self::Audience(call) => Facts {
                action: Some(match call.action {
                    audience::Action::Create => "create",
                    audience::Action::Delete => "delete",
                }),
                audience_ids: call.delete_audience_id.iter().cloned().collect(),
                changes_audiences: true,
                ..facts
            },
            Self::Mapping(call) => Facts {
                action: Some(match call.action {
                    mapping::Action::Add => "add",
                    mapping::Action::Delete => "delete",
                }),
                rows: call.rows(),
                ids: call.ids(),
                audience_ids: call.audience_ids(),
                ..facts
            },
        }
    }

    /// The advertisers that the call names.
    fn advertiser_ids(&self) -> Vec<String> {
        match self {
            Self::Exchange(_) | Self::Revocation(_) | Self::Advertisers(_) | Self::UserInfo => Vec::new(),
            Self::AdvertiserInfo(call) => call.advertisers(),
            Self::Audience(call) => vec![call.advertiser_id.clone()],
            Self::Mapping(call) => call.advertiser_ids.clone(),
            Self::AudienceList(call) => vec![call.advertiser_id.clone()],
            Self::AudienceGet(call) => vec![call.advertiser_id.clone()],
        }
    }

    /// Does what is asked, by the rules. `partly` lets a mapping call with bad rows through for its good ones.
    pub(crate) fn carry_out(&self, state: &mut State, token: Option<&str>, partly: bool, now_ms: u64) -> Outcome {
        let State { rules, world, .. } = state;
        let rules = rules.for_call(&self.advertiser_ids());
        match self {
            Self::Exchange(call) => call.carry_out(rules, world, now_ms),
            Self::Revocation(call) => call.carry_out(world),
            Self::Advertisers(call) => call.carry_out(world, token),
            Self::AdvertiserInfo(call) => call.carry_out(rules, world, token),
            Self::UserInfo => account::user(world, token),
            Self::Audience(call) => call.carry_out(rules, world, token, now_ms),
            Self::Mapping(call) => call.carry_out(rules, world, token, partly, now_ms),
            Self::AudienceList(call) => call.carry_out(rules, world, token, now_ms),
            Self::AudienceGet(call) => call.carry_out(rules, world, token, now_ms),
        }
    }
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
