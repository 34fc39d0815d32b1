//! How long a large backlog takes, by simulation: the rules of SQS FIFO, TikTok's rate, and uploaders that work as the product's do, by its
//! own limits. Pure, and the same for the same seed.
//!
//! It knows no failures, and no change that a newer one makes unnecessary; and an advertiser has the whole rate of the app.

mod fifo;
mod limits;
mod simulation;
mod task;
mod uploader;

use std::time::Duration;

pub use fifo::Backlog;
use fifo::{Fifo, TenantIndex};
pub use limits::{LEAST_TIME, SETTLING};
use simulation::Simulation;
use task::calls_of;

/// One change in so many is a leave, in the simulation and on the stub's queue.
pub const LEAVES: u32 = 4;
/// The most messages that a receive gives: SQS's limit.
pub const RECEIVED: usize = 10;
/// SQS bills each 64 KB of a request's payload as one request.
pub const BILLED: usize = 64 * 1024;
/// Dollars for a million requests to a FIFO queue in us-east-1: <https://aws.amazon.com/sqs/pricing/>.
const SQS_MILLION: f64 = 0.50;
/// Dollars for a second of one GB, on arm64 in us-east-1: <https://aws.amazon.com/lambda/pricing/>.
const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
/// Dollars for a million invocations, from the same page.
const LAMBDA_MILLION: f64 = 0.20;
/// The template's default of `UploaderMemory`.
pub const MEMORY_GB: f64 = 0.5;
/// From the end of an invocation to the next one, while messages wait. Not measured: AWS does not say.
const BETWEEN: Duration = Duration::from_secs(1);

/// How fast the uploaders and what they call are.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Uploaders that run at a time.
    pub uploaders: u32,
    /// Calls a second to TikTok by all of them together, and as many for one advertiser.
    pub calls_per_second: f64,
    /// The longest invocation.
    pub timeout: Duration,
    /// How many invocations there are at most.
    pub invocations: u64,
    /// How long SQS takes for a receive that finds something.
    pub receive: Duration,
    /// How long SQS takes for a batch of deletes.
    pub delete: Duration,
    /// How long TikTok takes for a call.
    pub call: Duration,
    /// Rows of one call: a device id and an audience are 90 bytes, so `TikTokMaxBytes` bounds nothing.
    pub rows_a_call: u32,
    /// Bytes of a message without rows, and of each row.
    pub bytes: (usize, usize),
}

/// What a tenant got of a drain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Served {
    /// Changes that are at TikTok and off the queue.
    pub changes: u64,
    /// When the first of them was off the queue.
    pub first: Duration,
    /// When the last one was.
    pub last: Duration,
}

/// What a drain took.
#[derive(Debug, Default)]
pub struct Drained {
    /// From the first invocation to the end of the last one.
    pub took: Duration,
    /// What each tenant got, the largest first.
    pub tenants: Vec<Served>,
    /// Calls to TikTok.
    pub calls: u64,
    /// Rows in them: a row of a message that stays is told again.
    pub rows_told: u64,
    /// Requests to SQS as it bills them.
    pub requests: u64,
    /// Invocations of all uploaders.
    pub invocations: u64,
    /// Time of all invocations together.
    pub at_work: Duration,
    /// Messages that are still on the queue.
    pub left: u64,
}

/// Simulates the drain of `backlog`, all of which waits at the start.
#[must_use]
pub fn drain(backlog: Backlog, pace: Pace, seed: u64) -> Drained {
    Simulation::new(Fifo::new(backlog, seed), backlog.tenants, pace).run()
}

/// The fewest calls that could hold so many changes of each tenant.
#[must_use]
pub fn fewest_calls(changes: impl IntoIterator<Item = u32>, rows_a_call: u32) -> u64 {
    changes.into_iter().map(|changes| u64::from(calls_of(changes, rows_a_call))).sum()
}

