//! The function: takes an event by either way, and answers the message in it.

use std::time::Duration;

use anyhow::Context;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use bytes::{Bytes, BytesMut};
use firehose::{Erasure, Invalid, Membership, Message, ModuleRegistration, Request, Response, Subscription};
use ids::ConnectionId;
use queue::Queue;
use secrets::{JsonSecret, Secrets};
use startup::clock::now_ms;
use tokio::time::timeout;

use crate::authorization::{Authorization, MAX_UNAUTHORIZED_BYTES};
use crate::connection::Connections;
use crate::http::HttpRequest;
use crate::observation::Observation;
use crate::subscription::Subscriptions;
use crate::transport::{MAX_EVENT_BYTES, Transport};
use crate::{Config, Division, Envelopes, Refusal, Reply, Sent, delivery, erasure, registration};

/// One try of a call to AWS. Two of them, with the pause between, leave a membership change time to be queued.
const AWS_ATTEMPT: Duration = Duration::from_millis(800);
const AWS_ATTEMPTS: u32 = 2;
const AWS_PAUSE: Duration = Duration::from_millis(50);
/// One call to TikTok.
const TIKTOK_CALL: Duration = Duration::from_secs(5);
/// A membership change is answered within this time. mParticle would rather wait than repeat.
const MEMBERSHIP_TIME: Duration = Duration::from_millis(2_500);
/// What of that is left for the queue, whatever the connection takes.
const QUEUE_TIME: Duration = Duration::from_millis(500);
/// A subscription is answered within this time; Lambda's own time-out is 25 s.
const SUBSCRIPTION_TIME: Duration = Duration::from_secs(20);
/// Opening connections before the first message arrives must not hold that up for longer.
const WARMING_TIME: Duration = Duration::from_secs(2);

/// The clients and settings of the function.
#[derive(Debug)]
pub struct App {
    queue: Queue,
    authorization: Authorization,
    connections: Connections,
    subscriptions: Subscriptions,
    registration: ModuleRegistration,
    division: Division,
    sent: Sent,
    forward_erasure: bool,
}

impl App {
    /// Builds the function with AWS clients that the environment configures, and opens their connections.
    ///
    /// # Errors
    /// TikTok's address cannot be called.
    pub async fn build(config: &Config) -> anyhow::Result<Self> {
        let aws = startup::aws_config(AWS_ATTEMPT, AWS_ATTEMPTS);
        let retries = RetryConfig::standard().with_max_attempts(AWS_ATTEMPTS).with_initial_backoff(AWS_PAUSE);
        let secrets_manager = aws_sdk_secretsmanager::config::Builder::from(&aws).retry_config(retries).build();
        let secrets_manager = aws_sdk_secretsmanager::Client::from_conf(secrets_manager);
        let app = Self::new(config, &aws_sdk_sqs::Client::new(&aws), &secrets_manager)?;
        Box::pin(app.warm()).await;
        Ok(app)
    }

    /// Builds the function with those clients.
    ///
    /// # Errors
    /// TikTok's address cannot be called.
    pub fn new(
        config: &Config,
        sqs: &aws_sdk_sqs::Client,
        secrets_manager: &aws_sdk_secretsmanager::Client,
    ) -> anyhow::Result<Self> {
        let tiktok =
            tiktok::Client::new(&config.tiktok_api_base_url, TIKTOK_CALL).context("the setting TIKTOK_API_BASE_URL")?;
        let secrets = Secrets::new(secrets_manager.clone(), &config.advertiser_secret_prefix);
        let tokens = JsonSecret::new(secrets_manager.clone(), config.firehose_token_secret_id.clone());
        Ok(Self {
            queue: Queue::new(sqs, config.queue_url.clone()),
            authorization: Authorization::new(tokens),
            connections: Connections::new(tiktok.clone(), secrets.clone()),
            subscriptions: Subscriptions::new(tiktok, secrets, config.delete_audience_on_disconnect),
            registration: registration(&config.registration),
            division: config.division,
            sent: if config.registration.email_identities { Sent::DevicesAndEmails } else { Sent::Devices },
            forward_erasure: config.registration.forward_erasure,
        })
    }

    /// Connects to Secrets Manager and SQS side by side, so that the first message need not wait for it. What fails here is told when
    /// it is needed.
    async fn warm(&self) {
        let both = futures::future::join(self.authorization.warm(), self.queue.depth());
        if timeout(WARMING_TIME, both).await.is_err() {
            tracing::warn!("Secrets Manager or SQS does not answer at start-up");
        }
    }

    /// Answers an event: an HTTP API's in payload format 2.0, or a Firehose message itself.
    ///
    /// # Errors
    /// For a Firehose message itself, why it is refused. Over HTTP a refusal is an answer too.
    pub async fn handle(&self, event: Bytes, lambda_request_id: &str) -> Result<Reply, Refusal> {
        let transport = Transport::of(&event);
        let mut seen = Observation::new(transport, lambda_request_id);
        let answer = match transport {
            _ if event.len() > MAX_EVENT_BYTES => Err(Refusal::TooLarge),
            Transport::Http => self.http(event, &mut seen).await,
            Transport::Direct => self.answer(&event, &mut seen).await,
        };
        seen.report(answer.as_ref().err());
        match transport {
            Transport::Http => Ok(Reply::http(answer)),
            Transport::Direct => answer.and_then(Reply::direct),
        }
    }

