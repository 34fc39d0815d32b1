//! Stories against the deployed template: real binaries behind real SQS, Secrets Manager and HTTP, and the sandbox for TikTok.
//! A file a behaviour. `make test` builds what they need.

mod authorisation;
mod bad_input;
mod connections;
mod isolation;
mod outage;
mod privacy;
mod repetition;
mod rotation;
mod straight_path;
mod throttling;
mod tokens;
