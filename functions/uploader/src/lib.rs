//! Sends the changes on the queue to TikTok's audiences: the newest change of each audience and id wins, in as few calls as hold them.
//!
//! Decisions are pure (`hand`, `plan`, `divide`, `settle`, `breaker`, `backoff`), and carried out elsewhere (`rounds`, `task`, `sender`,
//! `token`, `acknowledge`). It sends nothing to its source queue.

pub mod acknowledge;
mod app;
mod audiences;
mod backoff;
mod breaker;
pub mod cause;
mod config;
pub mod divide;
pub mod event;
mod foreign;
pub mod hand;
pub mod letter;
pub mod plan;
mod recent_refusals;
mod report;
pub mod rounds;
pub mod sender;
pub mod settle;
mod task;
mod token;
pub mod turns;
pub mod work;

use std::time::SystemTime;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use telemetry::Telemetry;
use tokio::time::Instant;
use tracing::Instrument;

pub use app::App;
pub use config::Config;

/// Takes events until the process is ended.
///
/// # Errors
/// The runtime's, when it cannot reach Lambda.
pub async fn run(app: &App, telemetry: Telemetry) -> Result<(), lambda_runtime::Error> {
    let handle = async |event: LambdaEvent<Box<RawValue>>| {
        let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        let batch = serde_json::from_str(event.payload.get()).map_err(|error| not_an_event(&error))?;
        // In each line of the invocation. A span of a lower level would be off where `LOG_LEVEL` is.
        let span = tracing::error_span!("invocation", lambda_request_id = event.context.request_id);
        // Boxed: the type of the future would be deeper than the compiler goes.
        let response = Box::pin(app.handle(batch, Instant::now() + left)).instrument(span).await;
        telemetry.flush();
        Ok::<_, Diagnostic>(response)
    };
    lambda_runtime::run(service_fn(handle)).await
}

/// Says where the event is not what SQS sends, and nothing of what is in it.
fn not_an_event(error: &serde_json::Error) -> Diagnostic {
    let (line, column) = (error.line(), error.column());
    Diagnostic {
        error_type: "NotAnSqsEvent".to_owned(),
        error_message: format!("the event is not a batch of SQS messages: line {line}, column {column}"),
    }
}
