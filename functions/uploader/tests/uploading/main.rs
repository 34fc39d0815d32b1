//! The whole function against a strict TikTok and an AWS in memory: what TikTok holds, what came back, and what was put aside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod aws;
mod dead_tokens;
mod faults;
mod rejections;
mod returns;
mod world;
