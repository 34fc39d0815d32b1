//! Asking before something is destroyed, or sent again.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::Error;

/// Asks `question` on the terminal; with `yes` nobody is asked.
///
/// # Errors
/// [`Error::NotConfirmed`] where the answer is no, or nobody is there to be asked.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Error::NotConfirmed("nobody is there to be asked; --yes goes ahead without asking"));
    }
    let mut out = io::stderr();
    let mut answer = String::new();
    let asked = write!(out, "{question} [y/N] ")
        .and_then(|()| out.flush())
        .and_then(|()| io::stdin().lock().read_line(&mut answer));
    if asked.is_ok() && is_yes(&answer) { Ok(()) } else { Err(Error::NotConfirmed("the answer was not yes")) }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for yes in ["y\n", "Yes\n", " YES "] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "yeah\n", "y y\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
