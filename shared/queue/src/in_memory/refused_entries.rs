//! The entries of batches that a test lets SQS refuse.

use serde_json::Value;

#[derive(Debug)]
struct Rule {
    action: String,
    containing: String,
    code: &'static str,
    senders_fault: bool,
    left: u32,
}

/// The refusals that are still to come.
#[derive(Debug, Default)]
pub(super) struct RefusedEntries(Vec<Rule>);

impl RefusedEntries {
    pub(super) fn add(&mut self, action: &str, containing: &str, code: &'static str, senders_fault: bool, times: u32) {
        let (action, containing) = (action.to_owned(), containing.to_owned());
        self.0.push(Rule { action, containing, code, senders_fault, left: times });
    }

    /// The code with which this entry is refused, if it is, and whether that is the sender's fault.
    pub(super) fn take(&mut self, action: &str, entry: &Value) -> Option<(&'static str, bool)> {
        let texts: Vec<_> = entry.as_object()?.values().filter_map(Value::as_str).collect();
        let hits = |rule: &Rule| {
            rule.left > 0 && rule.action == action && texts.iter().any(|text| text.contains(&rule.containing))
        };
        let rule = self.0.iter_mut().find(|rule| hits(rule))?;
        rule.left -= 1;
        Some((rule.code, rule.senders_fault))
    }
}
