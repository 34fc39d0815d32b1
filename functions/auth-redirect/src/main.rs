//! The Lambda function `auth-redirect`: settings, telemetry, clients, and the loop that takes events.

use auth_redirect::{App, Config};
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    let telemetry = Telemetry::set_up(config.log_level, config.metrics_namespace.clone(), "auth-redirect")?;
    let app = App::build(config)?;
    auth_redirect::run(&app, telemetry).await.map_err(anyhow::Error::from_boxed)
}
