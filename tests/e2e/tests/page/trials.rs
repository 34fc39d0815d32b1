//! Runs the visits as trials of one process, so that they share stacks, and looks at those once more when all are over.

use std::process::ExitCode;

use anyhow::Result;
use e2e::stack::take_shared;
use libtest_mimic::{Arguments, Failed, Trial, run};
use tokio::runtime::Runtime;

/// The visits as trials; one that is not named does not compile without a warning.
macro_rules! visits {
    ($($file:ident: $($name:ident),+;)+) => {
        fn visits(runtime: &'static tokio::runtime::Runtime) -> Vec<libtest_mimic::Trial> {
            vec![$($(crate::trials::trial(runtime, concat!(stringify!($file), "::", stringify!($name)), $file::$name)),+),+]
        }
    };
}
pub(crate) use visits;

pub(crate) fn trial<F: Future<Output = Result<()>>>(
    runtime: &'static Runtime,
    name: &'static str,
    visit: impl FnOnce() -> F + Send + 'static,
) -> Trial {
    Trial::test(name, move || runtime.block_on(visit()).map_err(|error| Failed::from(format!("{error:?}"))))
}

/// Arguments and output are those of `cargo test`.
pub(crate) fn run_all(visits: impl FnOnce(&'static Runtime) -> Vec<Trial>) -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    let runtime: &'static Runtime = Box::leak(Box::new(Runtime::new()?));
    let visits = visits(runtime);
    // A thread only waits; how many visits there are at a time is decided where they begin.
    arguments.test_threads = arguments.test_threads.or(Some(visits.len()));
    let mut failed = run(&arguments, visits).has_failed();
    let ends: Vec<_> = take_shared()
        .into_iter()
        .map(|(parameters, stack)| {
            let end = move || runtime.block_on(stack.end()).map_err(|error| Failed::from(format!("{error:?}")));
            Trial::test(format!("all is in order at the end of the stack with {parameters}"), end)
        })
        .collect();
    (arguments.filter, arguments.skip) = (None, Vec::new());
    failed |= !ends.is_empty() && run(&arguments, ends).has_failed();
    Ok(if failed { ExitCode::from(101) } else { ExitCode::SUCCESS })
}
