//! What a test logged. Each test has a thread of its own, and hears what that thread logs. For tests alone.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

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

/// From now on everything is heard that a function would log at `level`, which is the same for all tests of a process.
pub fn listen(level: LevelFilter) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(|| OwnLines);
        tracing_subscriber::registry().with(lines).with(crate::filter(level)).init();
    });
    LINES.take();
}

/// All that was logged since, one JSON object a line.
#[must_use]
pub fn heard() -> String {
    LINES.with_borrow(|lines| String::from_utf8_lossy(lines).into_owned())
}
