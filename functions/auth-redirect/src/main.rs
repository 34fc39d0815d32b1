//! The Lambda `auth-redirect`: telemetry, configuration, build, run.

use std::convert::Infallible;

use auth_redirect::Config;
use lambda_http::{Error, Request, service_fn};
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = Config::from_env()?;
    let telemetry = Telemetry::set_up(config.log_level, config.metrics_namespace.clone(), "auth-redirect")?;
    let app = &auth_redirect::build(config).await?;
    let answer = |request: Request| async move {
        let response = app.handle(request).await;
        telemetry.flush();
        Ok::<_, Infallible>(response)
    };
    lambda_http::run(service_fn(answer)).await
}
