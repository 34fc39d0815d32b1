//! `make load`: how much the product carries. Fails where something is lost, memory grows, or a tenant is not served. Figures are of this machine.

mod drains;
mod percentiles;
mod requests;
mod uploads;

use std::process::ExitCode;

use anyhow::{Context, ensure};
use bench::table::line;

/// Firehose messages to `ingest`, unless `REQUESTS` says otherwise.
const REQUESTS: usize = 50_000;
/// Fewer have no percentiles of the largest messages, and say nothing about memory.
const LEAST_REQUESTS: usize = 1_000;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let requests = match std::env::var("REQUESTS") {
        Ok(text) if !text.is_empty() => text.parse().context("REQUESTS must be a number")?,
        _ => REQUESTS,
    };
    ensure!(requests >= LEAST_REQUESTS, "REQUESTS must be at least {LEAST_REQUESTS}");
    let mut faults = print_faults(&requests::load(requests).await?);
    let (measured, of_uploader) = uploads::load().await?;
    faults += print_faults(&of_uploader);
    faults += print_faults(&drains::load(&measured)?);
    if faults == 0 {
        line("Nothing was lost, memory is flat, and every tenant was served.");
        return Ok(ExitCode::SUCCESS);
    }
    line(&format!("Not as promised: {faults} lines above are marked BROKEN."));
    Ok(ExitCode::FAILURE)
}

/// Gives back how many there are.
fn print_faults(faults: &[String]) -> usize {
    for fault in faults {
        line(&format!("  BROKEN: {fault}"));
    }
    faults.len()
}
