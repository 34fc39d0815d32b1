//! Records and secrets, read and written through a Secrets Manager in memory. Time is tokio's, and stands still unless it is waited for.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod faults;
mod json_secrets;
mod reads;
mod world;
mod writes;
