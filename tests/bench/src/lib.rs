//! What `make load` and `make bench` share: the real binaries behind stubs of all that they call, and the simulation of a drain.

pub mod backlog;
pub mod drain;
pub mod firehose;
pub mod lambda;
pub mod process;
mod surroundings;
pub mod table;
