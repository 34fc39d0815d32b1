//! Answers mParticle's Firehose messages, by HTTP or by direct invocation, and queues the changes that they hold.
//!
//! Of a person's data only ids that TikTok can match, MPID and audience ids go on from here. It uploads nothing: the `uploader` does. At TikTok it
//! looks for, creates and deletes audiences, and asks whether a token is accepted, and no more.

mod app;
mod audience;
mod authorization;
mod config;
mod connection;
mod decode;
mod delivery;
mod disconnect;
mod erasure;
mod event;
mod http;
mod membership;
mod observation;
mod pace;
mod refusal;
mod registration;
mod reply;
mod retry;
mod subscription;
mod transport;

use futures::FutureExt;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use telemetry::Telemetry;

use event::Event;

pub use app::App;
pub use config::{Config, IdentityEncoding, RegistrationConfig};
pub use membership::{Division, Dropped, Envelopes, Queueable, Sent};
pub use refusal::Refusal;
pub use registration::registration;
pub use reply::Reply;

/// Takes events until the process is ended.
///
/// # Errors
/// The runtime's, when it cannot reach Lambda.
pub async fn run(app: &App, telemetry: Telemetry) -> Result<(), lambda_runtime::Error> {
    let event = Event::default();
    let handle = |invocation: LambdaEvent<()>| {
        let event = event.take();
        let reply = async move {
            let reply = app.handle(event, &invocation.context.request_id).await;
            telemetry.flush();
            reply
        };
        // Boxed: the type of the future would be deeper than the compiler goes.
        reply.boxed_local()
    };
    Runtime::new(service_fn(handle)).layer(event.layer()).run().await
}
