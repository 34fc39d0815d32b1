//! What people are told of a chaotic world: a line now and then, and a table at its end.

use std::fmt::Write as _;
use std::time::Duration;

use super::fate::EVENTS;
use super::plan::CATALOG;
use super::verdict::Verdict;
use super::world::World;

/// What is told of the way of messages.
const COUNTED: [&str; 11] = [
    "messages",
    "users in them",
    "changes in them",
    "people forgotten",
    "verifications",
    "audiences connected",
    "audiences disconnected",
    "requests repeated: not now",
    "requests repeated: no answer",
    "buttons pressed again",
    "answers that ask to suspend",
];

/// How a world ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The table.
    table: String,
}

/// A line in the middle.
pub(super) async fn progress(world: &World<'_>) -> String {
    let (step, steps) = (world.step(), world.plan.steps);
    let waiting = world.stack.queue.depth().await.map_or_else(|_| "?".to_owned(), |depth| depth.all().to_string());
    let on = world.plan.faults.iter().filter(|fault| u64::from(fault.from) <= step && step < u64::from(fault.until));
    format!(
        "  {:<14}{:>6} messages {:>8} changes {:>6} waiting {:>4} faults",
        if step < u64::from(steps) { format!("step {step}/{steps}") } else { "come to rest".to_owned() },
        world.counted("messages"),
        world.counted("changes in them"),
        waiting,
        on.count(),
    )
}

impl Report {
    pub(super) fn new(world: &World<'_>, verdict: &Verdict, failing: Duration, lasted: Duration) -> Self {
        let mut table = String::new();
        let mut row = |name: &str, count: u64| writeln!(table, "  {name:<58}{count:>9}");
        // Writing to a String cannot fail.
        let mut rows = || -> std::fmt::Result {
            for name in COUNTED {
                row(name, world.counted(name))?;
            }
            row("memberships at TikTok", verdict.as_it_should_be as u64)?;
            for (cause, ids) in &verdict.explained {
                row(&format!("ids in a dead letter instead: {cause}"), *ids as u64)?;
            }
            for (cause, changes) in &verdict.letters {
                row(&format!("changes in dead letters: {cause}"), *changes as u64)?;
            }
            row("", 0)
        };
        rows().ok();
        let planned = |name: &str| world.plan.faults.iter().any(|fault| fault.kind == name);
        let faults = CATALOG.iter().map(|kind| kind.name).filter(|name| planned(name)).chain(EVENTS);
        for name in faults {
            writeln!(table, "  {name:<58}{:>9}", world.counted(name)).ok();
        }
        writeln!(table, "  {} s of faults, {} s in all", failing.as_secs(), lasted.as_secs()).ok();
        Self { seed: world.plan.seed, table }
    }

    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        self.table.clone()
    }
}
