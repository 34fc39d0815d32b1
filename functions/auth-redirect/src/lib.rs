//! `GET /v1/auth`: exchanges TikTok's code and shows the token, whose it is, what each account can do, and what is connected.
//!
//! A request is read (`event`, `query`), bound to the browser (`consent`), let through (`pace`), exchanged (`exchange`), looked into
//! (`checks`, with `records`, `permission`, `audiences`), used to heal what is connected (`healing`), and answered as a page (`findings`,
//! `notice`, `page`, `answer`). The token goes into the page and into the records of connected advertisers, and nowhere else.

mod answer;
mod app;
mod audiences;
mod checks;
mod config;
mod consent;
mod event;
mod exchange;
mod findings;
mod healing;
mod login;
mod notice;
mod outcome;
mod pace;
mod page;
mod permission;
mod problem;
mod query;
mod records;

use std::convert::Infallible;

use futures::FutureExt as _;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;
use telemetry::Telemetry;

pub use answer::Answer;
pub use app::App;
pub use config::{Config, Scopes, TimeLimits};
pub use consent::{ConsentLink, InvalidConsentLink};
pub use query::{Callback, Query};

/// Takes events until the process is ended.
///
/// # Errors
/// The runtime's, when it cannot reach Lambda.
pub async fn run(app: &App, telemetry: Telemetry) -> Result<(), lambda_runtime::Error> {
    // Raw: the runtime answers what it cannot read with a function error, and that raises an alarm.
    let handle = |event: LambdaEvent<Box<RawValue>>| {
        let answer = async move {
            let answer = app.handle(event.payload.get(), &event.context.request_id).await;
            telemetry.flush();
            Ok::<_, Infallible>(answer)
        };
        // Boxed: the type of the future would be deeper than the compiler goes.
        answer.boxed_local()
    };
    lambda_runtime::run(service_fn(handle)).await
}
