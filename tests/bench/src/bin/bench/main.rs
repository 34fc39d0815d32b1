//! `make bench`: what the binaries cost before they do anything, beside a function that does nothing.

mod cold_start;
mod size;

use bench::table::{Table, line};

/// The functions of the product.
const FUNCTIONS: [&str; 3] = ["auth-redirect", "ingest", "uploader"];
/// The function that does nothing.
const BARE: &str = "bare";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut table = Table::new(["binaries", "figure", "aim", ""]);
    cold_start::measure(&mut table).await?;
    size::measure(&mut table)?;
    table.print();
    line(
        "  Cold starts are from the start of the process to its first question for an event; all that it calls meanwhile answers at once, without TLS.",
    );
    Ok(())
}

/// A row of the table: a figure, and whether it is within the aim.
fn compared(table: &mut Table, what: String, figure: f64, unit: &str, aim: f64) {
    let met = if figure <= aim { "met" } else { "MISSED" };
    table.row([what, format!("{figure:.2} {unit}"), format!("{aim} {unit}"), met.to_owned()]);
}
