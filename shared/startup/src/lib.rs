//! What every function does at cold start: read its settings, and configure its AWS clients. Also the clock that all of them read.
//!
//! Settings come from environment variables alone, and nothing reads them later.

pub mod clock;
mod settings;

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

pub use settings::{InvalidSettings, Settings};

/// Configures AWS clients from the environment: region and credentials as Lambda gives them, and `AWS_ENDPOINT_URL` where the cloud is
/// elsewhere. Nothing else is looked for: what the SDK looks for besides (profiles, roles, the metadata of a machine) is not in Lambda,
/// and takes 1.3 of 10.5 MB of the uploader.
///
/// `attempt` bounds one try of a call; there are at most `attempts` tries, with the SDK's own backoff between them.
#[must_use]
pub fn aws_config(attempt: Duration, attempts: u32) -> SdkConfig {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let https = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(variable("AWS_REGION").map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .http_client(https)
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new())
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(attempt).build())
        .retry_config(RetryConfig::standard().with_max_attempts(attempts));
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    config.build()
}
