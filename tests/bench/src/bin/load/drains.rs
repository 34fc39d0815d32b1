//! The drain of ten million changes, by simulation; and how far the simulation can be believed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use bench::drain::{Backlog, Drained, MEMORY_GB, Pace, drain, fewest_calls};
use bench::lambda::connection;
use bench::queue::{LANES, Message, envelope};
use bench::table::{Table, a_second, count, figure, line, ratio};

use crate::uploads::{CALLS_PER_SECOND, Measured, ROWS_A_CALL, TIKTOK_TAKES, TIMEOUT};

const CHANGES: u32 = 10_000_000;
const SEED: u64 = 1;
/// TikTok's tiers for an app, in calls a second, from the page on API rate limits of its developer portal: Advanced, Premium, Ultimate. Below
/// them is Basic with 10, of which the template's default takes 8.
const TIERS: [f64; 3] = [20.0, 30.0, 50.0];
/// How much of a tier the uploaders have, as they have by the template's default.
const SHARE: f64 = 0.8;
/// The template's defaults for the uploaders. How long SQS and TikTok take is assumed, not measured.
const AWS: Pace = Pace {
    uploaders: 2,
    calls_per_second: CALLS_PER_SECOND,
    timeout: Duration::from_mins(2),
    invocations: u64::MAX,
    receive: Duration::from_millis(20),
    delete: Duration::from_millis(20),
    call: Duration::from_millis(450),
    rows_a_call: ROWS_A_CALL,
    bytes: (0, 0),
};
/// About how long the stub takes for a receive and for a batch of deletes.
const STUB: Duration = Duration::from_millis(2);

/// Prints the comparison and the drains. Gives back the faults.
pub(crate) fn load(measured: &[Measured]) -> Result<Vec<String>> {
    let bytes = message_bytes()?;
    compare(measured, Pace { bytes, ..AWS });
    line(&format!(
        "drain of {} changes by simulation: {} uploaders of {} s and {MEMORY_GB} GB; SQS takes {} ms, TikTok {} ms",
        count(CHANGES),
        AWS.uploaders,
        AWS.timeout.as_secs(),
        AWS.receive.as_millis(),
        AWS.call.as_millis(),
    ));
    line("  Tenants differ in size as 1, 1/2, 1/3, …; all changes wait at the start, mixed. Of the smallest tenant:");
    line("  how many changes it has, and when the first and the last of them are at TikTok and off the queue.");
    let head = [
        "tenants",
        "users",
        "lanes",
        "calls/s",
        "hours",
        "changes/s",
        "calls",
        "calls/fewest",
        "rows a call",
        "smallest: changes",
        "first, min",
        "last, h",
        "dollars",
    ];
    let mut table = Table::new(head);
    let mut faults = Vec::new();
    for (backlog, rate, drained) in simulate(bytes) {
        row(&mut table, &backlog, rate, &drained);
        faults.extend(fault(&backlog, &drained));
    }
    table.print();
    line(
        "  Dollars are of the uploaders' SQS requests and of Lambda: what ingest, logs and metrics cost comes on top.",
    );
    line("");
    Ok(faults)
}

/// Simulates all cases, as many at a time as there are processors, and says when each is done: all take minutes.
fn simulate(bytes: (usize, usize)) -> Vec<(Backlog, f64, Drained)> {
    let at_once = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cases = cases();
    let (all, waiting, done) = (cases.len(), Mutex::new(cases.iter().enumerate()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_once.min(all) {
            scope.spawn(|| {
                let next = || locked(&waiting).next();
                while let Some((place, &(backlog, rate))) = next() {
                    let drained = drain(backlog, Pace { bytes, calls_per_second: rate, ..AWS }, SEED);
                    locked(&done).push((place, (backlog, rate, drained)));
                    line(&format!("  {} of {all} simulated", locked(&done).len()));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, drained)| drained).collect()
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What waits, and how many calls a second are made.
fn cases() -> Vec<(Backlog, f64)> {
    let backlog = |tenants, users, lanes| Backlog { tenants, lanes, users, changes: CHANGES, uneven: true };
    let mut cases = Vec::new();
    for tenants in [1, 50, 500] {
        for users in [1, 100] {
            cases.extend([16, 64].map(|lanes| (backlog(tenants, users, lanes), CALLS_PER_SECOND)));
        }
    }
    for rate in TIERS {
        cases.extend([1, 100].map(|users| (backlog(50, users, u32::from(LANES)), rate * SHARE)));
    }
    cases
}

fn row(table: &mut Table, backlog: &Backlog, rate: f64, drained: &Drained) {
    let fewest = fewest_calls(backlog.changes_of_tenants(), ROWS_A_CALL);
    let smallest = drained.tenants.last().copied().unwrap_or_default();
    let hours = |time: Duration| time.as_secs_f64() / 3_600.0;
    table.row([
        backlog.tenants.to_string(),
        backlog.users.to_string(),
        backlog.lanes.to_string(),
        rate.to_string(),
        figure(hours(drained.took)),
        figure(a_second(drained.changes(), drained.took)),
        count(drained.calls),
        figure(ratio(drained.calls, fewest)),
        figure(ratio(drained.rows_told, drained.calls)),
        count(smallest.changes),
        figure(smallest.first.as_secs_f64() / 60.0),
        figure(hours(smallest.last)),
        figure(drained.dollars()),
    ]);
}

/// Every change of every tenant has to be delivered.
fn fault(backlog: &Backlog, drained: &Drained) -> Option<String> {
    let Backlog { tenants, users, lanes, .. } = backlog;
    let delivered = drained.tenants.iter().map(|served| served.changes);
    let is_whole = drained.left == 0 && delivered.eq(backlog.changes_of_tenants().into_iter().map(u64::from));
    let (done, all) = (count(drained.changes()), count(backlog.changes));
    let fault = || {
        format!(
            "drain of {tenants} tenants, {users} users a message, {lanes} lanes: {done} of {all} changes were delivered"
        )
    };
    (!is_whole).then(fault)
}

/// Simulates what was measured, and prints both.
fn compare(measured: &[Measured], pace: Pace) {
    line("the same runs by simulation, to see how far it can be believed");
    let head = [
        "tenants",
        "users a message",
        "changes/s",
        "simulated",
        "rows a call",
        "simulated",
        "SQS requests per million",
        "simulated",
    ];
    let mut table = Table::new(head);
    for case in measured {
        let backlog = Backlog {
            tenants: case.tenants,
            lanes: u32::from(LANES),
            users: case.users,
            // More than one invocation can send.
            changes: 2_000_000,
            uneven: false,
        };
        let pace = Pace {
            uploaders: 1,
            timeout: TIMEOUT,
            invocations: 1,
            receive: STUB,
            delete: STUB,
            call: TIKTOK_TAKES,
            ..pace
        };
        let drained = drain(backlog, pace, SEED);
        let done = drained.changes();
        table.row([
            case.tenants.to_string(),
            case.users.to_string(),
            figure(case.a_second),
            figure(a_second(done, drained.at_work)),
            figure(case.rows_a_call),
            figure(ratio(drained.rows_told, drained.calls)),
            figure(case.requests_a_million),
            figure(ratio(drained.requests, done) * 1e6),
        ]);
    }
    table.print();
    line("");
}

/// Bytes of an envelope without rows, and of each row.
fn message_bytes() -> Result<(usize, usize)> {
    let connection = connection(0)?;
    let length = |rows| Ok::<_, anyhow::Error>(envelope(connection, Message { number: 1, rows })?.len());
    let (one, many) = (length(1)?, length(101)?);
    let row = (many - one) / 100;
    Ok((one - row, row))
}
