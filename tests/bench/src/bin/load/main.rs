//! `make load`: how much the product carries, and what it promises of that: nothing lost, flat memory, nobody left out. Fails where one of these
//! does not hold. Figures are of this machine.

mod drains;
mod percentiles;
mod requests;
mod uploads;

use std::process::ExitCode;

use anyhow::Context;
use bench::table::line;

/// Firehose messages to `ingest`, unless `REQUESTS` says otherwise.
const REQUESTS: usize = 50_000;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let requests = match std::env::var("REQUESTS") {
        Ok(text) if !text.is_empty() => text.parse().context("REQUESTS must be a number")?,
        _ => REQUESTS,
    };
    let mut broken = told(requests::load(requests).await?);
    let (measured, faults) = uploads::load().await?;
    broken.extend(told(faults));
    broken.extend(told(drains::load(&measured)?));
    if broken.is_empty() {
        line("Nothing was lost, memory is flat, and every tenant was served.");
        return Ok(ExitCode::SUCCESS);
    }
    line(&format!("{} promises are broken, see above.", broken.len()));
    Ok(ExitCode::FAILURE)
}

/// Prints what should not be where it was found.
fn told(faults: Vec<String>) -> Vec<String> {
    for fault in &faults {
        line(&format!("  BROKEN: {fault}"));
    }
    faults
}
