//! Who this integration is at TikTok.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

use crate::lenient;

/// The app's id and secret. Read from JSON, both are trimmed: a line feed after a pasted secret is common, and TikTok refuses it.
#[derive(Debug, Clone)]
pub struct AppCredentials {
    /// The app's id; public, it stands in the consent link.
    pub app_id: String,
    /// The app's secret.
    pub secret: SecretString,
}

impl<'de> Deserialize<'de> for AppCredentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Text {
            #[serde(default, deserialize_with = "lenient::text")]
            app_id: String,
            #[serde(default, deserialize_with = "secret")]
            secret: SecretString,
        }
        let Text { app_id, secret } = Text::deserialize(deserializer)?;
        let named = |name, value: &str| {
            let value = trimmed(value);
            if value.is_empty() {
                Err(serde::de::Error::custom(format!("{name} is missing or empty")))
            } else {
                Ok(value.to_owned())
            }
        };
        Ok(Self { app_id: named("app_id", &app_id)?, secret: named("secret", secret.expose_secret())?.into() })
    }
}

/// Text, wiped when it goes; empty for anything else, so that no error repeats the value.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    lenient::text(deserializer).map(SecretString::from)
}

/// Without the white space and the invisible characters that pasting leaves at the ends.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pasting_leaves_around_a_value_is_not_part_of_it() {
        let text = "{\"app_id\":\"\\ufeff7001\\r\\n\",\"secret\":\" s3cr3t\\u200b\\n\",\"more\":1}";
        let app: AppCredentials = serde_json::from_str(text).unwrap();
        assert_eq!((app.app_id.as_str(), app.secret.expose_secret()), ("7001", "s3cr3t"));
        let number: AppCredentials = serde_json::from_str(r#"{"app_id":7001,"secret":"s"}"#).unwrap();
        assert_eq!(number.app_id, "7001");
    }

    #[test]
    fn what_is_empty_is_an_error_by_name_and_never_by_value() {
        for (text, name) in [
            (r#"{"app_id":"7001"}"#, "secret"),
            (r#"{"app_id":"7001","secret":" \n"}"#, "secret"),
            (r#"{"app_id":"7001","secret":["hunter2"]}"#, "secret"),
            (r#"{"secret":"hunter2"}"#, "app_id"),
            (r#"{"app_id":null,"secret":"hunter2"}"#, "app_id"),
        ] {
            let error = serde_json::from_str::<AppCredentials>(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name} is missing or empty")), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn debug_output_hides_the_secret() {
        let app: AppCredentials = serde_json::from_str(r#"{"app_id":"7001","secret":"hunter2"}"#).unwrap();
        assert!(!format!("{app:?}").contains("hunter2"));
    }
}
