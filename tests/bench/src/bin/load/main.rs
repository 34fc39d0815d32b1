//! `make load`: how much the product carries, and what it promises of that: nothing lost, flat memory, nobody left out. Fails where one of these
//! does not hold. Figures are of this machine.

mod drains;
mod percentiles;
mod requests;
mod uploads;

use std::process::ExitCode;

use anyhow::Context;

/// Firehose messages to `ingest`, unless `REQUESTS` says otherwise.
const REQUESTS: usize = 100_000;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let requests = match std::env::var("REQUESTS") {
        Ok(text) if !text.is_empty() => text.parse().context("REQUESTS must be a number")?,
        _ => REQUESTS,
    };
    let mut broken = requests::load(requests).await?;
    let (measured, lost) = uploads::load().await?;
    broken.extend(lost);
    broken.extend(drains::load(&measured)?);
    if broken.is_empty() {
        bench::table::line("Nothing was lost, memory is flat, and every tenant was served.");
        return Ok(ExitCode::SUCCESS);
    }
    for broken in broken {
        bench::table::line(&format!("BROKEN: {broken}"));
    }
    Ok(ExitCode::FAILURE)
}
