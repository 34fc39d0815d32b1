//! What must never be in a log: every secret, raw or hashed id and personal text that went through the harness. Messages are
//! searched for them as they are sent, so that no story can forget one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::identity::{NIL, md5_hex, sha256_hex};
use crate::people::MARK;

/// The names of the fields whose text is secret or personal.
const FIELDS: [&str; 4] = ["value", "mpid", "tiktokAccessToken", "TikTok Access Token"];
/// Names that only a message's body has, as they stand in JSON.
const BODIES: [&str; 4] = ["\"user_profiles\":", "\"device_identities\":", "\"account_settings\":", "\"rows\":["];

/// Words that must not be in a log. Those of a story are also kept for the stack that it shares with others.
#[derive(Debug, Default)]
pub struct Confidential {
    words: Mutex<HashSet<String>>,
    stack: Option<Arc<Self>>,
}

impl Confidential {
    /// The words of one story on a stack.
    #[must_use]
    pub fn of_story(stack: Arc<Self>) -> Self {
        Self { words: Mutex::default(), stack: Some(stack) }
    }

    /// Keeps out a word without spaces, of letters, digits, `-` and `_`.
    pub fn add(&self, word: &str) {
        self.with(&|words| note(words, word));
    }

    /// Keeps out all that is secret or personal in a message, and the hashes of raw ids.
    pub fn add_message(&self, message: &Value) {
        self.with(&|words| search(words, message));
    }

    /// The lines that hold one of the words, with the word itself left out.
    #[must_use]
    pub fn leaks_in(&self, logs: &str) -> Vec<String> {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        logs.lines().filter_map(|line| leak(&words, line)).collect()
    }

    fn with(&self, change: &dyn Fn(&mut HashSet<String>)) {
        change(&mut self.words.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(stack) = &self.stack {
            stack.with(change);
        }
    }
}

fn search(words: &mut HashSet<String>, value: &Value) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
            Value::String(text) if FIELDS.contains(&name.as_str()) => note(words, text),
            Value::Object(_) | Value::Array(_) => search(words, value),
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }),
        Value::Array(values) => values.iter().for_each(|value| search(words, value)),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

fn note(words: &mut HashSet<String>, text: &str) {
    let word = normal(text);
    // The nil id is everybody's; what is shorter than an id may be part of anything.
    if word.len() < 12 || word == NIL || word == md5_hex(NIL) || word == md5_hex("") {
        return;
    }
    words.extend([md5_hex(&word), sha256_hex(&word)]);
    words.insert(word);
}

/// As it is compared: without spaces around it, and without the sign of a number.
fn normal(word: &str) -> String {
    word.trim().trim_start_matches('-').to_ascii_lowercase()
}

fn leak(words: &HashSet<String>, line: &str) -> Option<String> {
    // A body may be quoted inside a text of a JSON line, once or twice.
    let plain = line.replace('\\', "");
    if let Some(body) = BODIES.iter().find(|body| plain.contains(**body)) {
        return Some(format!("a message's body ({body}) in a line of {} characters", line.len()));
    }
    if plain.contains(MARK) {
        return Some(format!("personal text: {}", plain.replace(MARK, "•••")));
    }
    let of_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let found = plain.split(|c| !of_word(c)).find(|word| words.contains(&normal(word)))?;
    Some(format!("a secret or an id: {}", plain.replace(found, "•••")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whatever_a_message_holds_of_a_person_is_found_in_a_log() {
        let stack = Arc::new(Confidential::default());
        let story = Confidential::of_story(Arc::clone(&stack));
        let id = "66B728C2-F9A4-4D87-82EF-CE07414FE3F7";
        story.add_message(&json!({
            "account": { "account_settings": { "tiktokAccountId": "71", "tiktokAccessToken": "0123456789abcdef0123" } },
            "user_profiles": [{ "mpid": "-7346244611012968789", "device_identities": [{ "value": format!(" {id} ") }] }],
        }));
        let clean = r#"{"level":"INFO","advertiser":"71","id":"00000000-0000-0000-0000-000000000000"}"#;
        assert_eq!(story.leaks_in(clean), Vec::<String>::new());
        let lower = id.to_lowercase();
        let leaking = [
            format!(r#"{{"id":"{lower}"}}"#),
            format!("no such id {id}"),
            format!("hash={}", md5_hex(&lower)),
            r#"{"body":"{\"token\":\"0123456789abcdef0123\"}"}"#.to_owned(),
            "mpid: -7346244611012968789".to_owned(),
            r#"{"event":"{\"body\":\"{\\\"user_profiles\\\":[]}\"}"}"#.to_owned(),
            format!("mail to 1.{MARK}@example.com"),
        ];
        for line in leaking {
            for words in [&story, stack.as_ref()] {
                let leaks = words.leaks_in(&line);
                assert_eq!(leaks.len(), 1, "{line}");
                assert!(!leaks[0].to_lowercase().contains(&lower), "{leaks:?}");
            }
        }
    }
}
