//! Tells a story on a stack of its own, and sees at the end that all is in order whatever the story was about.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::stack::{Options, Stack};

/// Stacks that run at once: each keeps about one processor busy.
static SLOTS: Semaphore = Semaphore::const_new(2);

/// Starts a stack, tells the story, and then sees that the queues are empty, the dead letters were all expected (the story took
/// them out), and no log holds a secret, an id or a body.
///
/// # Errors
/// The story's, or what is not in order; and where the logs are.
pub async fn story(options: Options, tell: impl AsyncFnOnce(&Stack) -> Result<()>) -> Result<()> {
    let _slot = SLOTS.acquire().await?;
    let mut stack = Stack::up(&options).await?;
    let mut told = tell(&stack).await;
    if told.is_ok() {
        told = stack.in_order().await;
    }
    told.with_context(|| format!("the logs are in {}", stack.keep_logs().display()))
}

/// Waits until it is so.
///
/// # Errors
/// `what` is not so after that many seconds; or the question fails.
pub async fn until(what: &str, seconds: u64, is_so: impl AsyncFn() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !is_so().await? {
        ensure!(Instant::now() < deadline, "after {seconds} s it is not so that {what}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(())
}
