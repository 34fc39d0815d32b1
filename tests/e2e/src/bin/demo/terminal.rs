//! What the demo writes. On a terminal progress is one line that changes; elsewhere it is a line now and then.

use std::io::{IsTerminal as _, Stdout, Write as _, stdout};
use std::time::{Duration, Instant};

/// The widths of the columns with the names of the steps and with what they did.
const NAME: usize = 11;
const TEXT: usize = 62;
/// The width of the bar.
const BAR: usize = 24;

/// Standard output.
pub(crate) struct Terminal {
    out: Stdout,
    live: bool,
    colored: bool,
    /// When the present step began.
    began: Instant,
    /// When progress was written last.
    written: Option<Instant>,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        let out = stdout();
        let live = out.is_terminal();
        let colored = live && std::env::var_os("NO_COLOR").is_none();
        Self { out, live, colored, began: Instant::now(), written: None }
    }

    pub(crate) fn heading(&mut self, text: &str) {
        let text = self.style("1", text);
        self.line(&format!("\n{text}\n"));
    }

    /// A line of its own.
    pub(crate) fn line(&mut self, text: &str) {
        let clear = if self.live { "\r\x1b[2K" } else { "" };
        self.write(&format!("{clear}{text}\n"));
        self.written = None;
    }

    /// A step that is done, with the time since the one before.
    pub(crate) fn step(&mut self, name: &str, text: &str) {
        let took = self.style("2", &format!("{:>6.1} s", self.began.elapsed().as_secs_f64()));
        self.line(&format!("  {name:<NAME$}{text:<TEXT$}{took}"));
        self.began = Instant::now();
    }

    /// What is being done now, of which nobody knows how far it is.
    pub(crate) fn working(&mut self, name: &str, text: &str) {
        self.progress(&format!("  {name:<NAME$}{text} …"));
    }

    /// How far it is.
    pub(crate) fn bar(&mut self, name: &str, done: usize, all: usize, text: &str) {
        let full = (BAR * done.min(all)).checked_div(all).unwrap_or(BAR);
        let bar = format!("{}{}", "━".repeat(full), self.style("2", &"─".repeat(BAR - full)));
        let text = if self.live { format!("{bar}  {text}") } else { text.to_owned() };
        self.progress(&format!("  {name:<NAME$}{text}"));
    }

    pub(crate) fn success(&mut self, text: &str) {
        let text = self.style("32", text);
        self.line(&format!("\n{text}\n"));
    }

    pub(crate) fn failure(&mut self, failure: &anyhow::Error) {
        let failed = self.style("31", "The demo failed:");
        self.line(&format!("\n{failed} {failure:#}\n"));
    }

    /// `text` in green or red.
    pub(crate) fn verdict(&self, good: bool, text: &str) -> String {
        self.style(if good { "32" } else { "31" }, text)
    }

    fn progress(&mut self, text: &str) {
        let pause = if self.live { Duration::from_millis(80) } else { Duration::from_secs(5) };
        let due = self.written.is_none_or(|written| written.elapsed() >= pause);
        if due && self.live {
            self.write(&format!("\r\x1b[2K{text}"));
            self.written = Some(Instant::now());
        } else if due {
            // The first of a step says nothing yet.
            if self.written.is_some() {
                self.write(&format!("{text}\n"));
            }
            self.written = Some(Instant::now());
        }
    }

    fn style(&self, code: &str, text: &str) -> String {
        if self.colored { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Where nobody reads any more there is nothing to do about it.
    fn write(&mut self, text: &str) {
        self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).ok();
    }
}

/// `24000` as `24,000`.
pub(crate) fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
