//! The function as the gateway meets it: events in, answers out, with the sandbox as TikTok and Secrets Manager in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod accounts;
mod failures;
mod healing;
mod logs;
mod safety;
mod shown;
mod snapshots;
mod strangers;
mod unread;
mod world;
