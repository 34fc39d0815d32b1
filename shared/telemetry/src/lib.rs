//! JSON log lines and metrics, both on standard output, where CloudWatch reads them.
//!
//! Only this product's own crates log below `warn`: the libraries' debug output holds headers and bodies, and with them secrets.

use std::fmt;

use metrics_cloudwatch_embedded::Collector;
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

/// The metrics of the process. Counters, gauges and histograms of the `metrics` crate end up here.
#[derive(Clone, Copy)]
pub struct Telemetry(&'static Collector);

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telemetry")
    }
}

impl Telemetry {
    /// Sets up logs and metrics for the process.
    ///
    /// `level` is for this product's own crates; `namespace` is CloudWatch's, `function` a dimension of every metric.
    ///
    /// # Errors
    /// [`AlreadySetUp`], which a function's `main` cannot meet.
    pub fn set_up(level: LevelFilter, namespace: String, function: &'static str) -> Result<Self, AlreadySetUp> {
        let lines =
            tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
        tracing_subscriber::registry().with(lines).with(filter(level)).try_init().map_err(|_| AlreadySetUp)?;
        metrics_cloudwatch_embedded::Builder::new()
            .cloudwatch_namespace(namespace)
            .with_dimension("function", function)
            .init()
            .map(Self)
            .map_err(|_| AlreadySetUp)
    }

    /// Writes what was counted since the last time, in CloudWatch's embedded metric format. To be called at the end of an invocation.
    pub fn flush(self) {
        if let Err(error) = self.0.flush(std::io::stdout()) {
            tracing::error!(%error, "the metrics of this invocation could not be written");
        }
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
