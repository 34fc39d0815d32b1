//! The function: one request from its event to its answer, with one log line and one count of what came of it.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_secretsmanager::Client as SecretsManager;
use secrecy::ExposeSecret as _;
use secrets::{JsonSecret, Secrets};
use tiktok::{AppCredentials, Client};
use tokio::time::Instant;

use crate::answer::{Answer, Answers};
use crate::config::Config;
use crate::consent::{cookie, fresh_state};
use crate::event::{Method, Request, Route};
use crate::outcome::Outcome;
use crate::pace::{Exchanges, Probes};
use crate::page::{ProblemPage, StartPage, TokenPage};
use crate::problem::Problem;
use crate::query::{Callback, Query};

/// One try of a call to Secrets Manager.
const SECRETS_ATTEMPT: Duration = Duration::from_millis(1500);
/// Tries of a call to Secrets Manager.
const SECRETS_ATTEMPTS: u32 = 3;
/// Pages that try again by themselves come back after so many seconds more than they must, so that they do not meet again.
const SPREAD_SECONDS: RangeInclusive<u64> = 2..=4;

/// The function, with its clients and what it remembers between requests.
pub struct App {
    pub(crate) config: Config,
    pub(crate) secrets: Secrets,
    pub(crate) secrets_manager: SecretsManager,
    pub(crate) credentials: JsonSecret<AppCredentials>,
    pub(crate) exchanges: Mutex<Exchanges>,
    pub(crate) probes: Mutex<Probes>,
    answers: Answers,
    /// The path of this function in the browser.
    own_path: String,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("config", &self.config).finish_non_exhaustive()
    }
}

impl App {
    /// Builds the function with AWS clients that the environment configures.
    ///
    /// # Errors
    /// TikTok's address cannot be called.
    pub fn build(config: Config) -> anyhow::Result<Self> {
        let aws = startup::aws_config(SECRETS_ATTEMPT, SECRETS_ATTEMPTS);
        Self::new(config, SecretsManager::new(&aws))
    }

    /// Builds the function with this client.
    ///
    /// # Errors
    /// TikTok's address cannot be called.
    pub fn new(config: Config, secrets_manager: SecretsManager) -> anyhow::Result<Self> {
        // Each authorization has a client of its own; an address that cannot be called is told here.
        Client::new(&config.tiktok_api_base_url, config.time_limits.exchange)
            .context("the setting TIKTOK_API_BASE_URL")?;
        Ok(Self {
            secrets: Secrets::new(secrets_manager.clone(), &config.advertiser_secret_prefix),
            credentials: JsonSecret::new(secrets_manager.clone(), config.app_secret_id.clone()),
            secrets_manager,
            exchanges: Mutex::default(),
            probes: Mutex::default(),
            answers: Answers::new(),
            own_path: config.consent_link.own_path(),
            config,
        })
    }

    /// Answers an event of the HTTP API.
    pub async fn handle(&self, event: &str, lambda_request_id: &str) -> Answer {
        let started = Instant::now();
        let outcome = match Request::read(event) {
            Some(request) => self.answer(&request, lambda_request_id).await,
            None => self.problem(Problem::Damaged, lambda_request_id),
        };
        outcome.report(lambda_request_id, started.elapsed());
        outcome.answer
    }

    async fn answer(&self, request: &Request, lambda_request_id: &str) -> Outcome {
        let problem = |problem| self.problem(problem, lambda_request_id);
        match (request.method, request.route) {
            // Nobody asked for it yet: nothing is shown and no code is spent.
            _ if request.prefetch => Outcome::new("prefetch", self.answers.empty(204)),
            (Method::Head, Route::Auth | Route::Home) => Outcome::new("head", self.answers.empty(204)),
            (Method::Head, Route::Unknown) => Outcome::new("no_such_page", self.answers.empty(404)),
            (Method::Get | Method::Other, Route::Unknown) => problem(Problem::NoSuchPage),
            (Method::Other, Route::Auth | Route::Home) => {
                let Outcome { answer, .. } = problem(Problem::Method);
                Outcome::new(Problem::Method.outcome(), answer.allowing("GET, HEAD"))
            }
            (Method::Get, Route::Home) => self.start_page(),
            (Method::Get, Route::Auth) => match Query::read(&request.query) {
                Query::StartPage => self.start_page(),
                Query::Authorize => self.authorize(request),
                Query::Shown => problem(Problem::Shown),
                Query::NotFinished => problem(Problem::NotFinished),
                Query::Damaged => problem(Problem::Damaged),
                Query::Token(callback) => self.token(&callback, request, lambda_request_id).await,
            },
        }
    }

    fn start_page(&self) -> Outcome {
        Outcome::new("start", self.answers.page(200, &StartPage { own_path: &self.own_path }))
    }

    fn authorize(&self, request: &Request) -> Outcome {
        let state = fresh_state();
        let cookie = cookie(&state, &request.cookies);
        Outcome::new("begin", self.answers.redirect(self.config.consent_link.with_state(&state), cookie))
    }

    fn problem(&self, problem: Problem, reference: &str) -> Outcome {
        let page = ProblemPage { problem, reference, own_path: &self.own_path };
        let mut answer = self.answers.page(problem.status(), &page);
        if let Problem::Busy { again_in } = problem {
            answer = answer.retry_after(again_in);
        }
        Outcome::new(problem.outcome(), answer)
    }

    async fn token(&self, callback: &Callback, request: &Request, lambda_request_id: &str) -> Outcome {
        let state = callback.state.expose_secret();
        if !self.config.consent_link.accepts(state, self.config.require_fresh_state, &request.cookies) {
            return self.problem(Problem::OtherBrowser, lambda_request_id);
        }
        if let Err(wait) = self.exchanges().let_through(request.source, Instant::now()) {
            let spread = Duration::from_secs(rand::random_range(SPREAD_SECONDS));
            return self.problem(Problem::Busy { again_in: wait + spread }, lambda_request_id);
        }
        let exchanged = match self.exchange(&callback.code).await {
            Ok(exchanged) => exchanged,
            Err(failed) => {
                if failed.problem == Problem::Used {
                    self.exchanges().note_refused(request.source, Instant::now());
                }
                let Outcome { word, answer, .. } = self.problem(failed.problem, lambda_request_id);
                return Outcome { cause: Some(failed.cause), trace: failed.trace, ..Outcome::new(word, answer) };
            }
        };
        let findings = self.check(&exchanged).await;
        let verdict = findings.verdict();
        let page = TokenPage {
            secret: exchanged.grant.access_token.expose_secret(),
            findings: &findings,
            verdict,
            minimum_users: self.config.minimum_audience_users,
            email_identities: self.config.email_identities,
            own_path: &self.own_path,
        };
        let answer = self.answers.page(200, &page);
        Outcome { trace: exchanged.trace, findings, ..Outcome::new(verdict.outcome(), answer) }
    }

    fn exchanges(&self) -> std::sync::MutexGuard<'_, Exchanges> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
