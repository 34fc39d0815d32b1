//! CPU time: what else runs on the machine does not count.

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of this thread.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a benchmark")]
fn nanoseconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// The least that something took, in nanoseconds; infinite until it is measured.
#[derive(Clone, Copy)]
pub(crate) struct Least(pub(crate) f64);

impl Least {
    pub(crate) const fn new() -> Self {
        Self(f64::INFINITY)
    }

    pub(crate) fn measure(&mut self, act: impl FnOnce() -> Result<()>) -> Result<()> {
        let before = nanoseconds();
        act()?;
        self.0 = self.0.min(nanoseconds() - before);
        Ok(())
    }
}
