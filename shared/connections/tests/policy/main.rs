//! The policy, from outside: what may change a connection, and what never does.
#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test that cannot go on stops")]

mod audiences;
mod forgotten;
mod lives;
mod moves;
mod stored;
mod suspicion;
mod world;
