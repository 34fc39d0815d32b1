//! Clients of AWS, or of the local cloud, and of TikTok, for the stack that the command line names.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sqs::config::{Credentials, ProvideCredentials, Region, SharedCredentialsProvider, SharedHttpClient};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use ids::AdvertiserId;
use queue::Queue;
use secrets::{JsonSecret, Secrets};
use serde::Deserialize;

use crate::arguments::Arguments;
use crate::error::{Error, of_sdk};
use crate::logs::Logs;
use crate::stack::Stack;

/// One try of a call; the longest wait of a receive is shorter.
const ATTEMPT: Duration = Duration::from_secs(20);
const ATTEMPTS: u32 = 3;
const TIKTOK_CALL: Duration = Duration::from_secs(20);

/// Everything that a command speaks to.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) stack: Stack,
    pub(crate) changes: Queue,
    pub(crate) dead_letters: Queue,
    pub(crate) secrets: Secrets,
    pub(crate) secrets_manager: aws_sdk_secretsmanager::Client,
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) logs: Logs,
    pub(crate) tiktok: tiktok::Client,
}

/// What of `stack.json` says where the local cloud is.
#[derive(Deserialize)]
struct LocalStack {
    aws_endpoint: String,
    aws_access_key_id: String,
    aws_secret_access_key: String,
    region: String,
    stack_name: String,
}

impl Cloud {
    /// Finds the stack, and makes clients for what belongs to it.
    ///
    /// # Errors
    /// No stack is named, it is not there, or nobody may look.
    pub(crate) async fn connect(arguments: &Arguments) -> Result<Self, Error> {
        let (aws, name) = match (&arguments.stack, &arguments.stack_name) {
            (Some(file), _) => local(file)?,
            (None, Some(name)) => (on_aws().await?, name.clone()),
            (None, None) => return Err(Error::NoStack),
        };
        let region = aws.region().map(ToString::to_string).ok_or(Error::Region)?;
        let cloudformation = aws_sdk_cloudformation::Client::new(&aws);
        let described = cloudformation.describe_stacks().stack_name(&name).send().await;
        let missing = || Error::StackMissing(name.clone(), region.clone());
        let described = described.map_err(|error| {
            // CloudFormation has no code of its own for it.
            let is_missing = error.message().is_some_and(|message| message.contains("does not exist"));
            if is_missing { missing() } else { of_sdk("CloudFormation", &error) }
        })?;
        let found = described.stacks().first().ok_or_else(missing)?;
        let pairs = |pairs: Vec<(Option<&str>, Option<&str>)>| -> HashMap<String, String> {
            pairs.into_iter().filter_map(|(key, value)| Some((key?.to_owned(), value?.to_owned()))).collect()
        };
        let outputs = pairs(found.outputs().iter().map(|one| (one.output_key(), one.output_value())).collect());
        let parameters =
            pairs(found.parameters().iter().map(|one| (one.parameter_key(), one.parameter_value())).collect());
        let status = found.stack_status().map_or("unknown", |status| status.as_str()).to_owned();
        Self::of(&aws, Stack::new(name, status, &outputs, &parameters)?)
    }

    fn of(aws: &SdkConfig, stack: Stack) -> Result<Self, Error> {
        let sqs = aws_sdk_sqs::Client::new(aws);
        let secrets_manager = aws_sdk_secretsmanager::Client::new(aws);
        let tiktok = tiktok::Client::new(&stack.tiktok_api_base_url, TIKTOK_CALL);
        let tiktok = tiktok.map_err(|_| Error::Setting("TikTokApiBaseUrl", stack.tiktok_api_base_url.clone()))?;
        Ok(Self {
            changes: Queue::new(&sqs, stack.queue_url.clone()),
            dead_letters: Queue::new(&sqs, stack.dead_letter_queue_url.clone()),
            secrets: Secrets::new(secrets_manager.clone(), &stack.advertiser_secret_prefix),
            secrets_manager,
            lambda: aws_sdk_lambda::Client::new(aws),
            logs: Logs::new(aws_sdk_cloudwatchlogs::Client::new(aws), &stack.name),
            tiktok,
            stack,
        })
    }

    /// The app's id and secret.
    pub(crate) async fn app(&self) -> Result<std::sync::Arc<tiktok::AppCredentials>, Error> {
        let app =
            JsonSecret::<tiktok::AppCredentials>::new(self.secrets_manager.clone(), self.stack.app_secret_id.clone());
        Ok(app.get().await?)
    }

    /// The name of an advertiser's secret.
    pub(crate) fn secret_of(&self, advertiser: AdvertiserId) -> String {
        format!("{}{advertiser}", self.stack.advertiser_secret_prefix)
    }
}

/// The usual configuration of AWS's tools.
async fn on_aws() -> Result<SdkConfig, Error> {
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(https());
    let config = loader.timeout_config(timeouts()).retry_config(retries()).load().await;
    if config.region().is_none() {
        return Err(Error::Region);
    }
    let Some(provider) = config.credentials_provider() else {
        return Err(Error::Credentials("none are configured".to_owned()));
    };
    match provider.provide_credentials().await {
        Ok(_) => Ok(config),
        Err(error) => Err(Error::Credentials(error.to_string())),
    }
}

/// The local cloud that the file tells of, and the name of its stack. Nothing of the caller's own AWS configuration is used.
fn local(file: &Path) -> Result<(SdkConfig, String), Error> {
    let wrong = |why: String| Error::StackFile(file.display().to_string(), why);
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let local: LocalStack = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let credentials =
        Credentials::new(local.aws_access_key_id, local.aws_secret_access_key, None, None, "the local stack");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(https())
        .timeout_config(timeouts())
        .retry_config(retries())
        .region(Region::new(local.region))
        .endpoint_url(local.aws_endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    Ok((config, local.stack_name))
}

fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}
