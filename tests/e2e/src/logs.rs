//! All that the functions logged: read from CloudWatch Logs bit by bit, searched for what should not be there, and summed up where
//! it is metrics. The local cloud writes the lines of an invocation when it ends, so a line may come late.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cloud::Cloud;

/// The functions, by the last part of their names.
const FUNCTIONS: [&str; 3] = ["auth-redirect", "ingest", "uploader"];
/// The most events that one `FilterLogEvents` returns.
const PAGE: usize = 10_000;

/// Reads a stack's logs from where it stopped the last time.
#[derive(Debug)]
pub(crate) struct LogReader {
    stack_name: String,
    text: String,
    /// Of each function the first millisecond that was not read yet.
    from_ms: [i64; FUNCTIONS.len()],
}

impl LogReader {
    /// A reader of the functions `<stack_name>-<function>`.
    pub(crate) fn new(stack_name: &str) -> Self {
        Self { stack_name: stack_name.to_owned(), text: String::new(), from_ms: [0; FUNCTIONS.len()] }
    }

    /// Everything that was logged until now.
    pub(crate) async fn read(&mut self, cloud: &Cloud) -> Result<&str> {
        let until_ms = now_ms();
        // A line is stamped before it is stored.
        tokio::time::sleep(Duration::from_millis(50)).await;
        for (function, from_ms) in FUNCTIONS.iter().zip(&mut self.from_ms) {
            let group = format!("/aws/lambda/{}-{function}", self.stack_name);
            while *from_ms <= until_ms {
                let input = json!({ "logGroupName": group, "startTime": *from_ms, "endTime": until_ms });
                let answer = cloud.logs("FilterLogEvents", &input).await?;
                let events = answer["events"].as_array().context("FilterLogEvents without events")?;
                let last_ms = events.last().and_then(|event| event["timestamp"].as_i64());
                // A full page may end in the middle of a millisecond, which is then read again.
                let next_ms = if events.len() < PAGE { until_ms + 1 } else { last_ms.context("no timestamp")? };
                ensure!(next_ms > *from_ms, "too many log lines in one millisecond");
                for event in events.iter().filter(|event| event["timestamp"].as_i64() < Some(next_ms)) {
                    let message = event["message"].as_str().unwrap_or_default().trim_end();
                    self.text.extend([function, "\t", message, "\n"]);
                }
                *from_ms = next_ms;
            }
        }
        Ok(&self.text)
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    i64::try_from(now).unwrap_or(i64::MAX)
}

/// The functions' logs: a line each, the function, a tab, the message.
#[derive(Clone, Debug)]
pub struct Logs(String);

impl Logs {
    /// Logs in this text.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The JSON lines of a function, in its own order.
    pub fn of<'a>(&'a self, function: &'a str) -> impl Iterator<Item = Value> + 'a {
        let lines = self.0.lines().filter_map(|line| line.split_once('\t'));
        lines.filter(move |(name, _)| *name == function).filter_map(|(_, message)| serde_json::from_str(message).ok())
    }

    /// The sum of a counter that a function wrote in CloudWatch's embedded metric format.
    #[must_use]
    pub fn total(&self, function: &str, metric: &str) -> u64 {
        self.of(function).filter(is_metrics).filter_map(|line| count(&line, metric)).sum()
    }

    /// The sums of a counter for each value of a dimension of it.
    #[must_use]
    pub fn totals_by(&self, function: &str, metric: &str, dimension: &str) -> BTreeMap<String, u64> {
        let mut totals = BTreeMap::new();
        for line in self.of(function).filter(is_metrics) {
            if let (Some(count), Some(value)) = (count(&line, metric), line[dimension].as_str()) {
                *totals.entry(value.to_owned()).or_default() += count;
            }
        }
        totals.retain(|_, total| *total > 0);
        totals
    }
}

fn is_metrics(line: &Value) -> bool {
    line.get("_aws").is_some()
}

fn count(line: &Value, metric: &str) -> Option<u64> {
    let value = line.get(metric)?;
    // Some counters are written as floats. None comes near the end of what a float counts exactly.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are whole, small and not negative"
    )]
    let whole = |float: f64| float as u64;
    value.as_u64().or_else(|| value.as_f64().map(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_summed_by_function_and_dimension() {
        let text = [
            r#"ingest	{"_aws":{},"function":"ingest","reason":"no_id","dropped":2}"#,
            r#"ingest	{"_aws":{},"function":"ingest","reason":"no_id","dropped":3.0}"#,
            r#"ingest	{"_aws":{},"function":"ingest","reason":"no_change","dropped":0}"#,
            r#"ingest	{"level":"INFO","dropped":9}"#,
            r#"uploader	{"_aws":{},"function":"uploader","dropped":7}"#,
            "uploader	START RequestId: 1",
        ];
        let logs = Logs::new(text.join("\n"));
        assert_eq!(logs.totals_by("ingest", "dropped", "reason"), BTreeMap::from([("no_id".to_owned(), 5)]));
        assert_eq!((logs.total("uploader", "dropped"), logs.total("uploader", "calls")), (7, 0));
    }
}
