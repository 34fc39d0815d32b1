//! What a command has to say: text for people, JSON for programs, and progress while it works.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) text: String,
    pub(crate) json: Value,
    /// Whether all went well: the exit code.
    pub(crate) well: bool,
}

impl Report {
    /// A report of something that went well.
    pub(crate) fn new(text: String, value: &impl Serialize) -> Self {
        Self { text, json: serde_json::to_value(value).unwrap_or(Value::Null), well: true }
    }

    /// The same where something did not.
    pub(crate) fn unless(self, bad: bool) -> Self {
        Self { well: self.well && !bad, ..self }
    }

    /// Prints it. A reader that went away (`| head`) is no failure.
    pub(crate) fn print(&self, json: bool) -> ExitCode {
        let mut out = io::stdout().lock();
        let written = if json { writeln!(out, "{:#}", self.json) } else { writeln!(out, "{}", self.text.trim_end()) };
        let gone = written.is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe);
        if self.well && !gone { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Says what went wrong, in one line. If even that cannot be written, the exit code says it.
pub(crate) fn print_error(what: &str) {
    writeln!(io::stderr(), "operator: {what}").ok();
}

/// Progress on standard error, on one line that is rewritten; silent where no person looks.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: bool,
    width: usize,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { shown: io::stderr().is_terminal(), width: 0 }
    }

    /// Shows `what` in the place of what was shown before.
    pub(crate) fn say(&mut self, what: &str) {
        if self.shown {
            let width = self.width;
            write!(io::stderr(), "\r{what:width$}").ok();
            io::stderr().flush().ok();
            self.width = what.chars().count();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.width > 0 {
            let blank = " ".repeat(self.width);
            write!(io::stderr(), "\r{blank}\r").ok();
        }
    }
}

/// Rows under headings, in columns as wide as they need to be, two spaces indented.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let cell = |row: &[String], at: usize| row.get(at).map_or(0, |cell| cell.chars().count());
    let headings: Vec<String> = headings.iter().map(|&heading| heading.to_owned()).collect();
    let all = || std::iter::once(headings.as_slice()).chain(rows.iter().map(Vec::as_slice));
    let widths: Vec<usize> = (0..headings.len()).map(|at| all().map(|row| cell(row, at)).max().unwrap_or(0)).collect();
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("  {cell:width$}"));
        format!("{}\n", cells.collect::<String>().trim_end())
    };
    all().map(line).collect()
}

/// `1 letter`, `2 letters`; thousands are grouped.
pub(crate) fn count(number: impl TryInto<u64>, one: &str) -> String {
    let number: u64 = number.try_into().unwrap_or(u64::MAX);
    format!("{} {one}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_have_no_tail() {
        let rows = vec![vec!["7".to_owned(), "ä".to_owned()], vec!["7123".to_owned(), String::new()]];
        assert_eq!(table(&["id", "name"], &rows), "  id    name\n  7     ä\n  7123\n");
        assert_eq!(table(&["id"], &[]), "  id\n");
    }

    #[test]
    fn numbers_are_grouped_and_things_counted() {
        let texts = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!((count(1_usize, "letter"), count(2_000_u64, "letter")), ("1 letter".into(), "2,000 letters".into()));
    }
}
