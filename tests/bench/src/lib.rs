//! What `make load` and `make bench` share: the real binaries behind stubs of all that they call, and the simulation of a drain.

pub mod drain;
pub mod firehose;
pub mod lambda;
pub mod process;
pub mod queue;
mod stub;
pub mod table;
