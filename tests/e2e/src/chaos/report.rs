//! What `make chaos` prints: a line of progress now and then, and a table at the end.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::failures::EVENTS;
use super::plan::CATALOG;
use super::verdict::Verdict;
use super::world::World;

/// What is told of the way of messages.
const COUNTED: [&str; 12] = [
    "messages",
    "users in them",
    "changes in them",
    "people forgotten",
    "verifications",
    "audiences connected",
    "audiences disconnected",
    "audiences that could not be connected any more",
    "requests repeated: not now",
    "requests repeated: no answer",
    "connects and disconnects repeated",
    "answers that ask to suspend",
];

/// So many things that are wrong are told.
const TOLD: usize = 6;

/// How a world ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    table: String,
    wrong: Vec<String>,
}

/// A line in the middle.
pub(super) async fn progress(world: &World<'_>) -> String {
    let (step, steps) = (world.step(), world.plan.steps);
    let waiting = world.stack.queue.depth().await.map_or_else(|_| "?".to_owned(), |depth| depth.all().to_string());
    let on = world.plan.faults.iter().filter(|fault| u64::from(fault.from) <= step && step < u64::from(fault.until));
    format!(
        "  {:<14}{:>6} messages {:>8} changes {:>6} waiting {:>4} faults",
        if step < u64::from(steps) { format!("step {step}/{steps}") } else { "draining".to_owned() },
        world.counted("messages"),
        world.counted("changes in them"),
        waiting,
        on.count(),
    )
}

impl Report {
    pub(super) fn new(world: &World<'_>, verdict: &Verdict, failing: Duration, lasted: Duration) -> Self {
        let mut table = Table::default();
        table.title("sent by mParticle", "");
        for name in COUNTED {
            table.row(name, world.counted(name));
        }
        table.title("at the end", "ids");
        table.row("in the audiences that they belong to", verdict.in_place as u64);
        for (cause, ids) in &verdict.explained {
            table.row(&format!("missing there, and in a dead letter: {cause}"), *ids as u64);
        }
        table.title("dead letters, all of them", "changes");
        for (cause, changes) in &verdict.letters {
            table.row(cause, *changes as u64);
        }
        table.title("faults and events", "times");
        let planned = |name: &str| world.plan.faults.iter().any(|fault| fault.kind == name);
        let faults = CATALOG.iter().map(|kind| kind.name).filter(|name| planned(name));
        for name in faults.chain(EVENTS) {
            table.row(name, world.counted(name));
        }
        let (failing, lasted) = (failing.as_secs(), lasted.as_secs());
        table.line(&format!("\n  {failing} s with faults, {lasted} s until the queue was empty"));
        Self { seed: world.plan.seed, table: table.0, wrong: verdict.wrong.clone() }
    }

    /// For people.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Sees that TikTok holds what it should, or that a dead letter says truly why not, and that all else is in order.
    ///
    /// # Errors
    /// What is not so.
    pub fn claim(&self) -> Result<()> {
        let first: Vec<_> = self.wrong.iter().take(TOLD).map(|wrong| format!("\n  {wrong}")).collect();
        ensure!(self.wrong.is_empty(), "{} things are not as they should be:{}", self.wrong.len(), first.concat());
        Ok(())
    }
}

#[derive(Default)]
struct Table(String);

impl Table {
    fn title(&mut self, title: &str, column: &str) {
        self.line(&format!("\n  {title:<62}{column:>10}"));
    }

    fn row(&mut self, name: &str, count: u64) {
        self.line(&format!("    {name:<60}{count:>10}"));
    }

    fn line(&mut self, line: &str) {
        // Writing to a String cannot fail.
        writeln!(self.0, "{line}").ok();
    }
}
