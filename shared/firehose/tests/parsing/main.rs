//! The parser, from outside.
#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test that cannot go on stops")]

mod any_bytes;
mod fields;
mod message;
mod profiles;
