//! The function, called as Lambda calls it, with an SQS and a Secrets Manager in memory and the sandbox as TikTok.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod any_bytes;
mod audiences;
mod authorization;
mod capture;
mod cases;
mod connections;
mod disconnections;
mod emails;
mod erasures;
mod failures;
mod new_tokens;
mod observations;
mod privacy;
mod queueing;
mod sender;
mod world;
