//! CloudWatch's embedded metric format: a log line from which CloudWatch takes metrics.
//!
//! The format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//! A line holds a value for each name only once, so series of the same metric with other labels need lines of their own.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::contract::{Metric, Unit};
use crate::recorder::Series;

/// The dimension that every metric has.
const FUNCTION: &str = "function";

struct Line<'a> {
    aws: Aws<'a>,
    members: Map<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Aws<'a> {
    timestamp: i64,
    cloud_watch_metrics: Vec<Directive<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'a str,
    dimensions: Vec<Vec<String>>,
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: String,
    unit: String,
}

impl<'a> Line<'a> {
    fn new(timestamp: i64, function: &str) -> Self {
        let members = Map::from_iter([(FUNCTION.to_owned(), Value::from(function))]);
        Self { aws: Aws { timestamp, cloud_watch_metrics: Vec::new() }, members }
    }

    fn members(self) -> serde_json::Result<Map<String, Value>> {
        let mut members = self.members;
        members.insert("_aws".to_owned(), serde_json::to_value(self.aws)?);
        Ok(members)
    }

    /// Whether no member has to have two values.
    fn takes(&self, series: &Series) -> bool {
        let agrees = |(label, value): &(String, String)| self.members.get(label).is_none_or(|known| known == value);
        !self.members.contains_key(&series.name) && series.labels.iter().all(agrees)
    }

    fn add(&mut self, namespace: &'a str, series: Series, value: Number) {
        let metric = Metric::named(&series.name);
        let with_function = |set: &[&str]| [FUNCTION].iter().chain(set).map(|&name| name.to_owned()).collect();
        let labels: Vec<&str> = series.labels.iter().map(|(label, _)| label.as_str()).collect();
        let dimensions: Vec<Vec<String>> = match metric {
            Some(metric) => metric.dimension_sets().map(with_function).collect(),
            None => vec![with_function(&labels)],
        };
        let unit = metric.map_or(Unit::Count, |metric| metric.unit).to_string();
        let definition = Definition { name: series.name.clone(), unit };
        let directives = &mut self.aws.cloud_watch_metrics;
        match directives.iter_mut().find(|directive| directive.dimensions == dimensions) {
            Some(directive) => directive.metrics.push(definition),
            None => directives.push(Directive { namespace, dimensions, metrics: vec![definition] }),
        }
        self.members.extend(series.labels.into_iter().map(|(label, value)| (label, Value::from(value))));
        self.members.insert(series.name, Value::Number(value));
    }
}

/// The fewest lines that hold `gathered`, usually one. `timestamp` is in milliseconds since 1970.
///
/// # Errors
/// The serializer's, if it has any.
pub(crate) fn lines(
    namespace: &str,
    function: &str,
    timestamp: i64,
    gathered: BTreeMap<Series, Number>,
) -> serde_json::Result<Vec<Map<String, Value>>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (series, value) in gathered {
        let free = lines.iter().position(|line| line.takes(&series));
        let mut line = free.map_or_else(|| Line::new(timestamp, function), |index| lines.swap_remove(index));
        line.add(namespace, series, value);
        lines.push(line);
    }
    lines.into_iter().map(Line::members).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Recorder;
    use serde_json::json;

    fn written(recorder: &Recorder) -> Vec<Value> {
        let lines = lines("stack", "uploader", 1_714_592_744_065, recorder.take()).unwrap();
        lines.into_iter().map(Value::Object).collect()
    }

    fn count(recorder: &Recorder, count: impl FnOnce()) {
        metrics::with_local_recorder(recorder, count);
    }

    #[test]
    fn a_line_holds_metrics_of_different_dimensions() {
        let recorder = Recorder::default();
        count(&recorder, || {
            metrics::counter!("calls").increment(2);
            metrics::counter!("calls").increment(1);
            metrics::counter!("dead_letters", "cause" => "rejected").increment(4);
            metrics::counter!("throttles").increment(0);
        });
        let expected = json!({
            "_aws": { "Timestamp": 1_714_592_744_065_i64, "CloudWatchMetrics": [
                { "Namespace": "stack", "Dimensions": [["function"]], "Metrics": [{ "Name": "calls", "Unit": "Count" }] },
                { "Namespace": "stack", "Dimensions": [["function"], ["function", "cause"]],
                  "Metrics": [{ "Name": "dead_letters", "Unit": "Count" }] },
            ] },
            "function": "uploader", "calls": 3, "cause": "rejected", "dead_letters": 4,
        });
        assert_eq!(written(&recorder), [expected]);
        assert_eq!(written(&recorder), [] as [Value; 0]);
    }

    #[test]
    fn values_of_one_name_get_lines_of_their_own() {
        let recorder = Recorder::default();
        count(&recorder, || {
            metrics::counter!("dead_letters", "cause" => "rejected").increment(4);
            metrics::counter!("dead_letters", "cause" => "token").increment(5);
            metrics::counter!("changes_postponed", "cause" => "unavailable").increment(6);
        });
        let by_cause =
            |line: &Value| (line["cause"].clone(), line["dead_letters"].clone(), line["changes_postponed"].clone());
        let mut found: Vec<_> = written(&recorder).iter().map(by_cause).collect();
        found.sort_by_key(|(cause, ..)| cause.to_string());
        let nothing = json!(null);
        let expected = [
            (json!("rejected"), json!(4), nothing.clone()),
            (json!("token"), json!(5), nothing.clone()),
            (json!("unavailable"), nothing, json!(6)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn of_a_peak_the_highest_is_written_once() {
        let recorder = Recorder::default();
        count(&recorder, || {
            for age in [30, 900, 60] {
                metrics::gauge!("oldest_change_age_seconds", "trouble" => "everybody").set(f64::from(age));
            }
        });
        let lines = written(&recorder);
        assert_eq!(lines[0]["oldest_change_age_seconds"], 900.0);
        assert_eq!(lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"], "Seconds");
        assert_eq!(written(&recorder), [] as [Value; 0]);
    }
}
