//! The table at the end: what was sent, what arrived, and what should have.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use e2e::logs::Logs;
use e2e::{Stack, until};

use crate::terminal::{Terminal, grouped};
use crate::tour::Tour;

/// Reasons why something is left out, by function: the metric, its reason, and what it means.
const REASONS: [(&str, &str, &str, &str); 11] = [
    ("ingest", "dropped", "identity_type", "ids of a type that TikTok does not take"),
    ("ingest", "dropped", "encoding", "ids in an unknown encoding"),
    ("ingest", "dropped", "no_value", "ids without a value"),
    ("ingest", "dropped", "malformed", "ids that are far too long"),
    ("ingest", "dropped", "attribute_update", "updates of attributes"),
    ("ingest", "dropped", "superseded", "changes undone in the same profile"),
    ("ingest", "dropped", "no_change", "users without a change"),
    ("ingest", "dropped", "no_id", "users without an id"),
    ("uploader", "ids_dropped", "nil", "nil ids, raw or hashed"),
    ("uploader", "ids_dropped", "malformed", "ids that are none"),
    ("uploader", "ids_dropped", "encoding", "ids hashed with SHA-1 or SHA-256"),
];

/// The path of the calls with users in them.
const MAPPING: &str = "/segment/mapping/";

/// What stands behind a count that is larger because something was done twice, which is allowed.
const AGAIN: &str = "↻";

/// A table with its verdict.
struct Table<'t> {
    terminal: &'t mut Terminal,
    again: bool,
    wrong: Vec<String>,
}

impl Table<'_> {
    fn title(&mut self, title: &str, columns: [&str; 2]) {
        let [first, second] = columns;
        self.terminal.line(&format!("\n  {title:<44}{first:>10}{second:>10}"));
    }

    fn plain(&mut self, name: &str, value: impl TryInto<u64>) {
        self.terminal.line(&format!("  {name:<44}{:>10}", grouped(value)));
    }

    /// What must be exactly so.
    fn compared(&mut self, name: &str, is: u64, expected: u64) {
        let mark = if is == expected { "✓" } else { "✗" };
        self.row(name, is, expected, mark);
    }

    /// What is counted on the way: a message that came back, or was sent again, is counted again.
    fn counted(&mut self, name: &str, is: u64, expected: u64) {
        self.again |= is > expected;
        let mark = if is > expected { AGAIN } else { "✓" };
        self.row(name, is, expected, if is < expected { "✗" } else { mark });
    }

    fn row(&mut self, name: &str, is: u64, expected: u64, mark: &str) {
        let good = mark != "✗";
        let mark = self.terminal.verdict(good, mark);
        self.terminal.line(&format!("  {name:<44}{:>10}{:>10}  {mark}", grouped(is), grouped(expected)));
        if !good {
            self.wrong.push(format!("{name}: {is} instead of {expected}"));
        }
    }
}

/// Shows the table.
///
/// # Errors
/// What does not agree.
pub(crate) async fn show(terminal: &mut Terminal, stack: &Stack, tour: &Tour<'_>) -> Result<()> {
    // The uploader's figures come when its invocation ends: some seconds after the queue is empty.
    let journal = stack.tiktok.journal().await?;
    let calls = journal.iter().filter(|call| call.path == MAPPING).count() as u64;
    until("the uploader says what it did", async || Ok(stack.logs().await?.total("uploader", "calls") >= calls))
        .await?;
    let logs = stack.logs().await?;
    let mut table = Table { terminal, again: false, wrong: Vec::new() };
    way(&mut table, stack, tour, &logs).await?;
    audiences(&mut table, stack, tour).await?;
    left_out(&mut table, tour, &logs);
    dead_letters(&mut table, stack, tour).await?;
    if table.again {
        table.terminal.line(&format!("\n  {AGAIN} counted again where a message came back or was sent again"));
    }
    if table.wrong.is_empty() { Ok(()) } else { bail!("{}", table.wrong.join("; ")) }
}

async fn way(table: &mut Table<'_>, stack: &Stack, tour: &Tour<'_>, logs: &Logs) -> Result<()> {
    let counts = &tour.model.counts;
    table.title("on the way", ["", "expected"]);
    table.plain("messages sent", tour.messages);
    table.counted("users in them, as ingest counted", logs.total("ingest", "users_received"), counts.users);
    table.counted("changes queued", logs.total("ingest", "changes_queued"), counts.changes);
    let forgotten = logs.totals_by("ingest", "erasures", "outcome");
    let queued = forgotten.get("queued").copied().unwrap_or_default();
    table.counted("people to be forgotten, queued", queued, tour.forgotten as u64);
    table.plain("queue messages", logs.total("ingest", "messages_queued"));
    let journal = stack.tiktok.journal().await?;
    let (mapping, others): (Vec<_>, Vec<_>) = journal.iter().partition(|call| call.path == MAPPING);
    table.compared("calls to TikTok with users in them", mapping.len() as u64, logs.total("uploader", "calls"));
    table.plain("rows in them", mapping.iter().map(|call| call.rows).sum::<usize>());
    table.plain("other calls to TikTok", others.len());
    Ok(())
}

async fn audiences(table: &mut Table<'_>, stack: &Stack, tour: &Tour<'_>) -> Result<()> {
    table.title("ids in each audience at TikTok", ["members", "expected"]);
    let compared = tour.model.compare(&stack.tiktok).await?;
    let compared: BTreeMap<_, _> = compared.iter().map(|audience| (audience.audience_id.as_str(), audience)).collect();
    for (advertiser, crowd) in tour.names.iter().zip(&tour.crowds) {
        for audience in &crowd.audiences {
            let name = format!("{advertiser} / {}", audience.name);
            let Some(is) = compared.get(audience.tiktok_id.as_deref().unwrap_or_default()) else { continue };
            table.compared(&name, is.held as u64, is.expected as u64);
            if !is.agrees() {
                table.wrong.push(format!("{name} lacks {} ids and has {} that it should not", is.missing, is.extra));
            }
        }
    }
    Ok(())
}

fn left_out(table: &mut Table<'_>, tour: &Tour<'_>, logs: &Logs) {
    let counts = &tour.model.counts;
    table.title("left out", ["counted", "expected"]);
    for (function, metric, reason, meaning) in REASONS {
        let expected = if function == "ingest" { &counts.left_out } else { &counts.dropped };
        let counted = logs.totals_by(function, metric, "reason");
        let (is, expected) = (counted.get(reason).copied(), expected.get(reason).copied());
        if is.is_some() || expected.is_some() {
            table.counted(meaning, is.unwrap_or_default(), expected.unwrap_or_default());
        }
    }
}

/// Takes the dead letters away: they are expected.
async fn dead_letters(table: &mut Table<'_>, stack: &Stack, tour: &Tour<'_>) -> Result<()> {
    table.title("dead letters", ["changes", "expected"]);
    let mut by_cause = BTreeMap::from([("no_audience".to_owned(), 0)]);
    for letter in stack.take_letters().await? {
        *by_cause.entry(letter.cause().to_owned()).or_default() += letter.changes() as u64;
    }
    for (cause, changes) in by_cause {
        match cause.as_str() {
            "no_audience" => {
                table.compared("no_audience: never connected in mParticle", changes, tour.model.counts.unmapped);
            }
            other => table.compared(other, changes, 0),
        }
    }
    Ok(())
}
