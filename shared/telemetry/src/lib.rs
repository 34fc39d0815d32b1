//! JSON log lines and metrics, both on standard output, where CloudWatch reads them.
//!
//! Only this product's own crates log below `warn`: the libraries' debug output holds headers and bodies, and with them secrets.

use std::fmt;

use metrics_cloudwatch_embedded::Collector;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// The crates that obey the `LOG_LEVEL` setting.
const OWN_CRATES: [&str; 12] = [
    "auth_redirect",
    "envelope",
    "firehose",
    "identity",
    "ids",
    "ingest",
    "queue",
    "secrets",
    "startup",
    "telemetry",
    "tiktok",
    "uploader",
];

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
        let own = OWN_CRATES.map(|own| format!("{own}={level}")).join(",");
        let filter = EnvFilter::new(format!("warn,{own}"));
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_env_filter(filter)
            .try_init()
            .map_err(|_| AlreadySetUp)?;
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
