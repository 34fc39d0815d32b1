//! CPU time and memory of a process, from Linux's `/proc`.

use std::time::Duration;

use anyhow::{Context, Result};

/// The id of a process that runs.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

impl Process {
    /// CPU time that it has used so far.
    ///
    /// # Errors
    /// It has ended, or this is not Linux.
    pub fn cpu(self) -> Result<Duration> {
        let stat = self.read("stat")?;
        // User and system time are fields 14 and 15, in hundredths of a second. The second field, a name, may have spaces.
        let (_, after) = stat.rsplit_once(") ").context("an unknown form of /proc")?;
        let mut fields = after.split(' ').skip(11).map(str::parse::<u64>);
        let mut ticks = || Ok::<_, anyhow::Error>(fields.next().context("an unknown form of /proc")??);
        Ok(Duration::from_millis((ticks()? + ticks()?) * 10))
    }

    /// Resident memory now, in MB, the pages of its program included.
    ///
    /// # Errors
    /// As [`cpu`](Self::cpu).
    pub fn memory_mb(self) -> Result<f64> {
        self.status("VmRSS:")
    }

    /// The most resident memory so far, in MB.
    ///
    /// # Errors
    /// As [`cpu`](Self::cpu).
    pub fn peak_memory_mb(self) -> Result<f64> {
        self.status("VmHWM:")
    }

    fn status(self, name: &str) -> Result<f64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("an unknown form of /proc")?;
        let kb: u32 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(f64::from(kb) / 1024.0)
    }

    fn read(self, file: &str) -> Result<String> {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0))
            .context("the process cannot be measured: it has ended, or this is not Linux")
    }
}
