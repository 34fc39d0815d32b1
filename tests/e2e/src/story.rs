//! Runs a story on a stack, and sees at the end that all is in order whatever the story was about.

use std::any::Any;
use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Error, Result, anyhow, ensure};
use futures::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::stack::{Options, Stack};

/// How long is waited for what must come. It is far longer than anything takes, so that a slow machine fails no test: the longest pause
/// after trouble is 5 minutes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(8);
/// Stories at once, with a stack of their own or on a shared one: most of the time each waits for something.
static OWN: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(3 * processors()));
static SHARED: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(4 * processors()));

thread_local! {
    /// How long the story of this thread took, without the wait for its turn.
    static TOOK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// How long the last story of this thread took, without the wait for its turn.
pub(crate) fn took() -> Duration {
    TOOK.get()
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs a story on the stack that the options name, and then sees that its dead letters were all expected (the story took them), and
/// that no log holds a secret, an id or a body of its own; on a stack of its own also that the queue is empty and TikTok still holds
/// what it should. For a shared stack that is seen when it ends.
///
/// # Errors
/// The story's, or what is not in order; and where the logs are.
pub async fn story(options: Options, run: impl AsyncFnOnce(&Stack) -> Result<()>) -> Result<()> {
    let slots = if options.is_shared { &SHARED } else { &OWN };
    let _slot = slots.acquire().await?;
    unlimited_story(options, run).await
}

/// Runs a story at once: whoever calls it limits how many run at a time.
///
/// # Errors
/// As [`story`].
pub async fn unlimited_story(options: Options, run: impl AsyncFnOnce(&Stack) -> Result<()>) -> Result<()> {
    let began = Instant::now();
    let stack = Stack::up(&options).await?;
    let story = async {
        run(&stack).await?;
        stack.in_order().await
    };
    let outcome = AssertUnwindSafe(story).catch_unwind().await;
    TOOK.set(began.elapsed());
    let Err(error) = outcome.unwrap_or_else(|panic| Err(of_panic(&*panic))) else { return Ok(()) };
    Err(error.context(format!("the logs are in {}", stack.keep_logs().await.display())))
}

fn of_panic(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    anyhow!("{}", text.unwrap_or("a panic without a text"))
}

/// Waits until it is so.
///
/// # Errors
/// `what` is still not so after 8 minutes; or the question fails.
pub async fn until(what: &str, is_so: impl AsyncFn() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await? {
        ensure!(Instant::now() < deadline, "after {} s it is not so that {what}", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(())
}
