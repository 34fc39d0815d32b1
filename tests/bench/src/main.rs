//! `make bench`: figures of this machine, to compare with one another and not with those of other machines.

mod backlog;
mod lambda;
mod requests;
mod surroundings;
mod table;
mod uploads;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut table = table::Table::default();
    uploads::planning(&mut table)?;
    uploads::backlogs(&mut table).await?;
    requests::stream(&mut table).await?;
    table.print();
    Ok(())
}
