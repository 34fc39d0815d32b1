//! Runs the stories of a test binary, which share stacks: all are one process and start at once, [`crate::story()`] lets a few run at a
//! time, and when all are over the stacks that they shared are looked at once more. Arguments and output are those of `cargo test`.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Error, Result};
pub use libtest_mimic::Trial;
use libtest_mimic::{Arguments, Conclusion, Failed, run};
pub use tokio::runtime::Runtime;

use crate::stack::take_shared;
use crate::story::took;

/// How many of the slowest stories are named at the end.
const SLOWEST: usize = 10;
static TIMES: Mutex<Vec<(Duration, &'static str)>> = Mutex::new(Vec::new());
/// What failed, and why in one line.
static FAILED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The stories of a module: `e2e::stories! { file: story, another; }`. One that is not named there is a warning of the compiler.
#[macro_export]
macro_rules! stories {
    ($($file:ident: $($name:ident),+;)+) => {
        pub(crate) fn trials(runtime: &'static $crate::trials::Runtime) -> ::std::vec::Vec<$crate::trials::Trial> {
            vec![$($($crate::trials::trial(
                runtime, concat!(module_path!(), "::", stringify!($file), "::", stringify!($name)), $file::$name,
            )),+),+]
        }
    };
}

/// A story as a trial, named by its path within the test binary.
pub fn trial<F: Future<Output = Result<()>>>(
    runtime: &'static Runtime,
    name: &'static str,
    story: impl FnOnce() -> F + Send + 'static,
) -> Trial {
    let name = name.split_once("::").map_or(name, |(_, within)| within);
    Trial::test(name, move || {
        // The story runs on this thread.
        let outcome = runtime.block_on(story());
        TIMES.lock().unwrap_or_else(PoisonError::into_inner).push((took(), name));
        outcome.map_err(|error| failed(name, &error))
    })
}

fn failed(name: &str, error: &Error) -> Failed {
    FAILED.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{name}: {error:#}"));
    Failed::from(format!("{error:?}"))
}

/// Runs the stories, and then a test for each stack that they shared.
///
/// # Errors
/// When there can be no runtime, or nobody to tell the times.
pub fn run_all(stories: impl FnOnce(&'static Runtime) -> Vec<Trial>) -> Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    let runtime: &'static Runtime = Box::leak(Box::new(Runtime::new()?));
    let stories = stories(runtime);
    // A thread only waits; how many stories run at a time is decided where they start.
    arguments.test_threads = arguments.test_threads.or(Some(stories.len()));
    let told = run(&arguments, stories);
    let ended = end_shared_stacks(runtime, arguments);
    say_slowest()?;
    say_failed()?;
    let failed = told.has_failed() || ended.is_some_and(|ended| ended.has_failed());
    Ok(if failed { ExitCode::from(101) } else { ExitCode::SUCCESS })
}

fn end_shared_stacks(runtime: &'static Runtime, mut arguments: Arguments) -> Option<Conclusion> {
    let ends: Vec<_> = take_shared()
        .into_iter()
        .map(|(parameters, stack)| {
            let name = format!("all is in order at the end of the stack with {parameters}");
            let end = {
                let name = name.clone();
                move || runtime.block_on(stack.end()).map_err(|error| failed(&name, &error))
            };
            Trial::test(name, end)
        })
        .collect();
    (arguments.filter, arguments.skip) = (None, Vec::new());
    (!ends.is_empty()).then(|| run(&arguments, ends))
}

fn say_slowest() -> Result<()> {
    let mut times = std::mem::take(&mut *TIMES.lock().unwrap_or_else(PoisonError::into_inner));
    times.sort_unstable_by(|one, other| other.cmp(one));
    let mut out = std::io::stdout().lock();
    for (took, name) in times.iter().take(SLOWEST) {
        writeln!(out, "{:>6.1} s  {name}", took.as_secs_f64())?;
    }
    Ok(())
}

/// Last, since the end of the output is what is looked at first.
fn say_failed() -> Result<()> {
    let failed = std::mem::take(&mut *FAILED.lock().unwrap_or_else(PoisonError::into_inner));
    let mut out = std::io::stdout().lock();
    for failed in failed {
        writeln!(out, "FAILED {failed}")?;
    }
    Ok(())
}
