//! The whole function in one process: events in, answers out, with an SQS and a Secrets Manager in memory and the sandbox as TikTok.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops")]

mod bounds;
mod capture;
mod delivery;
mod erasures;
mod event;
mod isolation;
mod lanes;
mod letters;
mod refusals;
mod tenant;
mod tokens;
mod trouble;
mod waiting;
mod world;
