//! The function as the gateway meets it: requests in, pages out, with TikTok as a mock server and Secrets Manager in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod failures;
mod logs;
mod pages;
mod repair;
mod safety;
mod success;
mod support;
