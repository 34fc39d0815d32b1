//! `GET /v1/auth`: exchanges TikTok's code and shows the token, what is wrong with the authorisation, and what to do about it.
//!
//! A request is read (`query`), bound to the browser (`consent`), exchanged (`exchange`), looked into (`check`, `standing`),
//! used to heal what is connected already (`repair`), and answered as a page (`page`, `notice`, `answer`). The token goes
//! into the page and into the records of connected advertisers, and nowhere else.

mod answer;
mod app;
mod check;
mod config;
mod consent;
mod exchange;
mod notice;
mod page;
mod problem;
mod query;
mod repair;
mod standing;

use std::time::Duration;

use secrets::Secrets;

pub use app::App;
pub use config::{Config, Patience, Scopes};
pub use consent::{ConsentLink, InvalidConsentLink};

/// One try of a call to Secrets Manager.
const SECRETS_ATTEMPT: Duration = Duration::from_millis(1500);
/// Tries of a call to Secrets Manager.
const SECRETS_ATTEMPTS: u32 = 3;
/// Records are read anew at each authorisation; the cache only has to exist.
const SECRETS_KEPT: Duration = Duration::from_secs(1);

/// The app of `config`, with its clients.
///
/// # Errors
/// If TikTok's address cannot be called, or TLS cannot be set up.
pub async fn build(config: Config) -> Result<App, tiktok::BuildError> {
    let aws = startup::aws_config(SECRETS_ATTEMPT, SECRETS_ATTEMPTS).await;
    let client = aws_sdk_secretsmanager::Client::new(&aws);
    let secrets = Secrets::new(client, config.advertiser_secret_prefix.clone(), SECRETS_KEPT);
    App::new(config, secrets)
}
