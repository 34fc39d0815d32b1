//! What every function does at cold start: read its settings, and configure its AWS clients. Also the clock that all of them read.
//!
//! Settings come from environment variables alone, and nothing reads them later.

pub mod clock;
mod settings;

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

pub use settings::{InvalidSettings, Settings};

/// Configures AWS clients from the environment: region, credentials, and `AWS_ENDPOINT_URL` where the cloud is elsewhere.
///
/// `attempt` bounds one try of a call; there are at most `attempts` tries, with the SDK's own backoff between them.
pub async fn aws_config(attempt: Duration, attempts: u32) -> SdkConfig {
    let https = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(https)
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(attempt).build())
        .retry_config(RetryConfig::standard().with_max_attempts(attempts))
        .load()
        .await
}
