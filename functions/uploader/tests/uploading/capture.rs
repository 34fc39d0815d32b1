//! What a test logged.

use serde_json::Value;
use telemetry::capture;
pub(crate) use telemetry::capture::panic_at;
use tracing::level_filters::LevelFilter;

/// From now on everything is heard that the product's crates log, at the most talkative level.
pub(crate) fn listen() {
    capture::listen(LevelFilter::TRACE);
}

/// All that was logged since.
pub(crate) fn text() -> String {
    capture::heard()
}

/// The lines with this message.
pub(crate) fn lines(message: &str) -> Vec<Value> {
    let all = text();
    let lines = all.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["message"] == message).collect()
}
