//! The way of every call under `/open_api/v1.3`: read, journalled, limited, perhaps hit by a fault, carried out, answered.
//! It knows no endpoint; `asked.rs` does.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

use crate::answer::{self, Outcome, Refusal};
use crate::asked::{Asked, Facts, Route};
use crate::fault::{Fault, Kind};
use crate::journal::{Entry, token_fingerprint};
use crate::state::{Sandbox, State};
use crate::{API_BASE_PATH, clock, member, misbehave};

/// More than any rule allows: above it nothing is read.
const BODY_CEILING: usize = 64 * 1024 * 1024;

/// A call as it came in.
struct Call {
    method: Method,
    uri: Uri,
    path: String,
    token: Option<String>,
    json: bool,
    body: Bytes,
    request_id: String,
    at_ms: u64,
}

/// What was decided before anything is carried out.
struct Opened {
    seq: u64,
    fate: Result<Option<Fault>, Refusal>,
}

/// Answers a call.
pub(crate) async fn answer(Shared(sandbox): Shared<Arc<Sandbox>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_CEILING).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let call = Call::new(parts.method, parts.uri, &parts.headers, body);
    let route = match Route::find(&call.method, &call.path) {
        Ok(route) => route,
        Err(status) => return no_such_call(&sandbox, &call, status),
    };
    let limit = sandbox.lock().rules.max_body_bytes;
    let asked = call.read(route, limit);
    let opened = call.open(&mut sandbox.lock(), &asked);
    let fault = match opened.fate {
        Ok(fault) => fault,
        Err(refusal) => return call.close(&sandbox, opened.seq, Err(refusal)),
    };
    let Some(fault) = fault else {
        let outcome = call.carry_out(&mut sandbox.lock(), opened.seq, &asked, false);
        return call.close(&sandbox, opened.seq, outcome);
    };
    call.suffer(&sandbox, opened.seq, &asked, &fault).await
}

impl Call {
    fn new(method: Method, uri: Uri, headers: &HeaderMap, body: Bytes) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let at_ms = clock::now_ms();
        let random = member::hex(&rand::random::<[u8; 9]>()).to_uppercase();
        let path = uri.path();
        Self {
            path: path.strip_prefix(API_BASE_PATH).unwrap_or(path).to_owned(),
            token: text("access-token").map(str::to_owned),
            json: text(header::CONTENT_TYPE.as_str()).is_some_and(|value| value.starts_with("application/json")),
            request_id: format!("{}{random}", clock::compact(at_ms)),
            method,
            uri,
            body,
            at_ms,
        }
    }

    fn read(&self, route: Route, limit: usize) -> Result<Asked<'_>, Refusal> {
        if self.body.len() > limit {
            return Err(Refusal::new(40061, format!("The body has more than {limit} bytes.")));
        }
        if self.method == Method::POST && !self.json {
            return Err(Refusal::parameter("Content-Type is not application/json."));
        }
        Asked::read(route, &self.uri, &self.body)
    }

    /// Writes the call down and decides its fate: refused by a limit, hit by a fault, or carried out.
    fn open(&self, state: &mut State, asked: &Result<Asked<'_>, Refusal>) -> Opened {
        let facts = asked.as_ref().map(Asked::facts).unwrap_or_default();
        let app_id = facts.app_id.clone().or_else(|| {
            let grant = self.token.as_ref().and_then(|token| state.world.tokens.get(token));
            grant.map(|grant| grant.app_id.clone())
        });
        let app_id = app_id.unwrap_or_else(|| state.rules.app_id.clone());
        let fate = state
            .counters
            .take(&state.rules, &app_id, &facts.advertiser_ids, self.at_ms)
            .map(|()| state.faults.hit(&self.path, &facts.advertiser_ids, facts.action));
        let fault = fate.as_ref().ok().and_then(Option::as_ref);
        let seq = state.journal.open(self.entry(facts, fault));
        Opened { seq, fate }
    }

    fn entry(&self, facts: Facts, fault: Option<&Fault>) -> Entry {
        Entry {
            seq: 0,
            at_ms: self.at_ms,
            method: self.method.to_string(),
            path: self.path.clone(),
            advertiser_ids: facts.advertiser_ids,
            action: facts.action.map(str::to_owned),
            rows: facts.rows,
            ids: facts.ids,
            audience_ids: facts.audience_ids,
            bytes: self.body.len(),
            token: self.token.as_deref().map(token_fingerprint),
            status: None,
            code: None,
            applied: false,
            fault: fault.map(|fault| fault.kind.name().to_owned()),
            request_id: self.request_id.clone(),
        }
    }

    fn carry_out(&self, state: &mut State, seq: u64, asked: &Result<Asked<'_>, Refusal>, partly: bool) -> Outcome {
        let asked = asked.as_ref().map_err(Clone::clone)?;
        let outcome = asked.carry_out(state, self.token.as_deref(), partly, self.at_ms);
        state.journal.amend(seq, |entry| entry.applied = outcome.is_ok());
        outcome
    }

    /// Answers with the outcome, by the book.
    fn close(&self, sandbox: &Sandbox, seq: u64, outcome: Outcome) -> Response {
        sandbox.lock().journal.amend(seq, |entry| {
            entry.status = Some(200);
            entry.code = Some(answer::code(&outcome));
        });
        answer::response(outcome, &self.request_id)
    }

    async fn suffer(&self, sandbox: &Sandbox, seq: u64, asked: &Result<Asked<'_>, Refusal>, fault: &Fault) -> Response {
        let carry_out = |partly| self.carry_out(&mut sandbox.lock(), seq, asked, partly);
        let done = fault.applied.then(|| carry_out(fault.kind == Kind::Partly));
        match &fault.kind {
            Kind::Hang { ms } => {
                tokio::time::sleep(Duration::from_millis(*ms)).await;
                self.close(sandbox, seq, done.unwrap_or_else(|| carry_out(false)))
            }
            Kind::Partly => self.close(sandbox, seq, done.unwrap_or_else(|| carry_out(true))),
            Kind::Code { code, message } => self.close(sandbox, seq, Err(Refusal::new(*code, message.clone()))),
            Kind::Status { .. }
            | Kind::Cut
            | Kind::Text { .. }
            | Kind::Truncated
            | Kind::Oversized { .. }
            | Kind::Redirect { .. } => {
                let response = misbehave::response(&fault.kind, done, &self.request_id);
                let cut = misbehave::is_cut(&response);
                sandbox.lock().journal.amend(seq, |entry| {
                    entry.status = (!cut).then(|| response.status().as_u16());
                });
                response
            }
        }
    }
}

fn no_such_call(sandbox: &Sandbox, call: &Call, status: StatusCode) -> Response {
    let entry = Entry { status: Some(status.as_u16()), ..call.entry(Facts::default(), None) };
    sandbox.lock().journal.open(entry);
    (status, "404 page not found: every path ends in a slash.").into_response()
}
