//! The settings of the function, read once from the environment.

use std::time::Duration;

use startup::{InvalidSettings, Settings};
use tracing::level_filters::LevelFilter;

use crate::plan::Limits;

/// What the function is told at its start. Each field names its variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// `QUEUE_URL`: where the changes come from.
    pub queue_url: String,
    /// `DEAD_LETTER_QUEUE_URL`: the dead-letter queue.
    pub dead_letter_queue_url: String,
    /// `ADVERTISER_SECRET_PREFIX`: what the names of the advertisers' records start with.
    pub advertiser_secret_prefix: String,
    /// `TIKTOK_API_BASE_URL`: up to and with the version.
    pub tiktok_api_base_url: String,
    /// `TIKTOK_TIMEOUT_SECONDS`: of one mapping call, from connecting to the last byte; 30 unless set.
    pub tiktok_timeout: Duration,
    /// `TIKTOK_MAX_ROWS` and `TIKTOK_MAX_BYTES`: of one call; 1,000 and 1,000,000 unless set.
    pub limits: Limits,
    /// `TIKTOK_CALLS_PER_SECOND`: of the app, by all uploaders together; 8 unless set.
    pub calls_per_second: f64,
    /// `TIKTOK_ADVERTISER_CALLS_PER_SECOND`: for one advertiser, by all uploaders together; 8 unless set.
    pub advertiser_calls_per_second: f64,
    /// `UPLOADER_CONCURRENCY`: how many uploaders share those rates; 2 unless set.
    pub concurrency: f64,
    /// `TOKEN_GRACE_SECONDS`: how long TikTok refuses a token before its connection is dead; 3,600 unless set.
    pub token_grace: Duration,
    /// `MESSAGE_MAX_AGE_SECONDS`: how long a change waits for a cause of its connection's own; 86,400 unless set.
    pub max_age: Duration,
    /// `MAX_WAITING_MESSAGES`: above so many on the queue, those of dead or long blocked connections become dead letters; 100,000 unless set.
    pub max_waiting: u64,
    /// `METRICS_NAMESPACE`: of the metrics in CloudWatch.
    pub metrics_namespace: String,
    /// `LOG_LEVEL`: `info` unless set.
    pub log_level: LevelFilter,
}

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// Every setting that is missing or wrong, by name.
    pub fn from_env() -> Result<Self, InvalidSettings> {
        Self::read(Settings::from_env())
    }

    /// Reads `settings`.
    ///
    /// # Errors
    /// Every setting that is missing or wrong, by name.
    pub fn read<F: Fn(&str) -> Option<String>>(mut settings: Settings<F>) -> Result<Self, InvalidSettings> {
        let queue_url = settings.required("QUEUE_URL");
        let dead_letter_queue_url = settings.required("DEAD_LETTER_QUEUE_URL");
        let advertiser_secret_prefix = settings.required("ADVERTISER_SECRET_PREFIX");
        let tiktok_api_base_url = settings.required("TIKTOK_API_BASE_URL");
        let timeout = settings.within("TIKTOK_TIMEOUT_SECONDS", 30, 1..=120);
        let rows = settings.within("TIKTOK_MAX_ROWS", 1_000, 1..=10_000);
        let bytes = settings.within("TIKTOK_MAX_BYTES", 1_000_000, 2_000..=10_000_000);
        let calls_per_second = settings.within("TIKTOK_CALLS_PER_SECOND", 8.0, 0.1..=10_000.0);
        let advertiser_calls_per_second = settings.within("TIKTOK_ADVERTISER_CALLS_PER_SECOND", 8.0, 0.1..=10_000.0);
        let concurrency = settings.within("UPLOADER_CONCURRENCY", 2.0, 1.0..=1_000.0);
        let token_grace = settings.within("TOKEN_GRACE_SECONDS", 3_600, 0..=86_400);
        let max_age = settings.within("MESSAGE_MAX_AGE_SECONDS", 86_400, 1..=259_200);
        let max_waiting = settings.within("MAX_WAITING_MESSAGES", 100_000, 0..=120_000);
        let metrics_namespace = settings.required("METRICS_NAMESPACE");
        let log_level = settings.or("LOG_LEVEL", LevelFilter::INFO);
        let read = || {
            Some(Self {
                queue_url: queue_url?,
                dead_letter_queue_url: dead_letter_queue_url?,
                advertiser_secret_prefix: advertiser_secret_prefix?,
                tiktok_api_base_url: tiktok_api_base_url?,
                tiktok_timeout: Duration::from_secs(timeout?),
                limits: Limits { rows: rows?, bytes: bytes? },
                calls_per_second: calls_per_second?,
                advertiser_calls_per_second: advertiser_calls_per_second?,
                concurrency: concurrency?,
                token_grace: Duration::from_secs(token_grace?),
                max_age: Duration::from_secs(max_age?),
                max_waiting: max_waiting?,
                metrics_namespace: metrics_namespace?,
                log_level: log_level?,
            })
        };
        read().ok_or_else(|| settings.invalid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_named_at_once() {
        let settings = Settings::new(|name| match name {
            "TIKTOK_MAX_ROWS" => Some("20000".to_owned()),
            "METRICS_NAMESPACE" => Some("stack".to_owned()),
            "MESSAGE_MAX_AGE_SECONDS" => Some("1209600".to_owned()),
            _ => None,
        });
        insta::assert_snapshot!(Config::read(settings).unwrap_err().to_string(), @"settings are wrong in the environment: QUEUE_URL is not set; DEAD_LETTER_QUEUE_URL is not set; ADVERTISER_SECRET_PREFIX is not set; TIKTOK_API_BASE_URL is not set; TIKTOK_MAX_ROWS must be from 1 to 10000; MESSAGE_MAX_AGE_SECONDS must be from 1 to 259200");
    }
}
