//! What a test logged and counted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once};

use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

thread_local! {
    /// What this thread's test logged since it began to listen.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes to the lines of the thread that logs: each test has its own.
struct OwnLines;

impl Write for OwnLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From now on everything is heard that our own crates log, at the most talkative level.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let own = ["ingest", "firehose", "tiktok", "secrets", "connections", "queue"];
        let targets =
            Targets::new().with_default(LevelFilter::WARN).with_targets(own.map(|own| (own, LevelFilter::TRACE)));
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(|| OwnLines);
        tracing_subscriber::registry().with(lines).with(targets).init();
    });
    LINES.take();
}

/// What was logged since; none of `private` is in it.
pub(crate) fn heard(private: &[&str]) -> Vec<Value> {
    let text = String::from_utf8(LINES.take()).unwrap();
    for private in private {
        assert!(!text.contains(private), "{private} in {text}");
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Counts by name and labels.
#[derive(Clone, Default)]
pub(crate) struct Counts(Arc<Mutex<BTreeMap<String, u64>>>);

struct Count(Counts, String);

impl CounterFn for Count {
    fn increment(&self, by: u64) {
        *self.0.0.lock().unwrap().entry(self.1.clone()).or_default() += by;
    }

    fn absolute(&self, _: u64) {
        panic!("nothing here counts that way");
    }
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<_> = key.labels().map(|label| format!(" {}={}", label.key(), label.value())).collect();
        Counter::from_arc(Arc::new(Count(self.clone(), format!("{}{}", key.name(), labels.concat()))))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

impl Counts {
    pub(crate) fn take(&self) -> Value {
        json!(std::mem::take(&mut *self.0.lock().unwrap()))
    }
}
