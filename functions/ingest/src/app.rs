//! The function: takes an event by either door, and answers the message in it.

use std::time::Duration;

use anyhow::Context;
use aws_sdk_sqs::config::retry::RetryConfig;
use firehose::{Membership, Message, ModuleRegistration, Request, Response, Subscription};
use queue::Queue;
use secrets::Secrets;

use crate::connection::Connections;
use crate::door::{Door, HttpEvent, MAX_EVENT_BYTES};
use crate::observation::Observation;
use crate::tokens::Connection;
use crate::{Config, Refusal, Reply, membership, queueing, registration, tokens};

/// How long what was read from Secrets Manager is kept.
const SECRETS_KEPT: Duration = Duration::from_secs(30);
/// How long one call to AWS may take.
const AWS_CALL: Duration = Duration::from_secs(1);
/// How long one call to TikTok may take.
const TIKTOK_CALL: Duration = Duration::from_secs(5);

/// The clients and settings of the function.
#[derive(Debug)]
pub struct App {
    queue: Queue,
    secrets: Secrets,
    firehose_token_secret_id: String,
    connections: Connections,
    registration: ModuleRegistration,
    envelope_max_bytes: usize,
}

impl App {
    /// Builds the function with AWS clients that the environment configures.
    ///
    /// # Errors
    /// TikTok's address cannot be called.
    pub async fn build(config: &Config) -> anyhow::Result<Self> {
        let aws = startup::aws_config(AWS_CALL, 3).await;
        // The queue has retries of its own, which look at each entry.
        let sqs = aws_sdk_sqs::config::Builder::from(&aws).retry_config(RetryConfig::disabled()).build();
        Self::new(config, aws_sdk_sqs::Client::from_conf(sqs), aws_sdk_secretsmanager::Client::new(&aws))
    }

    /// Builds the function with those clients.
    ///
    /// # Errors
    /// TikTok's address cannot be called.
    pub fn new(
        config: &Config,
        sqs: aws_sdk_sqs::Client,
        secrets_manager: aws_sdk_secretsmanager::Client,
    ) -> anyhow::Result<Self> {
        let tiktok =
            tiktok::Client::new(&config.tiktok_api_base_url, TIKTOK_CALL).context("the setting TIKTOK_API_BASE_URL")?;
        let secrets = Secrets::new(secrets_manager, config.advertiser_secret_prefix.clone(), SECRETS_KEPT);
        let delete_on_disconnect = config.delete_audience_on_disconnect;
        Ok(Self {
            queue: Queue::new(sqs, config.queue_url.clone()),
            connections: Connections { tiktok, secrets: secrets.clone(), delete_on_disconnect },
            secrets,
            firehose_token_secret_id: config.firehose_token_secret_id.clone(),
            registration: registration(config.registration),
            envelope_max_bytes: config.envelope_max_bytes,
        })
    }

    /// Answers an event: an HTTP API's in payload format 2.0, or a Firehose message itself.
    ///
    /// # Errors
    /// For a Firehose message itself, why it is refused. Over HTTP a refusal is an answer too.
    pub async fn handle(&self, event: &[u8]) -> Result<Reply, Refusal> {
        let door = Door::of(event);
        let mut seen = Observation::new(door);
        let answer = match door {
            _ if event.len() > MAX_EVENT_BYTES => Err(Refusal::TooLarge),
            Door::Http => self.http(event, &mut seen).await,
            Door::Direct => self.direct(event, &mut seen).await,
        };
        seen.report(answer.as_ref().err());
        match door {
            Door::Http => Ok(Reply::http(answer)),
            Door::Direct => answer.and_then(Reply::direct),
        }
    }

    async fn http(&self, event: &[u8], seen: &mut Observation) -> Result<String, Refusal> {
        let event = HttpEvent::read(event)?;
        let body = event.body()?;
        let message = firehose::parse(&body);
        // mParticle registers an integration before it is given a token.
        if !matches!(message, Ok(Message { request: Request::Registration, .. })) {
            self.authorise(event.token()).await?;
        }
        self.answer(message?, seen).await
    }

    async fn direct(&self, event: &[u8], seen: &mut Observation) -> Result<String, Refusal> {
        self.answer(firehose::parse(event)?, seen).await
    }

    async fn authorise(&self, token: Option<&str>) -> Result<(), Refusal> {
        let presented = token.ok_or(Refusal::Unauthorised)?;
        let tokens = self.secrets.firehose_tokens(&self.firehose_token_secret_id).await?;
        if tokens.accept(presented) { Ok(()) } else { Err(Refusal::Unauthorised) }
    }

    async fn answer(&self, message: Message<'_>, seen: &mut Observation) -> Result<String, Refusal> {
        let response = match message.request {
            Request::Registration => {
                seen.kind = "registration";
                Response::Registration(&self.registration)
            }
            Request::Subscription(request) => self.subscription(&request, seen).await?,
            Request::Membership(request) => self.membership(request, seen).await?,
        };
        response.to_json(&message.id).map_err(|_| Refusal::Internal)
    }

    async fn subscription(&self, request: &Subscription<'_>, seen: &mut Observation) -> Result<Response<'_>, Refusal> {
        seen.of_account("subscription", &request.account);
        self.connections.change(request).await.map(Response::Subscription)
    }

    /// The changes of a dead connection are queued as well: a new authorisation heals it.
    async fn membership(&self, request: Membership<'_>, seen: &mut Observation) -> Result<Response<'_>, Refusal> {
        seen.of_account("membership", &request.account);
        seen.users = request.profiles.len();
        let advertiser = request.account.advertiser;
        seen.suspended = tokens::admit(&self.secrets, &request.account).await? == Connection::Dead;
        let queueable = membership::envelopes(request, self.envelope_max_bytes).map_err(|_| Refusal::Internal)?;
        seen.queued(&queueable);
        queueing::send(&self.queue, advertiser, queueable.envelopes).await?;
        Ok(Response::Membership { suspend: seen.suspended })
    }
}
