//! The function as the gateway meets it: requests in, pages out, with TikTok as a mock server and Secrets Manager in memory.

mod failures;
mod logs;
mod pages;
mod repair;
mod safety;
mod success;
mod support;
