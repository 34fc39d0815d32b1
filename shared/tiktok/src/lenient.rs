//! Reading what TikTok sends in more than one form: ids as numbers or text, fields that are null, rows that somebody else filled in.
//!
//! A row that cannot be read is skipped: it must not cost us the others.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What TikTok answers where it lists something: `{"list":[…]}`.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub struct List<T> {
    /// What it lists.
    pub list: Rows<T>,
}

/// A list of rows. `null` is an empty list.
#[derive(Debug)]
pub struct Rows<T> {
    /// Those that can be read, in order.
    pub readable: Vec<T>,
    /// How many there are besides.
    pub unreadable: usize,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not as an option, which would take a list that is missing for an empty one.
        let values = match Value::deserialize(deserializer)? {
            Value::Array(values) => values,
            Value::Null => Vec::new(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                return Err(serde::de::Error::custom("not a list"));
            }
        };
        let all = values.len();
        let readable: Vec<T> = values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect();
        Ok(Self { unreadable: all - readable.len(), readable })
    }
}

/// A list of what can be parsed as `T` from text or from a number. `null` is an empty list.
pub(crate) fn parsed_rows<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let values = Option::<Vec<Value>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(values.iter().filter_map(|value| as_text(value)?.parse().ok()).collect())
}

/// What is parsed from text or from a number, and must be there.
pub(crate) fn parsed<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<T, D::Error> {
    optional(deserializer)?.ok_or_else(|| serde::de::Error::custom("an id in an unknown form"))
}

/// What is parsed from text or from a number; `None` for anything else.
pub(crate) fn optional<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(as_text(&Value::deserialize(deserializer)?).and_then(|text| text.parse().ok()))
}

/// Text, or a number as text; empty for anything else.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(as_text(&Value::deserialize(deserializer)?).unwrap_or_default())
}

/// False for anything but true.
pub(crate) fn only_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(deserializer)? == Value::Bool(true))
}

/// True for anything but false.
pub(crate) fn unless_false<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(deserializer)? != Value::Bool(false))
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
