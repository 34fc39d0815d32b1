//! The uploader: the real binary, with more on the queue than one invocation can send.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::body::Bytes;
use bench::drain::{LEAST_TIME, LEAVES, SETTLING};
use bench::lambda::{Lambda, Setup, connection};
use bench::queue::{LANES, Queue};
use bench::table::{Table, a_second, count, figure, line, ratio};
use md5::{Digest as _, Md5};
use serde_json::Value;

/// The most rows of a call: the template's default.
pub(crate) const ROWS_A_CALL: u32 = 1_000;
/// The template's default for all uploaders, of which one runs here.
pub(crate) const CALLS_PER_SECOND: f64 = 8.0;
/// How long TikTok takes for a call.
pub(crate) const TIKTOK_TAKES: Duration = Duration::from_millis(100);
/// The longest invocation: shorter than the template's default, so that all cases take two minutes.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(35);

/// Tenants, and users of each message.
const CASES: [(u32, u32); 4] = [(1, 1), (1, 100), (50, 1), (50, 100)];

/// The figures that a simulation of the same run is compared with.
pub(crate) struct Measured {
    pub(crate) tenants: u32,
    pub(crate) users: u32,
    pub(crate) a_second: f64,
    pub(crate) rows_a_call: f64,
    pub(crate) requests_a_million: f64,
}

struct Run {
    took: Duration,
    calls: u64,
    /// Rows of the calls of each advertiser and action.
    rows: BTreeMap<(String, String), u32>,
    requests: u64,
    memory_mb: f64,
    cpu: Duration,
    /// Changes of deleted messages that TikTok was not told.
    lost: u64,
    /// Changes of deleted messages.
    done: u64,
}

const HEAD: [&str; 10] = [
    "tenants",
    "users a message",
    "seconds",
    "calls",
    "changes/s",
    "rows a call",
    "calls/fewest",
    "SQS requests per million",
    "changes per CPU-s",
    "peak MB",
];

/// Runs each case, and prints all. Gives back the figures and the faults.
pub(crate) async fn load() -> Result<(Vec<Measured>, Vec<String>)> {
    let (mut table, mut measured, mut faults) = (Table::new(HEAD), Vec::new(), Vec::new());
    line(&format!(
        "uploader: the real binary for one invocation of {} s, of which {} are kept for settling and none starts a call in the last {} before;\n  \
         more on the queue than it can send; 1 of {LEAVES} changes is a leave; TikTok takes {} ms a call and {CALLS_PER_SECOND} calls a second; {LANES} lanes",
        TIMEOUT.as_secs(),
        SETTLING.as_secs(),
        LEAST_TIME.as_secs(),
        TIKTOK_TAKES.as_millis(),
    ));
    for (tenants, users) in CASES {
        let run = run(tenants, users).await?;
        let rows: u64 = run.rows.values().map(|rows| u64::from(*rows)).sum();
        let case = Measured {
            tenants,
            users,
            a_second: a_second(run.done, run.took),
            rows_a_call: ratio(rows, run.calls),
            requests_a_million: ratio(run.requests, run.done) * 1e6,
        };
        table.row([
            tenants.to_string(),
            users.to_string(),
            figure(run.took.as_secs_f64()),
            count(run.calls),
            figure(case.a_second),
            figure(case.rows_a_call),
            figure(ratio(run.calls, fewest_calls(&run.rows))),
            figure(case.requests_a_million),
            figure(a_second(run.done, run.cpu)),
            figure(run.memory_mb),
        ]);
        faults.extend(faults_of(tenants, &run));
        measured.push(case);
        line(&format!("  {} of {} measured", measured.len(), CASES.len()));
    }
    table.print();
    line("");
    Ok((measured, faults))
}

fn faults_of(tenants: u32, run: &Run) -> Vec<String> {
    let mut faults = Vec::new();
    if run.lost > 0 {
        faults.push(format!(
            "uploader: {} changes of {tenants} tenants are off the queue, and TikTok was not told",
            run.lost
        ));
    }
    let served = run.rows.keys().map(|(advertiser, _)| advertiser).collect::<HashSet<_>>().len();
    if served < tenants as usize {
        faults.push(format!("uploader: only {served} of {tenants} tenants were served"));
    }
    faults
}

/// The fewest calls that could hold these rows.
fn fewest_calls(rows: &BTreeMap<(String, String), u32>) -> u64 {
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
    anyhow::ensure!(
        answer.as_ref() == br#"{"batchItemFailures":[]}"#,
        "the uploader answers {}",
        String::from_utf8_lossy(&answer)
    );
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

    /// Compares what is off the queue with what TikTok was told.
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
