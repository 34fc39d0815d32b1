//! One request from its address to its answer, with one log line and one count of what came of it.

use std::time::Instant;

use lambda_http::http::{HeaderValue, Method, StatusCode, header};
use lambda_http::{Body, Request, RequestExt, Response};
use secrecy::ExposeSecret;
use secrets::Secrets;
use tiktok::{BuildError, Client, Trace};

use crate::Config;
use crate::answer::Headers;
use crate::check::Findings;
use crate::consent::{cookie, fresh_state};
use crate::page::{Sorry, Start, Token};
use crate::problem::Problem;
use crate::query::{Asked, Callback};
use crate::repair::Repair;
use crate::standing::Standing;

/// Faults that are spelled out in a log line; of more, only their number is told.
const LOGGED_FAULTS: usize = 3;

/// The function, with its clients.
#[derive(Debug)]
pub struct App {
    pub(crate) config: Config,
    pub(crate) secrets: Secrets,
    /// For the exchange, which is waited for longer than for anything else.
    pub(crate) exchanging: Client,
    /// For all other calls.
    pub(crate) checking: Client,
    headers: Headers,
}

/// What came of a request: the answer, and what is logged of it.
struct Outcome {
    response: Response<Body>,
    /// The word under which it is counted and logged.
    word: &'static str,
    findings: Findings,
    fault: Option<String>,
    trace: Trace,
}

impl App {
    /// The app of `config`, with its own clients of TikTok.
    ///
    /// # Errors
    /// If TikTok's address cannot be called, or TLS cannot be set up.
    pub fn new(config: Config, secrets: Secrets) -> Result<Self, BuildError> {
        let exchanging = Client::new(&config.tiktok_api, config.patience.exchange)?;
        let checking = Client::new(&config.tiktok_api, config.patience.check)?;
        Ok(Self { config, secrets, exchanging, checking, headers: Headers::new() })
    }

    /// Answers a request.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let started = Instant::now();
        let request_id = request.lambda_context_ref().map_or("", |context| &*context.request_id);
        let outcome = if request.method() == Method::GET {
            match Asked::read(request.uri().query().unwrap_or_default()) {
                Asked::Start => Outcome::plain("start", self.headers.page(StatusCode::OK, &Start)),
                Asked::Begin => self.begin(),
                Asked::Shown => self.sorry(Problem::Shown, request_id),
                Asked::NotFinished => self.sorry(Problem::NotFinished, request_id),
                Asked::Damaged => self.sorry(Problem::Damaged, request_id),
                Asked::Token(callback) => self.token(&callback, &request, request_id).await,
            }
        } else {
            let mut refused = self.sorry(Problem::Method, request_id);
            refused.response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
            refused
        };
        outcome.record(request_id, started);
        outcome.response
    }

    fn sorry(&self, problem: Problem, reference: &str) -> Outcome {
        Outcome::plain(problem.outcome(), self.headers.page(problem.status(), &Sorry { problem, reference }))
    }

    fn begin(&self) -> Outcome {
        let state = fresh_state();
        let response = self.headers.redirect(&self.config.consent_link.with_state(&state), &cookie(&state));
        Outcome::plain("begin", response)
    }

    async fn token(&self, callback: &Callback, request: &Request, request_id: &str) -> Outcome {
        let state = callback.state.expose_secret();
        if !self.config.consent_link.accepts(state, self.config.require_fresh_state, request.headers()) {
            return self.sorry(Problem::OtherBrowser, request_id);
        }
        let exchanged = match self.exchange(&callback.code).await {
            Ok(exchanged) => exchanged,
            Err(fault) => {
                let sorry = self.sorry(fault.problem, request_id);
                return Outcome { fault: Some(fault.why), trace: fault.trace, ..sorry };
            }
        };
        let findings = self.check(&exchanged.app, &exchanged.grant).await;
        let verdict = findings.verdict();
        let page = Token {
            secret: exchanged.grant.access_token.expose_secret(),
            findings: &findings,
            verdict,
            minimum_users: self.config.minimum_audience_users,
        };
        let response = self.headers.page(StatusCode::OK, &page);
        Outcome {
            trace: exchanged.trace,
            fault: faults(&findings),
            findings,
            ..Outcome::plain(verdict.outcome(), response)
        }
    }
}

impl Outcome {
    fn plain(word: &'static str, response: Response<Body>) -> Self {
        Self { response, word, findings: Findings::default(), fault: None, trace: Trace::default() }
    }

    /// Logs and counts it. Nothing of the address, the cookie or the page is in it.
    fn record(&self, request_id: &str, started: Instant) {
        let accounts = &self.findings.accounts;
        let of = |standing| accounts.iter().filter(|account| account.standing == standing).count();
        let connected = accounts.iter().filter(|account| account.repair != Repair::None).count();
        let healed = |repair| matches!(repair, Repair::Stored { healed: true, .. });
        let healed = accounts.iter().filter(|account| healed(account.repair)).count();
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let status = self.response.status().as_u16();
        let (ready, unchecked) = (of(Standing::Ready), of(Standing::Unchecked));
        let (fault, trace) = (self.fault.as_deref(), &self.trace);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    outcome = self.word,
                    status,
                    request_id,
                    duration_ms,
                    accounts = accounts.len(),
                    ready,
                    unchecked,
                    connected,
                    healed,
                    fault,
                    tiktok_request_id = trace.request_id,
                    tiktok_log_id = trace.log_id,
                    "authorisation request answered"
                )
            };
        }
        metrics::counter!("auth_requests", "outcome" => self.word).increment(1);
        if self.word == Problem::Operator.outcome() {
            metrics::counter!("operator_faults").increment(1);
            line!(error);
        } else {
            line!(info);
        }
    }
}

fn faults(findings: &Findings) -> Option<String> {
    let (first, more) = findings.faults.split_at(findings.faults.len().min(LOGGED_FAULTS));
    let more = if more.is_empty() { String::new() } else { format!("; and {} more", more.len()) };
    (!first.is_empty()).then(|| first.join("; ") + &more)
}
