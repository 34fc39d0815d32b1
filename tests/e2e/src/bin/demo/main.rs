//! `make demo`: the whole product on this machine, from a person's consent to the members of audiences at TikTok.
//!
//! It shows what happens and compares what TikTok holds with a model that shares no code with the product. Every figure is read from
//! the sandbox's journal, the queues and the functions' own metrics. It ends with 0 only if all of them agree.

mod crowd;
mod report;
mod terminal;
mod tour;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, anyhow};
use e2e::{Options, Stack};

use terminal::Terminal;
use tour::Tour;

#[tokio::main]
async fn main() -> ExitCode {
    let mut terminal = Terminal::new();
    let shown = tokio::select! {
        // First, since whatever else fails then fails for that reason.
        biased;
        _ = tokio::signal::ctrl_c() => Err(anyhow!("it was interrupted")),
        shown = demo(&mut terminal) => shown,
    };
    match shown {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal.failure(&failure);
            ExitCode::FAILURE
        }
    }
}

async fn demo(terminal: &mut Terminal) -> Result<()> {
    let began = Instant::now();
    terminal.heading("mParticle audiences to TikTok, on this machine");
    terminal.working("start", "the local cloud");
    let stack = Stack::up(&Options::new().with("EmailIdentities", "true")).await?;
    terminal.step("start", "the template in a local cloud; a sandbox stands for TikTok");
    let Err(failure) = show(terminal, &stack, began).await else { return Ok(()) };
    Err(failure.context(format!("the logs are in {}", stack.keep_logs().await.display())))
}

async fn show(terminal: &mut Terminal, stack: &Stack, began: Instant) -> Result<()> {
    let mut tour = Tour::begin(terminal, stack).await?;
    tour.join(terminal).await?;
    tour.leave(terminal).await?;
    tour.forget(terminal).await?;
    report::show(terminal, stack, &tour).await?;
    stack.in_order().await?;
    let seconds = began.elapsed().as_secs_f64();
    terminal.success(&format!("TikTok holds exactly what it should, and no log has a token or an id: {seconds:.0} s."));
    Ok(())
}
