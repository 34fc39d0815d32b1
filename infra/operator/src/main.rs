//! The operator's tool. Its exit code is 0 where all went well, 1 where it did not, 2 where it was called in a wrong way.

use std::process::ExitCode;

use clap::Parser;
use operator::Arguments;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    operator::run(&Arguments::parse()).await
}
