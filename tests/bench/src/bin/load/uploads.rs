//! The uploader: the real binary, with more on the queue than it can bring to a TikTok that takes 100 ms a call.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::body::Bytes;
use bench::lambda::{Lambda, Setup, connection};
use bench::queue::Queue;
use bench::table::{Table, figure, line, ratio};
use md5::{Digest as _, Md5};
use serde_json::Value;

/// Rows of one call.
pub(crate) const ROWS_A_CALL: u32 = 1_000;
/// The template's default for all uploaders, of which one runs here.
pub(crate) const CALLS_PER_SECOND: f64 = 8.0;
/// How long TikTok takes for a call.
pub(crate) const TIKTOK_TAKES: Duration = Duration::from_millis(100);
/// The longest invocation; 15 s of it are kept for settling.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(35);

/// What one run brought.
pub(crate) struct Measured {
    pub(crate) tenants: u32,
    pub(crate) users: u32,
    pub(crate) a_second: f64,
    pub(crate) rows_a_call: f64,
    pub(crate) requests_a_million: f64,
}

/// What was done in a run.
struct Run {
    took: Duration,
    calls: u64,
    /// Joins and leaves of each advertiser.
    rows: BTreeMap<(String, String), u32>,
    requests: u64,
    memory_mb: f64,
    cpu: Duration,
    /// Ids of deleted messages that TikTok was not told.
    lost: u64,
    done: u64,
}

/// The head of the table.
const HEAD: [&str; 10] = [
    "tenants",
    "users a message",
    "seconds",
    "calls",
    "changes/s",
    "rows a call",
    "calls for the least",
    "SQS requests per M",
    "changes per CPU-s",
    "peak MB",
];

/// Runs each case, prints it, and gives back the figures and what should not be.
pub(crate) async fn load() -> Result<(Vec<Measured>, Vec<String>)> {
    let (mut table, mut measured, mut broken) = (Table::new(HEAD), Vec::new(), Vec::new());
    for (tenants, users) in [(1, 1), (1, 100), (50, 1), (50, 100)] {
        let run = run(tenants, users).await?;
        let rows: u64 = run.rows.values().map(|rows| u64::from(*rows)).sum();
        let case = Measured {
            tenants,
            users,
            a_second: ratio(run.done, 1) / run.took.as_secs_f64(),
            rows_a_call: ratio(rows, run.calls),
            requests_a_million: ratio(run.requests, run.done) * 1e6,
        };
        table.row([
            tenants.to_string(),
            users.to_string(),
            figure(run.took.as_secs_f64()),
            figure(ratio(run.calls, 1)),
            figure(case.a_second),
            figure(case.rows_a_call),
            figure(ratio(run.calls, least_of(&run.rows))),
            figure(case.requests_a_million),
            figure(ratio(run.done, 1) / run.cpu.as_secs_f64()),
            figure(run.memory_mb),
        ]);
        broken.extend(faults(tenants, &run));
        measured.push(case);
    }
    line(
        "uploader: the real binary for one invocation of 35 s, of which 15 are kept for settling and none starts a call in the last 5 before;\n  \
         more on the queue than it can bring; a quarter of the changes are leaves; TikTok takes 100 ms a call and 8 calls a second; 16 lanes",
    );
    table.print();
    line("");
    Ok((measured, broken))
}

/// What the product promises and did not keep.
fn faults(tenants: u32, run: &Run) -> Vec<String> {
    let mut faults = Vec::new();
    if run.lost > 0 {
        faults.push(format!(
            "uploader: {} ids of {tenants} tenants are off the queue, and TikTok was not told",
            run.lost
        ));
    }
    let served = run.rows.keys().map(|(advertiser, _)| advertiser).collect::<HashSet<_>>().len();
    if served < tenants as usize {
        faults.push(format!("uploader: only {served} of {tenants} tenants were served"));
    }
    faults
}

/// The fewest calls for so many joins and leaves.
fn least_of(rows: &BTreeMap<(String, String), u32>) -> u64 {
    rows.values().map(|rows| u64::from(rows.div_ceil(ROWS_A_CALL))).sum()
}

async fn run(tenants: u32, users: u32) -> Result<Run> {
    let connections: Vec<_> = (0..tenants).map(connection).collect::<Result<_>>()?;
    let rate = CALLS_PER_SECOND.to_string();
    let environment = [
        ("TIKTOK_CALLS_PER_SECOND", rate.as_str()),
        ("TIKTOK_ADVERTISER_CALLS_PER_SECOND", rate.as_str()),
        ("UPLOADER_CONCURRENCY", "1"),
    ];
    let mut uploader = Lambda::start(&Setup {
        environment: &environment,
        timeout: TIMEOUT,
        tiktok_takes: TIKTOK_TAKES,
        connections: &connections,
        users,
        ..Setup::of("uploader")
    })
    .await?;
    let (took, answer) = uploader.invoke(&Bytes::from_static(b"{\"Records\":[]}")).await?;
    anyhow::ensure!(answer.as_ref() == br#"{"batchItemFailures":[]}"#, "messages came back");
    let (cpu, memory_mb) = (uploader.process()?.cpu()?, uploader.process()?.peak_memory_mb()?);
    let mut run = Run { took, calls: 0, rows: BTreeMap::new(), requests: 0, memory_mb, cpu, lost: 0, done: 0 };
    let mut told = HashSet::new();
    for call in uploader.take_uploads() {
        run.told(&serde_json::from_slice(&call)?, &mut told)?;
    }
    run.deleted(&uploader.queue(), &told);
    Ok(run)
}

impl Run {
    fn told(&mut self, call: &Value, told: &mut HashSet<String>) -> Result<()> {
        let text = |at: &str| {
            call.pointer(at).and_then(Value::as_str).map(str::to_owned).context("a mapping call of another form")
        };
        let (advertiser, action) = (text("/advertiser_ids/0")?, text("/action")?);
        let rows = call.get("batch_data").and_then(Value::as_array).context("a mapping call without rows")?;
        told.extend(rows.iter().filter_map(|row| Some(format!("{action} {}", row.pointer("/0/id")?.as_str()?))));
        self.calls += 1;
        *self.rows.entry((advertiser, action)).or_default() += u32::try_from(rows.len())?;
        Ok(())
    }

    fn deleted(&mut self, queue: &Queue, told: &HashSet<String>) {
        self.requests = queue.requests;
        for (id, leaves) in queue.deleted.iter().flat_map(|message| message.ids()) {
            let digest = base16ct::lower::encode_string(&Md5::digest(&id));
            let action = if leaves { "delete" } else { "add" };
            self.done += 1;
            self.lost += u64::from(!told.contains(&format!("{action} {digest}")));
        }
    }
}
