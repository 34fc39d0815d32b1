//! The function, called as Lambda calls it, with an SQS and a Secrets Manager in memory and a small TikTok on a port.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod any_bytes;
mod cases;
mod cloud;
mod connections;
mod disconnections;
mod doors;
mod observations;
mod privacy;
mod queueing;
mod tiktok;
mod tokens;
mod world;
