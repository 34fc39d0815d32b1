//! JSON log lines and metrics, both on standard output, where CloudWatch reads them. What they hold is in the README of this crate.
//!
//! Only this product's own crates log below `warn`: the libraries' debug output holds headers and bodies, and with them secrets.

#[cfg(feature = "capture")]
pub mod capture;
pub mod contract;
mod embedded;
mod lines;
mod recorder;

use std::io::{self, Stdout};
use std::time::{SystemTime, UNIX_EPOCH};

use lines::Lines;
use recorder::Recorder;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The crates that obey the `LOG_LEVEL` setting.
const OWN_CRATES: [&str; 13] = [
    "auth_redirect",
    "connections",
    "envelope",
    "firehose",
    "hashed_id",
    "ids",
    "ingest",
    "queue",
    "secrets",
    "startup",
    "telemetry",
    "tiktok",
    "uploader",
];

/// What is logged: `level` and above of this product's crates, warnings and errors of all others.
fn filter(level: LevelFilter) -> Targets {
    OWN_CRATES
        .into_iter()
        .fold(Targets::new().with_default(LevelFilter::WARN), |targets, own| targets.with_target(own, level))
}

/// Telemetry was set up a second time in one process.
#[derive(Debug, thiserror::Error)]
#[error("telemetry is already set up")]
pub struct AlreadySetUp;

/// The metrics of the process. Counters and gauges of the `metrics` crate end up here.
#[derive(Debug, Clone, Copy)]
pub struct Telemetry(&'static Metrics);

#[derive(Debug)]
struct Metrics {
    recorder: Recorder,
    lines: Lines<Stdout>,
    namespace: String,
    function: &'static str,
}

impl Telemetry {
    /// Sets up logs and metrics for the process.
    ///
    /// `level` is for this product's own crates; `namespace` is CloudWatch's, `function` a dimension of every metric.
    ///
    /// # Errors
    /// [`AlreadySetUp`], which a function's `main` cannot meet.
    pub fn set_up(level: LevelFilter, namespace: String, function: &'static str) -> Result<Self, AlreadySetUp> {
        // It lives as long as the process.
        let metrics: &'static Metrics = Box::leak(Box::new(Metrics {
            recorder: Recorder::default(),
            lines: Lines::new(io::stdout()),
            namespace,
            function,
        }));
        // The span of an invocation, where a function has one, names Lambda's request in each line.
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
        let lines = lines.with_writer(&metrics.lines);
        tracing_subscriber::registry().with(lines).with(filter(level)).try_init().map_err(|_| AlreadySetUp)?;
        metrics::set_global_recorder(&metrics.recorder).map_err(|_| AlreadySetUp)?;
        Ok(Self(metrics))
    }

    /// Writes what was counted since the last time, in CloudWatch's embedded metric format, as one with the last log line where that
    /// tells of ordinary work. To be called at the end of an invocation.
    pub fn flush(self) {
        if let Err(error) = self.write() {
            tracing::error!(%error, "the metrics of this invocation could not be written");
        }
    }

    fn write(self) -> io::Result<()> {
        let Metrics { recorder, lines, namespace, function } = self.0;
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let timestamp = i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX);
        lines.finish(embedded::lines(namespace, function, timestamp, recorder.take())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn libraries_log_warnings_and_our_own_crates_the_level_that_was_set() {
        let filter = filter(LevelFilter::DEBUG);
        for own in OWN_CRATES {
            assert!(filter.would_enable(own, &Level::DEBUG) && !filter.would_enable(own, &Level::TRACE), "{own}");
        }
        assert!(filter.would_enable("uploader::pace", &Level::DEBUG));
        for library in ["hyper_util", "aws_smithy_runtime", "reqwest::connect", "rustls"] {
            assert!(filter.would_enable(library, &Level::WARN) && !filter.would_enable(library, &Level::INFO));
        }
    }

    #[test]
    fn a_level_of_off_silences_our_own_crates_alone() {
        let filter = filter(LevelFilter::OFF);
        assert!(!filter.would_enable("ingest", &Level::ERROR) && filter.would_enable("hyper", &Level::ERROR));
    }

    #[test]
    fn every_crate_that_logs_is_known() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let mut found: Vec<String> = ["functions", "shared"]
            .iter()
            .flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap())
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().join("Cargo.toml").exists())
            .map(|entry| entry.file_name().into_string().unwrap().replace('-', "_"))
            .collect();
        found.sort();
        assert_eq!(found, OWN_CRATES);
    }
}
