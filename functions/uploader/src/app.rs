//! The function: its clients, what it keeps from one invocation to the next, and the handling of an event.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use queue::Queue;
use secrets::Secrets;
use tokio::time::Instant;

use crate::audiences::AudienceLists;
use crate::backoff::Backoff;
use crate::breaker::Breaker;
use crate::event::{Event, Response};
use crate::recent_refusals::RecentRefusals;
use crate::token::Tokens;
use crate::turns::Turns;
use crate::{Config, rounds};

/// How long one call to AWS may take: a receive waits for a second in it.
const AWS_CALL: Duration = Duration::from_secs(5);
/// Tries of a call to Secrets Manager. The queue has retries of its own, which look at each entry.
const AWS_TRIES: u32 = 3;
/// How long TikTok is waited for when it is asked whether it accepts a token.
const PROBE: Duration = Duration::from_secs(5);

/// The clients and settings of the function, and what it remembers.
#[derive(Debug)]
pub struct App {
    pub(crate) config: Config,
    pub(crate) queue: Queue,
    pub(crate) dead_letters: Queue,
    pub(crate) tiktok: tiktok::Client,
    pub(crate) tokens: Tokens,
    pub(crate) turns: Turns,
    pub(crate) recent_refusals: RecentRefusals,
    pub(crate) audience_lists: AudienceLists,
    breaker: Mutex<Breaker>,
    backoff: Mutex<Backoff>,
}

impl App {
    /// Builds the function with AWS clients that the environment configures.
    ///
    /// # Errors
    /// TikTok's address cannot be called.
    pub fn build(config: Config) -> anyhow::Result<Self> {
        let aws = startup::aws_config(AWS_CALL, AWS_TRIES);
        Self::new(config, &aws_sdk_sqs::Client::new(&aws), aws_sdk_secretsmanager::Client::new(&aws))
    }

    /// Builds the function with those clients.
    ///
    /// # Errors
    /// TikTok's address cannot be called.
    pub fn new(
        config: Config,
        sqs: &aws_sdk_sqs::Client,
        secrets_manager: aws_sdk_secretsmanager::Client,
    ) -> anyhow::Result<Self> {
        let tiktok =
            tiktok::Client::new(&config.tiktok_api_base_url, PROBE).context("the setting TIKTOK_API_BASE_URL")?;
        let secrets = Secrets::new(secrets_manager, &config.advertiser_secret_prefix);
        let share = |rate: f64| rate / config.concurrency;
        Ok(Self {
            queue: Queue::new(sqs, config.queue_url.clone()),
            dead_letters: Queue::new(sqs, config.dead_letter_queue_url.clone()),
            tokens: Tokens::new(secrets, tiktok.clone(), config.token_grace),
            tiktok,
            turns: Turns::new(share(config.calls_per_second), share(config.advertiser_calls_per_second)),
            recent_refusals: RecentRefusals::new(),
            audience_lists: AudienceLists::new(),
            breaker: Mutex::default(),
            backoff: Mutex::default(),
            config,
        })
    }

    /// Works on the event's messages and on what else is on the queue until `deadline`, and says which of the event's messages stay.
    pub async fn handle(&self, event: Event, deadline: Instant) -> Response {
        let response = rounds::run(self, event, deadline).await;
        let now = Instant::now();
        self.turns.tidy();
        self.breaker(|breaker| breaker.tidy(now));
        self.backoff(|backoff| backoff.tidy(now));
        response
    }

    pub(crate) fn breaker<T>(&self, act: impl FnOnce(&mut Breaker) -> T) -> T {
        act(&mut self.breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn backoff<T>(&self, act: impl FnOnce(&mut Backoff) -> T) -> T {
        act(&mut self.backoff.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
