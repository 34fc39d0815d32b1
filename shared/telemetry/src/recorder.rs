//! Gathers what the `metrics` crate is told between two flushes, and hands it out by series.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use serde_json::Number;

/// A metric with the values of its labels, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
}

impl From<&Key> for Series {
    fn from(key: &Key) -> Self {
        let mut labels: Vec<_> = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
        labels.sort();
        Self { name: key.name().to_owned(), labels }
    }
}

/// The highest value since the last flush.
struct Peak(Mutex<Option<f64>>);

impl Peak {
    fn with<T>(&self, act: impl FnOnce(&mut Option<f64>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl GaugeFn for Peak {
    fn increment(&self, value: f64) {
        self.with(|peak| *peak = Some(peak.unwrap_or_default() + value));
    }

    fn decrement(&self, value: f64) {
        self.increment(-value);
    }

    fn set(&self, value: f64) {
        self.with(|peak| *peak = Some(peak.map_or(value, |highest| highest.max(value))));
    }
}

#[derive(Default)]
struct Gathered {
    counters: BTreeMap<Series, Arc<AtomicU64>>,
    peaks: BTreeMap<Series, Arc<Peak>>,
}

/// The recorder of the process.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Gathered>);

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

impl Recorder {
    /// What was gathered since the last time; series with nothing new are left out.
    pub(crate) fn take(&self) -> BTreeMap<Series, Number> {
        self.with(|gathered| {
            let counters = gathered.counters.iter().filter_map(|(series, counter)| {
                let counted = counter.swap(0, Ordering::Relaxed);
                (counted > 0).then(|| (series.clone(), counted.into()))
            });
            let peaks = gathered.peaks.iter().filter_map(|(series, peak)| {
                let highest = peak.with(Option::take).and_then(Number::from_f64)?;
                Some((series.clone(), highest))
            });
            counters.chain(peaks).collect()
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Gathered) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl metrics::Recorder for Recorder {
    // The contract of this crate describes them.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let counter = self.with(|gathered| Arc::clone(gathered.counters.entry(key.into()).or_default()));
        Counter::from_arc(counter)
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let fresh = || Arc::new(Peak(Mutex::default()));
        Gauge::from_arc(self.with(|gathered| Arc::clone(gathered.peaks.entry(key.into()).or_insert_with(fresh))))
    }

    /// No metric of the contract is a histogram.
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
