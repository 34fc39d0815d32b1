//! The uploader: planning alone, and the real binary with a backlog on the queue.

use std::time::Duration;

use anyhow::Result;
use axum::body::Bytes;
use envelope::Envelope;
use ids::ConnectionId;
use rustix::time::{ClockId, clock_gettime};
use uploader::plan::{Limits, Planner};
use uploader::work::{Lane, Work};

use crate::backlog::envelope;
use crate::lambda::{ACCOUNT, Lambda, Setup};
use crate::table::Table;

/// Rows of one call, and bytes of its body.
const LIMITS: Limits = Limits { rows: 1_000, bytes: 1_000_000 };
/// The template's default for all uploaders, of which one runs here.
const CALLS_PER_SECOND: &str = "8";
/// How long TikTok takes for a call.
const TIKTOK_TAKES: Duration = Duration::from_millis(450);
/// Of these an invocation keeps 15 s for settling.
const INVOCATION: Duration = Duration::from_secs(45);

/// CPU seconds of this thread: what else runs on the machine does not count.
fn thread_cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds of a benchmark")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

fn connections(count: u64) -> Result<Vec<ConnectionId>> {
    let of = |number: u64| {
        let advertiser = (7_000_000_000_000_000_001 + number).to_string().parse()?;
        Ok(ConnectionId { advertiser, account: ACCOUNT.parse()? })
    };
    (0..count).map(of).collect()
}

/// The work of one connection: messages of `rows` ids each.
fn work(ids: u32, rows: u32) -> Result<Work> {
    let connection = connections(1)?.remove(0);
    let mut lane = Lane::default();
    for number in 0..u64::from(ids / rows) {
        lane.push(queue::Received {
            message_id: number.to_string(),
            receipt_handle: String::new(),
            body: envelope(connection, number, rows)?,
            group: String::new(),
            sent_ms: 0,
            receive_count: 1,
            attributes: std::collections::HashMap::new(),
        });
    }
    Ok(Work::new(connection, vec![lane]))
}

/// From messages to calls, on one thread.
pub(crate) fn planning(table: &mut Table) -> Result<()> {
    let ids = 30_000;
    for rows in [1, 60] {
        let work = work(ids, rows)?;
        let mut best = f64::MAX;
        for _ in 0..7 {
            let before = thread_cpu_seconds();
            let mut planner = Planner::new();
            for (place, message) in work.messages() {
                Envelope::read(&message.body)?.rows.iter().for_each(|row| planner.add(place, row));
            }
            let plan = planner.plan(LIMITS, &Ok(Vec::new()), |_, _| None);
            anyhow::ensure!(plan.calls.len() == 30, "{} calls", plan.calls.len());
            best = best.min(thread_cpu_seconds() - before);
        }
        table.row(&format!("planning, {rows} ids a message"), "ids per CPU-second", f64::from(ids) / best);
    }
    Ok(())
}

/// The real binary, whose calls are paced as they are on AWS, with more on the queue than it can bring to TikTok.
pub(crate) async fn backlogs(table: &mut Table) -> Result<()> {
    for tenants in [1, 50] {
        for users in [1, 100, 1_000] {
            backlog(table, tenants, users).await?;
        }
    }
    Ok(())
}

async fn backlog(table: &mut Table, tenants: u64, users: u32) -> Result<()> {
    let connections = connections(tenants)?;
    let rates = [
        ("TIKTOK_CALLS_PER_SECOND", CALLS_PER_SECOND),
        ("TIKTOK_ADVERTISER_CALLS_PER_SECOND", CALLS_PER_SECOND),
        ("UPLOADER_CONCURRENCY", "1"),
    ];
    let mut uploader = Lambda::start(&Setup {
        name: "uploader",
        environment: &rates,
        timeout: INVOCATION,
        tiktok_takes: TIKTOK_TAKES,
        backlog: (&connections, users),
    })
    .await?;
    let (took, answer) = uploader.invoke(&Bytes::from_static(b"{\"Records\":[]}")).await?;
    anyhow::ensure!(answer.as_ref() == br#"{"batchItemFailures":[]}"#, "messages came back");
    let uploads = uploader.uploads();
    let rows: u64 = uploads.rows.values().sum();
    let least: u64 = uploads.rows.values().map(|rows| rows.div_ceil(LIMITS.rows as u64)).sum();
    let what = format!("uploader, {tenants} tenants, {users} users a message");
    table.row(&what, "changes a second", ratio(rows, 1) / took.as_secs_f64());
    table.row(&what, "rows a call", ratio(rows, uploads.calls));
    table.row(&what, "calls for each of the least possible", ratio(uploads.calls, least));
    table.row(&what, "SQS requests per million changes", ratio(uploader.sqs_requests(), rows) * 1e6);
    table.row(&what, "changes of the least served tenant", ratio(served_least(&uploads.rows, tenants), 1));
    table.row(&what, "changes per CPU-second", ratio(rows, 1) / uploader.cpu()?.as_secs_f64());
    table.row(&what, "peak memory, MB", uploader.peak_memory_mb()?);
    Ok(())
}

fn served_least(rows: &std::collections::BTreeMap<String, u64>, tenants: u64) -> u64 {
    if (rows.len() as u64) < tenants { 0 } else { rows.values().copied().min().unwrap_or_default() }
}

#[expect(clippy::cast_precision_loss, reason = "figures of a benchmark")]
fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other.max(1) as f64
}
