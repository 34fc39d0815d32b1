//! What a test lets fail, and how often.

use serde_json::Value;

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    NotReached,
    /// It is carried out, and the answer never arrives.
    AnswerLost,
    /// It is answered with this error code, such as `RequestThrottled`, and not carried out.
    Refused(&'static str),
    /// It is not carried out, and answered with status 500.
    Broken,
}

#[derive(Debug)]
struct Entries {
    action: String,
    containing: String,
    code: &'static str,
    senders_fault: bool,
    left: u32,
}

/// Faults of calls and of entries that are still to come.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    calls: Vec<(String, Fault)>,
    entries: Vec<Entries>,
}

impl Refusals {
    pub(super) fn add_call(&mut self, action: &str, fault: Fault) {
        self.calls.push((action.to_owned(), fault));
    }

    pub(super) fn add_entries(
        &mut self,
        action: &str,
        containing: &str,
        code: &'static str,
        senders_fault: bool,
        times: u32,
    ) {
        let (action, containing) = (action.to_owned(), containing.to_owned());
        self.entries.push(Entries { action, containing, code, senders_fault, left: times });
    }

    pub(super) fn of_call(&mut self, action: &str) -> Option<Fault> {
        let place = self.calls.iter().position(|(of, _)| of == action)?;
        Some(self.calls.remove(place).1)
    }

    pub(super) fn of_entry(&mut self, action: &str, entry: &Value) -> Option<(&'static str, bool)> {
        let mut values = entry.as_object()?.values().filter_map(Value::as_str);
        let entries = self.entries.iter_mut().filter(|entries| entries.left > 0 && entries.action == action);
        let texts: Vec<_> = values.by_ref().collect();
        let hit = entries.into_iter().find(|entries| texts.iter().any(|text| text.contains(&entries.containing)))?;
        hit.left -= 1;
        Some((hit.code, hit.senders_fault))
    }
}
