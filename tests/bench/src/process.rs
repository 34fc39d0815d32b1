//! CPU and memory of a process, from Linux.

use std::time::Duration;

use anyhow::{Context, Result};

/// A process that runs.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

impl Process {
    /// CPU that it has used so far.
    ///
    /// # Errors
    /// It has ended, or this is not Linux.
    pub fn cpu(self) -> Result<Duration> {
        let stat = self.read("stat")?;
        // After the name in parentheses; user and system time are fields 14 and 15, in hundredths of a second.
        let after = stat.rsplit(") ").next().context("an unknown form of /proc")?;
        let ticks: u64 = after.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Memory that it has now, in MB, the pages of its program included.
    ///
    /// # Errors
    /// As [`cpu`](Self::cpu).
    pub fn memory_mb(self) -> Result<f64> {
        self.status("VmRSS:")
    }

    /// The most memory that it has had, in MB.
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
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0)).context("measuring needs Linux's /proc")
    }
}
