//! Every call under `/open_api/v1.3`: read, written into the journal, limited, perhaps hit by a fault, carried out, answered.
//! It knows no endpoint; `operation.rs` does.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

use crate::answer::{self, Outcome, Refusal};
use crate::fault::active::Target;
use crate::fault::{self, Fault, Kind};
use crate::journal::{Entry, token_digest, token_fingerprint};
use crate::operation::{Endpoint, Facts, Operation};
use crate::rules::CarriedOut;
use crate::state::{Sandbox, State};
use crate::{API_BASE_PATH, clock, member};

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
    /// Or the limit that refuses the call.
    plan: Result<Plan, Refusal>,
}

/// What happens to a call.
struct Plan {
    fault: Option<Fault>,
    effect: Effect,
    wait: Duration,
}

/// When a call takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Never,
    BeforeWait,
    AfterWait,
    /// Although the caller may have hung up.
    AfterWaitRegardless,
}

/// Answers a call.
pub(crate) async fn answer(Shared(sandbox): Shared<Arc<Sandbox>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_CEILING).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let call = Call::new(parts.method, parts.uri, &parts.headers, body);
    let endpoint = match Endpoint::find(&call.method, &call.path) {
        Ok(endpoint) => endpoint,
        Err(status) => return no_such_call(&sandbox, &call, status),
    };
    let limit = sandbox.lock().rules.general.max_body_bytes;
    let operation = call.read(endpoint, limit);
    let Opened { seq, plan } = call.open(&mut sandbox.lock(), &operation);
    let plan = match plan {
        Ok(plan) => plan,
        Err(refusal) => return call.close(&mut sandbox.lock(), seq, Err(refusal)),
    };
    if plan.effect != Effect::AfterWaitRegardless {
        return call.finish(&sandbox, seq, plan, &operation).await;
    }
    // A task of its own is not dropped when the caller hangs up.
    let finished = tokio::spawn(async move {
        let operation = call.read(endpoint, limit);
        call.finish(&sandbox, seq, plan, &operation).await
    });
    finished.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
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

    fn read(&self, endpoint: Endpoint, limit: usize) -> Result<Operation<'_>, Refusal> {
        if self.body.len() > limit {
            return Err(Refusal::new(40061, format!("The body has more than {limit} bytes.")));
        }
        if self.method == Method::POST && !self.json {
            return Err(Refusal::parameter("Content-Type is not application/json."));
        }
        Operation::read(endpoint, &self.uri, &self.body)
    }

    /// Writes the call down and decides what happens to it.
    fn open(&self, state: &mut State, operation: &Result<Operation<'_>, Refusal>) -> Opened {
        let facts = operation.as_ref().map(Operation::facts).unwrap_or_default();
        let grant = self.token.as_ref().and_then(|token| state.world.tokens.get(token));
        let core_user_id = grant.map(|grant| grant.core_user_id.clone());
        let app_id = facts.app_id.as_ref().or(grant.map(|grant| &grant.app_id));
        let app_id = app_id.unwrap_or(&state.rules.general.app_id);
        let advertiser_ids = &facts.advertiser_ids;
        let limits = state.counters.take(&state.rules, app_id, advertiser_ids, facts.changes_audiences, self.at_ms);
        let plan = limits.map(|()| {
            let token = self.token.as_deref().map(token_digest);
            let target = Target { path: &self.path, advertiser_ids, action: facts.action, token: token.as_deref() };
            let fault = state.faults.hit(target);
            let rules = state.rules.for_call(advertiser_ids);
            Plan::new(rules.carried_out, rules.answer_after_ms, fault)
        });
        let fault = plan.as_ref().ok().and_then(|plan| plan.fault.as_ref());
        let entry = Entry { core_user_id, ..self.entry(facts, fault) };
        Opened { seq: state.journal.open(entry), plan }
    }

    fn entry(&self, facts: Facts, fault: Option<&Fault>) -> Entry {
        Entry {
            seq: 0,
            at_ms: self.at_ms,
            applied_at_ms: None,
            answered_at_ms: None,
            method: self.method.to_string(),
            path: self.path.clone(),
            advertiser_ids: facts.advertiser_ids,
            action: facts.action.map(str::to_owned),
            rows: facts.rows,
            ids: facts.ids,
            audience_ids: facts.audience_ids,
            bytes: self.body.len(),
            token: self.token.as_deref().map(token_fingerprint),
            core_user_id: None,
            status: None,
            code: None,
            applied: false,
            fault: fault.map(|fault| fault.kind.name().to_owned()),
            request_id: self.request_id.clone(),
        }
    }

    /// Waits, carries the call out before or after, and answers with the outcome or as the fault says.
    async fn finish(
        &self,
        sandbox: &Sandbox,
        seq: u64,
        plan: Plan,
        operation: &Result<Operation<'_>, Refusal>,
    ) -> Response {
        let Plan { fault, effect, wait } = plan;
        let kind = fault.map(|fault| fault.kind);
        let partly = kind == Some(Kind::Partly);
        let carry_out = || self.carry_out(&mut sandbox.lock(), seq, operation, partly);
        let early = (effect == Effect::BeforeWait).then(carry_out);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let late = matches!(effect, Effect::AfterWait | Effect::AfterWaitRegardless).then(carry_out);
        let outcome = early.or(late);
        match kind {
            None | Some(Kind::Hang { .. } | Kind::Partly) => {
                let outcome = outcome.unwrap_or_else(carry_out);
                self.close(&mut sandbox.lock(), seq, outcome)
            }
            Some(Kind::Code { code, message }) => {
                self.close(&mut sandbox.lock(), seq, Err(Refusal::new(code, message)))
            }
            Some(broken) => self.close_broken(&mut sandbox.lock(), seq, &broken, outcome),
        }
    }

    fn carry_out(
        &self,
        state: &mut State,
        seq: u64,
        operation: &Result<Operation<'_>, Refusal>,
        partly: bool,
    ) -> Outcome {
        let operation = operation.as_ref().map_err(Clone::clone)?;
        let now_ms = clock::now_ms();
        let done = operation.carry_out(state, self.token.as_deref(), partly, now_ms)?;
        state.journal.amend(seq, |entry| {
            entry.applied = true;
            entry.applied_at_ms = Some(now_ms);
            entry.audience_ids.extend(done.audience_made().map(str::to_owned));
        });
        Ok(done)
    }

    /// Answers with the outcome, as TikTok does.
    fn close(&self, state: &mut State, seq: u64, outcome: Outcome) -> Response {
        state.journal.amend(seq, |entry| {
            entry.answered_at_ms = Some(clock::now_ms());
            entry.status = Some(200);
            entry.code = Some(answer::code(&outcome));
        });
        answer::response(outcome, &self.request_id)
    }

    /// Answers as no API should.
    fn close_broken(&self, state: &mut State, seq: u64, kind: &Kind, outcome: Option<Outcome>) -> Response {
        let response = fault::answer::response(kind, outcome, &self.request_id);
        let status = (!fault::answer::is_cut(&response)).then(|| response.status().as_u16());
        state.journal.amend(seq, |entry| {
            entry.answered_at_ms = Some(clock::now_ms());
            entry.status = status;
        });
        response
    }
}

impl Plan {
    /// By the rules, and by the fault that hit the call.
    fn new(carried_out: CarriedOut, answer_after_ms: u64, fault: Option<Fault>) -> Self {
        let hang_ms = if let Some(Fault { kind: Kind::Hang { ms }, .. }) = fault { ms } else { 0 };
        let effect = match (&fault, carried_out) {
            (Some(fault), _) if !fault.takes_effect() => Effect::Never,
            (Some(Fault { kind: Kind::Hang { .. }, applied: true, .. }), _) | (_, CarriedOut::BeforeWait) => {
                Effect::BeforeWait
            }
            (_, CarriedOut::AfterWait) => Effect::AfterWait,
            (_, CarriedOut::AfterWaitRegardless) => Effect::AfterWaitRegardless,
        };
        Self { fault, effect, wait: Duration::from_millis(answer_after_ms.saturating_add(hang_ms)) }
    }
}

fn no_such_call(sandbox: &Sandbox, call: &Call, status: StatusCode) -> Response {
    let mut entry = call.entry(Facts::default(), None);
    entry.status = Some(status.as_u16());
    entry.answered_at_ms = Some(clock::now_ms());
    sandbox.lock().journal.open(entry);
    (status, "404 page not found: every path ends in a slash.").into_response()
}
