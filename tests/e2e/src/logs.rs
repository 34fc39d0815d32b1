//! All that the functions logged: to be searched for what should not be there, and summed up where it is metrics.

use std::collections::BTreeMap;

use serde_json::Value;

/// The functions' logs: a line each, `<stack>-<function>`, a tab, the message.
#[derive(Clone, Debug)]
pub struct Logs(String);

impl Logs {
    /// Logs as `stack.py logs` prints them.
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
        lines
            .filter(move |(group, _)| group.ends_with(&format!("-{function}")))
            .filter_map(|(_, message)| serde_json::from_str(message).ok())
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
            r#"s-ingest	{"_aws":{},"function":"ingest","reason":"no_id","dropped":2}"#,
            r#"s-ingest	{"_aws":{},"function":"ingest","reason":"no_id","dropped":3.0}"#,
            r#"s-ingest	{"_aws":{},"function":"ingest","reason":"no_change","dropped":0}"#,
            r#"s-ingest	{"level":"INFO","dropped":9}"#,
            r#"s-uploader	{"_aws":{},"function":"uploader","dropped":7}"#,
            "s-uploader	START RequestId: 1",
        ];
        let logs = Logs::new(text.join("\n"));
        assert_eq!(logs.totals_by("ingest", "dropped", "reason"), BTreeMap::from([("no_id".to_owned(), 5)]));
        assert_eq!((logs.total("uploader", "dropped"), logs.total("uploader", "calls")), (7, 0));
    }
}
