//! Keys, as a keyboard gives them to a page.

use serde_json::{Value, json};

/// A key of the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// To what can be operated next.
    Tab,
    /// Operates it.
    Enter,
    /// Operates a button or a checkbox.
    Space,
}

impl Key {
    /// What `Input.dispatchKeyEvent` wants to know of it.
    pub(super) fn describe(self, kind: &str) -> Value {
        let (name, code, number, text) = match self {
            Self::Tab => ("Tab", "Tab", 9, ""),
            Self::Enter => ("Enter", "Enter", 13, "\r"),
            Self::Space => (" ", "Space", 32, " "),
        };
        let text = if kind == "keyUp" { "" } else { text };
        json!({ "type": kind, "key": name, "code": code, "windowsVirtualKeyCode": number, "text": text })
    }
}