impl Pace {
    /// Between two calls of one uploader.
    fn period(&self) -> Duration {
        Duration::from_secs_f64(f64::from(self.uploaders) / self.calls_per_second)
    }

    fn message_bytes(&self, rows: u16) -> usize {
        self.bytes.0 + self.bytes.1 * usize::from(rows)
    }
}

impl Drained {
    fn delivered(&mut self, tenant: TenantIndex, rows: u64, now: Duration) {
        let served = &mut self.tenants[tenant.0];
        if served.changes == 0 {
            served.first = now;
        }
        served.changes += rows;
        served.last = now;
    }

    /// Changes of all tenants that are done.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.tenants.iter().map(|served| served.changes).sum()
    }

    /// What SQS and Lambda cost.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "dollars, of which cents matter")]
    pub fn dollars(&self) -> f64 {
        let (requests, invocations) = (self.requests as f64 / 1e6, self.invocations as f64 / 1e6);
        let lambda = self.at_work.as_secs_f64() * MEMORY_GB * LAMBDA_GB_SECOND + invocations * LAMBDA_MILLION;
        requests * SQS_MILLION + lambda
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKLOG: Backlog = Backlog { tenants: 5, lanes: 16, users: 1, changes: 60_000, uneven: true };
    const PACE: Pace = Pace {
        uploaders: 2,
        calls_per_second: 8.0,
        timeout: Duration::from_mins(2),
        invocations: u64::MAX,
        receive: Duration::from_millis(20),
        delete: Duration::from_millis(20),
        call: Duration::from_millis(450),
        rows_a_call: 1_000,
        bytes: (100, 100),
    };

    #[test]
    fn every_change_is_delivered_and_no_tenant_waits_for_all() {
        for users in [1, 100] {
            let backlog = Backlog { users, ..BACKLOG };
            let drained = drain(backlog, PACE, 3);
            let changes: Vec<_> = drained.tenants.iter().map(|served| served.changes).collect();
            assert_eq!(changes, backlog.changes_of_tenants().into_iter().map(u64::from).collect::<Vec<_>>());
            assert_eq!(drained.left, 0);
            assert!(drained.rows_told >= 60_000 && drained.calls >= fewest_calls(backlog.changes_of_tenants(), 1_000));
        }
    }

    #[test]
    fn the_pace_of_calls_is_kept() {
        let drained = drain(BACKLOG, PACE, 3);
        #[expect(clippy::cast_precision_loss, reason = "a few thousand calls")]
        let calls = drained.calls as f64;
        assert!(calls <= drained.took.as_secs_f64() * PACE.calls_per_second + 2.0, "{drained:?}");
    }

    #[test]
    fn one_tenant_is_bound_by_its_lanes() {
        // A task holds what all lanes of a connection give: 160 one-row messages, joins in one call and leaves in another.
        let one = Backlog { tenants: 1, ..BACKLOG };
        let drained = drain(one, PACE, 3);
        let rows_a_call = drained.rows_told / drained.calls;
        assert!(rows_a_call <= 80, "{rows_a_call}");
        let wide = drain(Backlog { lanes: 64, ..one }, PACE, 3);
        assert!(wide.took < drained.took / 2, "{:?} {:?}", wide.took, drained.took);
    }

    #[test]
    fn the_same_seed_gives_the_same_drain() {
        let figures = |seed| {
            let drained = drain(BACKLOG, PACE, seed);
            (drained.took, drained.calls, drained.requests)
        };
        assert_eq!(figures(1), figures(1));
        assert_ne!(figures(1), figures(2));
    }

    #[test]
    fn dollars_are_of_requests_and_of_time() {
        let drained = Drained {
            requests: 2_000_000,
            at_work: Duration::from_mins(2_500),
            invocations: 500_000,
            ..Drained::default()
        };
        assert!((drained.dollars() - (1.0 + 1.000_005 + 0.1)).abs() < 1e-9, "{}", drained.dollars());
    }
}
