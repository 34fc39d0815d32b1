//! What a test logged.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use serde_json::Value;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

thread_local! {
    /// Each test has a thread of its own, and all of its world runs in it.
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

/// From now on everything is heard that the product's crates log, at the most talkative level.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let own = ["uploader", "queue", "tiktok", "secrets", "connections", "envelope"];
        let targets = Targets::new().with_default(LevelFilter::WARN);
        let targets = targets.with_targets(own.map(|own| (own, LevelFilter::TRACE)));
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(|| OwnLines);
        tracing_subscriber::registry().with(lines).with(targets).init();
    });
    LINES.take();
}

/// All that was logged since.
pub(crate) fn text() -> String {
    LINES.with_borrow(|lines| String::from_utf8(lines.clone()).unwrap())
}

/// The lines with this message.
pub(crate) fn lines(message: &str) -> Vec<Value> {
    let all = text();
    let lines = all.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["message"] == message).collect()
}
