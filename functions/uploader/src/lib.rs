//! Drains the queue into TikTok: reads a batch of envelopes, plans, hashes, sends, and reports each message's outcome.
//!
//! The parts, in the order of a batch: [`event`] → [`batch`] → [`plan`] → [`send`] and [`isolate`] → [`settle`].

pub mod batch;
pub mod clock;
pub mod config;
pub mod connection;
pub mod event;
pub mod isolate;
pub mod outcome;
pub mod pace;
pub mod plan;
pub mod send;
pub mod settle;

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use queue::Queue;
use secrets::Secrets;
use tokio::time::Instant;

use crate::batch::Batch;
use crate::config::Config;
use crate::event::{Event, Response};
use crate::outcome::{Outcome, Reason};
use crate::pace::Pace;
use crate::plan::Call;
use crate::send::{Patience, Sender};
use crate::settle::Terms;

/// Time kept at the end of an invocation to settle what was not delivered.
const SETTLING: Duration = Duration::from_secs(10);
/// Calls under way at once for one advertiser.
const PARALLEL_CALLS: usize = 4;
/// How long an advertiser's record is kept in memory.
const KEEP_RECORDS: Duration = Duration::from_secs(30);

/// The function: its clients, and what it remembers from one invocation to the next.
#[derive(Debug)]
pub struct App {
    config: Config,
    tiktok: tiktok::Client,
    secrets: Secrets,
    queue: Queue,
    dead_letters: Queue,
    pace: Pace,
}

impl App {
    /// Builds the function from its settings and AWS clients.
    ///
    /// # Errors
    /// [`tiktok::BuildError`] if TikTok's address or the HTTPS client is unusable.
    pub fn new(
        config: Config,
        sqs: aws_sdk_sqs::Client,
        secrets_manager: aws_sdk_secretsmanager::Client,
    ) -> Result<Self, tiktok::BuildError> {
        let share = config.maximum_concurrency;
        Ok(Self {
            tiktok: tiktok::Client::new(&config.tiktok_api_base_url, config.tiktok_timeout)?,
            secrets: Secrets::new(secrets_manager, config.advertiser_secret_prefix.clone(), KEEP_RECORDS),
            queue: Queue::new(sqs.clone(), config.queue_url.clone()),
            dead_letters: Queue::new(sqs, config.dead_letter_queue_url.clone()),
            pace: Pace::new(config.calls_per_second / share, config.advertiser_calls_per_second / share),
            config,
        })
    }

    /// Uploads a batch. Every message of it is delivered, put aside with its reason, or comes back.
    pub async fn handle(&self, event: &Event<'_>, deadline: Instant) -> Response {
        let started = Instant::now();
        let batch = Batch::read(event, &self.secrets, self.config.limits).await;
        let time = deadline.saturating_duration_since(started);
        let outcomes = self.send(&batch, started + time - SETTLING.min(time / 4)).await;
        let terms = Terms {
            queue: &self.queue,
            dead_letters: &self.dead_letters,
            max_age: self.config.max_age,
            max_waiting: self.config.max_waiting,
        };
        let response = settle::settle(event, &batch, outcomes, terms).await;
        self.pace.tidy();
        tracing::info!(
            messages = event.messages.len(),
            users = batch.plan.counts.users,
            changes = batch.plan.changes.len(),
            calls_planned = batch.plan.calls.len(),
            returned = response.failures.len(),
            duration_ms = clock::ms(started.elapsed()),
            "batch"
        );
        response
    }

    /// Sends all calls of a plan, advertisers side by side, and tells what became of each change.
    async fn send(&self, batch: &Batch, until: Instant) -> Vec<Outcome> {
        let mut of_advertiser = std::collections::BTreeMap::<_, Vec<Call>>::new();
        for call in &batch.plan.calls {
            if let Some(connection) = batch.connections.get(call.connection as usize) {
                of_advertiser.entry(connection.advertiser).or_default().push(call.clone());
            }
        }
        let settled =
            futures::future::join_all(of_advertiser.into_values().map(|calls| self.serve(batch, calls, until)));
        let unsent = Outcome::Later(Reason::new("internal", "the change was in no call"));
        let mut outcomes = vec![unsent; batch.plan.changes.len()];
        for settled in settled.await.into_iter().flatten() {
            for piece in &settled.pieces {
                for change in piece.changes(&batch.plan) {
                    if let Some(outcome) = outcomes.get_mut(change) {
                        *outcome = settled.outcome.clone();
                    }
                }
            }
        }
        outcomes
    }

    /// Sends the calls of one advertiser.
    async fn serve(&self, batch: &Batch, calls: Vec<Call>, until: Instant) -> Vec<isolate::Settled> {
        let patience = Patience::default();
        let settled: Vec<_> = stream::iter(calls)
            .filter_map(|call| {
                let connection = batch.connections.get(call.connection as usize);
                std::future::ready(connection.map(|connection| (connection, call)))
            })
            .map(|(connection, call)| {
                let Self { tiktok, secrets, pace, .. } = self;
                let sender = Sender { tiktok, secrets, pace, connection, patience: &patience, until };
                async move {
                    let settled = isolate::deliver(sender, call).await;
                    connection.verify(tiktok, secrets).await;
                    settled
                }
            })
            .buffer_unordered(PARALLEL_CALLS)
            .concat()
            .await;
        settled
    }
}

/// Runs the function until Lambda stops it.
///
/// # Errors
/// What is wrong with the settings, or the Runtime API's failure.
pub async fn run() -> anyhow::Result<()> {
    let config = Config::read(startup::Settings::from_env())?;
    let telemetry = telemetry::Telemetry::set_up(config.log_level, config.metrics_namespace.clone(), "uploader")?;
    let aws = startup::aws_config(Duration::from_secs(5), 3).await;
    let app = App::new(config, aws_sdk_sqs::Client::new(&aws), aws_sdk_secretsmanager::Client::new(&aws))?;
    let app = Arc::new(app);
    let handler = lambda_runtime::service_fn(|event: lambda_runtime::LambdaEvent<Box<serde_json::value::RawValue>>| {
        let app = Arc::clone(&app);
        async move {
            let left = event.context.deadline().duration_since(std::time::SystemTime::now()).unwrap_or_default();
            let batch: Event<'_> = serde_json::from_str(event.payload.get()).map_err(|error| not_an_event(&error))?;
            let response = app.handle(&batch, Instant::now() + left).await;
            telemetry.flush();
            Ok::<_, lambda_runtime::Diagnostic>(response)
        }
    });
    lambda_runtime::run(handler).await.map_err(anyhow::Error::from_boxed)
}

/// Says where the event is not what SQS sends, and nothing of what is in it.
fn not_an_event(error: &serde_json::Error) -> lambda_runtime::Diagnostic {
    lambda_runtime::Diagnostic {
        error_type: "NotAnSqsEvent".to_owned(),
        error_message: format!(
            "the event is not a batch of SQS messages: line {}, column {}",
            error.line(),
            error.column()
        ),
    }
}
