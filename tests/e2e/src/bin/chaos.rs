//! `make chaos`: a seeded world through the real stack while everything fails that can.
//!
//! `SEED` and `STEPS` in the environment choose the world; without `SEED` it is a new one each time. It ends with 0 only if TikTok holds what
//! the model says, or a dead letter says truly why not.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use e2e::Stack;
use e2e::chaos::plan::Plan;
use e2e::chaos::{live, options};

/// Steps of a second: with what comes before and after, about five minutes.
const STEPS: u32 = 120;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Err(anyhow!("it was interrupted")),
        outcome = chaos() => outcome,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("\nmake chaos failed: {failure:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn chaos() -> Result<()> {
    let new = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| u64::from(now.subsec_nanos()));
    let seed = setting("SEED")?.unwrap_or_else(new);
    let steps = setting("STEPS")?.map_or(Ok(STEPS), u32::try_from).context("STEPS")?;
    let plan = Plan::new(seed, steps);
    say(&format!("make chaos SEED={seed} STEPS={steps}"));
    say(&format!(
        "  {} connections of {} advertisers, {} messages, {} faults",
        plan.connections.len(),
        plan.advertisers,
        plan.messages(),
        plan.faults.len()
    ));
    let stack = Stack::up(&options(plan.size)).await?;
    let ended = match live(&stack, plan, say).await {
        Ok(report) => {
            say(report.table());
            report.claim()
        }
        Err(failure) => Err(failure),
    };
    if let Err(failure) = ended {
        let logs = stack.keep_logs().await.display().to_string();
        return Err(failure.context(format!("make chaos SEED={seed} STEPS={steps}; the logs are in {logs}")));
    }
    say("TikTok holds what it should, or a dead letter says why not.");
    Ok(())
}

/// A number in the environment.
fn setting(name: &str) -> Result<Option<u64>> {
    let text = std::env::var(name).unwrap_or_default();
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).with_context(|| format!("{name}={text}")) }
}

/// Where nobody reads any more there is nothing to do about it.
fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}