    /// The sender is authorized before the message is parsed. mParticle registers an integration before it is given a token, so a small
    /// message without one is looked at as well.
    async fn http(&self, event: Bytes, seen: &mut Observation<'_>) -> Result<String, Refusal> {
        let mut event = BytesMut::from(event);
        let request = HttpRequest::read(&event)?;
        match self.authorization.check(request.token.as_ref()).await {
            Ok(()) => self.answer(request.body(&mut event)?, seen).await,
            Err(refusal) if request.body_bytes() > MAX_UNAUTHORIZED_BYTES => Err(refusal),
            Err(refusal) => {
                let Ok(body) = request.body(&mut event) else { return Err(refusal) };
                if is_registration(body) { self.answer(body, seen).await } else { Err(refusal) }
            }
        }
    }

    async fn answer(&self, body: &[u8], seen: &mut Observation<'_>) -> Result<String, Refusal> {
        let text = firehose::readable(body)?;
        let mut envelopes = Envelopes::new(self.division, self.sent, now_ms());
        let Message { id, request } = firehose::parse(&text, &mut envelopes)?;
        if let Some(id) = id {
            seen.message_id = Some(id.into_owned());
        }
        let response = match request {
            Request::Registration => {
                seen.kind = "registration";
                Response::Registration(&self.registration)
            }
            Request::Subscription(request) => self.subscription(&request, seen).await?,
            Request::Membership(request) => self.membership(&request, envelopes, seen).await?,
            Request::Erasure(request) => self.erasure(&request, seen).await?,
        };
        response.to_json(seen.message_id(), now_ms()).map_err(|_| Refusal::Internal)
    }

    async fn subscription(
        &self,
        request: &Subscription<'_>,
        seen: &mut Observation<'_>,
    ) -> Result<Response<'_>, Refusal> {
        seen.of_account("subscription", &request.account);
        let change = self.subscriptions.change(request, seen);
        let audience = timeout(SUBSCRIPTION_TIME, change).await.unwrap_or(Err(Refusal::TikTokLate))?;
        let send_email = request.send_email.filter(|_| self.sent == Sent::DevicesAndEmails && audience.is_some());
        Ok(Response::Subscription { audience, send_email })
    }

    /// The changes are queued whatever the state of their connection: a dead one may be healed.
    async fn membership(
        &self,
        request: &Membership,
        envelopes: Envelopes,
        seen: &mut Observation<'_>,
    ) -> Result<Response<'_>, Refusal> {
        seen.of_account("membership", &request.account);
        let deadline = seen.started + MEMBERSHIP_TIME;
        let queueable = envelopes.finish(request.left_out).ok_or(Refusal::Internal)?;
        seen.read(&queueable);
        let is_verification = queueable.users == 0;
        let standing = self.connections.standing(&request.account, is_verification, deadline - QUEUE_TIME).await;
        let suspend = standing.suspend();
        seen.standing = Some(standing);
        let connection = ConnectionId { advertiser: request.account.advertiser, account: request.account.id };
        let attributes = [(delivery::MESSAGE_ID, seen.message_id().to_owned())];
        delivery::send(&self.queue, connection, queueable.lanes, &attributes, deadline).await?;
        Ok(Response::Membership { suspend })
    }

    /// A request is queued whatever is known of its connection: changes of it may wait there that put the person in.
    async fn erasure(&self, request: &Erasure<'_>, seen: &mut Observation<'_>) -> Result<Response<'_>, Refusal> {
        if !self.forward_erasure {
            return Err(Invalid::TypeNotRegistered("dsr_processing_request").into());
        }
        seen.of_erasure(request);
        let connection = match &request.connection {
            Ok(Some(connection)) => *connection,
            without => {
                seen.erasure = Some(erasure::Outcome::NoAccount);
                return without.clone().map(|_| Response::Erasure).map_err(Refusal::from);
            }
        };
        let deadline = seen.started + MEMBERSHIP_TIME;
        let queueable = erasure::envelopes(request, connection, self.division, self.sent, now_ms())
            .map_err(|_| Refusal::Internal)?;
        seen.read(&queueable);
        if queueable.lanes.is_empty() {
            seen.erasure = Some(erasure::Outcome::NoIds);
            return Ok(Response::Erasure);
        }
        let is_known = self.connections.is_known(connection, deadline - QUEUE_TIME).await;
        let request_id = request.subject_request_id.as_deref().unwrap_or(seen.message_id()).to_owned();
        let attributes =
            [(delivery::MESSAGE_ID, seen.message_id().to_owned()), (delivery::SUBJECT_REQUEST_ID, request_id)];
        delivery::send(&self.queue, connection, queueable.lanes, &attributes, deadline).await?;
        seen.erasure = Some(if is_known { erasure::Outcome::Queued } else { erasure::Outcome::NoConnection });
        Ok(Response::Erasure)
    }
}

fn is_registration(body: &[u8]) -> bool {
    let Ok(text) = firehose::readable(body) else { return false };
    matches!(firehose::parse(&text, &mut ()), Ok(Message { request: Request::Registration, .. }))
}
