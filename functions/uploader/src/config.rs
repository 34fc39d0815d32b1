//! The settings of the function, read once.

use std::time::Duration;

use startup::{InvalidSettings, Settings};
use tracing::level_filters::LevelFilter;

use crate::plan::Limits;

/// Everything that can be set. Each field names its variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// `LOG_LEVEL`: of this product's own crates.
    pub log_level: LevelFilter,
    /// `METRICS_NAMESPACE`: CloudWatch's.
    pub metrics_namespace: String,
    /// `QUEUE_URL`: where the changes come from.
    pub queue_url: String,
    /// `DEAD_LETTER_QUEUE_URL`: where goes what cannot be delivered.
    pub dead_letter_queue_url: String,
    /// `ADVERTISER_SECRET_PREFIX`: what the names of advertisers' records start with.
    pub advertiser_secret_prefix: String,
    /// `TIKTOK_API_BASE_URL`: up to and with the version.
    pub tiktok_api_base_url: String,
    /// `TIKTOK_TIMEOUT_MS`: of one call, from connecting to the last byte.
    pub tiktok_timeout: Duration,
    /// `TIKTOK_MAX_ROWS` and `TIKTOK_MAX_BYTES`: of one call.
    pub limits: Limits,
    /// `TIKTOK_CALLS_PER_SECOND`: of the app, everywhere.
    pub calls_per_second: f64,
    /// `TIKTOK_ADVERTISER_CALLS_PER_SECOND`: for one advertiser, everywhere.
    pub advertiser_calls_per_second: f64,
    /// `MAXIMUM_CONCURRENCY`: how many copies of the function share those rates.
    pub maximum_concurrency: f64,
    /// `MESSAGE_MAX_AGE_SECONDS`: what has waited for so long becomes a dead letter.
    pub max_age: Duration,
    /// `MAX_WAITING_MESSAGES`: with more in flight, those that wait for a token become dead letters. SQS stops at about 120,000.
    pub max_waiting: u64,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`InvalidSettings`] names every setting that is missing or wrong.
    pub fn read<F: Fn(&str) -> Option<String>>(mut env: Settings<F>) -> Result<Self, InvalidSettings> {
        let names = (
            env.or("LOG_LEVEL", LevelFilter::INFO),
            env.or("METRICS_NAMESPACE", "MParticleTikTok".to_owned()),
            env.required("QUEUE_URL"),
            env.required("DEAD_LETTER_QUEUE_URL"),
            env.required("ADVERTISER_SECRET_PREFIX"),
            env.or("TIKTOK_API_BASE_URL", "https://business-api.tiktok.com/open_api/v1.3".to_owned()),
        );
        let limits = (
            env.within("TIKTOK_MAX_ROWS", 1000, 1..=10_000),
            env.within("TIKTOK_MAX_BYTES", 1_000_000, 2_000..=10_000_000),
        );
        let times = (
            env.within("TIKTOK_TIMEOUT_MS", 10_000, 100..=60_000),
            env.within("MESSAGE_MAX_AGE_SECONDS", 86_400, 1..=345_600),
            env.within("MAX_WAITING_MESSAGES", 100_000, 0..=120_000),
        );
        let rates = (
            env.within("TIKTOK_CALLS_PER_SECOND", 10.0, 0.1..=10_000.0),
            env.within("TIKTOK_ADVERTISER_CALLS_PER_SECOND", 10.0, 0.1..=10_000.0),
            env.within("MAXIMUM_CONCURRENCY", 2.0, 1.0..=1000.0),
        );
        let (
            (Some(log_level), Some(metrics_namespace), Some(queue_url), Some(dead), Some(prefix), Some(tiktok)),
            (Some(rows), Some(bytes)),
            (Some(timeout_ms), Some(max_age_s), Some(max_waiting)),
            (Some(calls_per_second), Some(advertiser_calls_per_second), Some(maximum_concurrency)),
        ) = (names, limits, times, rates)
        else {
            return Err(env.invalid());
        };
        Ok(Self {
            log_level,
            metrics_namespace,
            queue_url,
            dead_letter_queue_url: dead,
            advertiser_secret_prefix: prefix,
            tiktok_api_base_url: tiktok,
            tiktok_timeout: Duration::from_millis(timeout_ms),
            limits: Limits { rows, bytes },
            calls_per_second,
            advertiser_calls_per_second,
            maximum_concurrency,
            max_age: Duration::from_secs(max_age_s),
            max_waiting,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_named_at_once() {
        let env = Settings::new(|name| (name == "TIKTOK_MAX_ROWS").then(|| "20000".to_owned()));
        insta::assert_snapshot!(Config::read(env).unwrap_err().to_string(), @"settings are wrong in the environment: QUEUE_URL is not set; DEAD_LETTER_QUEUE_URL is not set; ADVERTISER_SECRET_PREFIX is not set; TIKTOK_MAX_ROWS must be from 1 to 10000");
    }
}
