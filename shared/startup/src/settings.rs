//! Reads environment variables into typed values and reports every fault at once, by name, without the value: it may be a secret.

use std::fmt::Display;
use std::fs::File;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Every setting that is missing or wrong.
#[derive(Debug, thiserror::Error)]
#[error("{} in the environment: {}", if .0.len() == 1 { "a setting is wrong" } else { "settings are wrong" }, .0.join("; "))]
pub struct InvalidSettings(Vec<String>);

/// The environment while it is being read. A reader answers `None` where it has noted a fault.
pub struct Settings<F> {
    lookup: F,
    faults: Vec<String>,
}

impl Settings<fn(&str) -> Option<String>> {
    /// Reads the environment of the process. A variable that is set to nothing counts as not set.
    #[must_use]
    pub fn from_env() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }
}

impl<F: Fn(&str) -> Option<String>> Settings<F> {
    /// Reads from `lookup`. Where `SSL_CERT_FILE` names the system's certificates, the file has to be there: without it no call could be
    /// made, and only the first one would tell.
    pub fn new(lookup: F) -> Self {
        let mut settings = Self { lookup, faults: Vec::new() };
        if let Some(path) = settings.text("SSL_CERT_FILE")
            && let Err(error) = File::open(path)
        {
            settings.faults.push(format!("SSL_CERT_FILE: {error}"));
        }
        settings
    }

    /// A setting without which the function cannot work.
    pub fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        match self.text(name) {
            Some(text) => self.parse(name, &text),
            None => self.fault(format!("{name} is not set")),
        }
    }

    /// A setting with a default.
    pub fn or<T: FromStr<Err: Display>>(&mut self, name: &str, default: T) -> Option<T> {
        match self.text(name) {
            Some(text) => self.parse(name, &text),
            None => Some(default),
        }
    }

    /// A number with a default, and the values that make sense for it.
    pub fn within<T>(&mut self, name: &str, default: T, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr<Err: Display> + PartialOrd + Display,
    {
        let value = self.or(name, default)?;
        if range.contains(&value) {
            return Some(value);
        }
        self.fault(format!("{name} must be from {} to {}", range.start(), range.end()))
    }

    /// The faults found so far.
    #[must_use]
    pub fn invalid(self) -> InvalidSettings {
        InvalidSettings(self.faults)
    }

    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, name: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => self.fault(format!("{name}: {error}")),
        }
    }

    fn fault<T>(&mut self, fault: String) -> Option<T> {
        self.faults.push(fault);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_reported_by_name_and_none_by_value() {
        let mut settings = Settings::new(|name| match name {
            "ROWS" => Some("20000".to_owned()),
            "FLAG" => Some("hunter2".to_owned()),
            "BLANK" => Some("  ".to_owned()),
            _ => None,
        });
        assert_eq!(settings.required::<String>("BLANK"), None);
        assert_eq!(settings.within("ROWS", 1000, 1..=10_000), None);
        assert_eq!(settings.or("FLAG", true), None);
        assert_eq!(settings.or("UNSET", true), Some(true));
        assert_eq!(
            settings.invalid().to_string(),
            "settings are wrong in the environment: BLANK is not set; ROWS must be from 1 to 10000; \
             FLAG: provided string was not `true` or `false`"
        );
    }

    #[test]
    fn certificates_that_are_named_have_to_be_there() {
        let with = |file: &'static str| Settings::new(move |name| (name == "SSL_CERT_FILE").then(|| file.to_owned()));
        assert_eq!(
            with("/no/such/file").invalid().to_string(),
            "a setting is wrong in the environment: SSL_CERT_FILE: No such file or directory (os error 2)"
        );
        assert!(with(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).invalid().0.is_empty());
    }
}
