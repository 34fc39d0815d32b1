//! What a test logged. Each test has a thread of its own, and hears what that thread logs. For tests alone.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static PANIC_AT: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct OwnLines;

impl Write for OwnLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        let line = String::from_utf8_lossy(bytes);
        let is_met = PANIC_AT.with_borrow(|parts| !parts.is_empty() && parts.iter().all(|part| line.contains(part)));
        if is_met {
            PANIC_AT.take();
            panic!("a fault where a test wants one: {line}");
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From now on everything is heard that a function would log at `level`, which is the same for all tests of a process.
pub fn listen(level: LevelFilter) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(|| OwnLines);
        tracing_subscriber::registry().with(lines).with(crate::filter(level)).init();
    });
    LINES.take();
}

/// A fault of the product's own: the code that logs the next line with all these parts panics there, once.
pub fn panic_at(parts: &[&str]) {
    PANIC_AT.set(parts.iter().map(|part| (*part).to_owned()).collect());
}

/// All that was logged since, one JSON object a line.
#[must_use]
pub fn heard() -> String {
    LINES.with_borrow(|lines| String::from_utf8_lossy(lines).into_owned())
}
