//! `make bench`: cold starts, memory and sizes of the binaries, beside a function that does nothing. A missed aim fails nothing: these are
//! figures of this machine.

mod cold_start;
mod size;

use bench::table::{Table, line};

use cold_start::STARTS;

const FUNCTIONS: [&str; 3] = ["auth-redirect", "ingest", "uploader"];
/// The function that does nothing.
const BARE: &str = "bare";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut table = Table::new(["", "figure", "aim", ""]);
    cold_start::measure(&mut table).await?;
    size::measure(&mut table)?;
    table.print();
    line(&format!(
        "  Cold starts and memory are the medians of {STARTS} starts. A cold start ends when the process asks for its first event;"
    ));
    line("  all that it calls until then answers at once, without TLS.");
    Ok(())
}

/// A row of the table: a figure, and whether it is within the aim.
fn compared(table: &mut Table, what: String, figure: f64, unit: &str, aim: f64) {
    let met = if figure <= aim { "met" } else { "not met" };
    table.row([what, format!("{figure:.2} {unit}"), format!("{aim} {unit}"), met.to_owned()]);
}
