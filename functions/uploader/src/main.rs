//! The Lambda function `uploader`: settings, telemetry, clients, and the loop that takes events.

use telemetry::Telemetry;
use uploader::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    let telemetry = Telemetry::set_up(config.log_level, config.metrics_namespace.clone(), "uploader")?;
    let app = App::build(config)?;
    uploader::run(&app, telemetry).await.map_err(anyhow::Error::from_boxed)
}
