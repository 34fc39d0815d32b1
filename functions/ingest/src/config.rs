//! The settings of the function, read once from the environment.

use std::str::FromStr;

use envelope::MAX_LANES;
use firehose::BulkConfiguration;
use ids::Encoding;
use startup::{InvalidSettings, Settings};
use tracing::level_filters::LevelFilter;

use crate::Division;

/// How long mParticle is asked to wait so that it sends more at once. One message is one SQS request a lane and one invocation whether it
/// holds one user or many, and TikTok shows a change after hours: minutes cost nothing there. A connection that is busy reaches the
/// messages first and waits seconds; a quiet one waits the minutes.
const BULK_WAIT_MESSAGES: u32 = 100;
const BULK_WAIT_MINUTES: u32 = 5;

/// What the function is told at its start.
#[derive(Debug, Clone)]
pub struct Config {
    /// `QUEUE_URL`: the queue that the uploader reads.
    pub queue_url: String,
    /// `FIREHOSE_TOKEN_SECRET_ID`: the secret with the tokens that mParticle may present over HTTP.
    pub firehose_token_secret_id: String,
    /// `ADVERTISER_SECRET_PREFIX`: what the names of the advertisers' records start with.
    pub advertiser_secret_prefix: String,
    /// `TIKTOK_API_BASE_URL`: such as `https://business-api.tiktok.com/open_api/v1.3`.
    pub tiktok_api_base_url: String,
    /// `LANES`: 16 unless set, 1 to 64; changed with the queue empty. `ENVELOPE_MAX_BYTES`: 60,000 unless set, since SQS bills by 64 KB.
    pub division: Division,
    /// `DELETE_AUDIENCE_ON_DISCONNECT`: whether disconnecting an audience deletes it at TikTok; `true` unless set.
    pub delete_audience_on_disconnect: bool,
    /// What mParticle is told.
    pub registration: RegistrationConfig,
    /// `METRICS_NAMESPACE`: of the metrics in CloudWatch.
    pub metrics_namespace: String,
    /// `LOG_LEVEL`: `info` unless set.
    pub log_level: LevelFilter,
}

/// The settings that stand in the registration.
#[derive(Debug, Clone)]
pub struct RegistrationConfig {
    /// `IDENTITY_ENCODING`: `raw` unless set; with `md5` raw ids never leave mParticle.
    pub identity_encoding: IdentityEncoding,
    /// `BULK_WAIT_MESSAGES` and `BULK_WAIT_MINUTES`: 100 and 5 unless set; 0 leaves one out, 0 and 0 turn it off.
    pub bulk: Option<BulkConfiguration>,
    /// `EMAIL_IDENTITIES`: whether e-mail addresses are asked for, and sent for the audiences whose customers say so; `false` unless set.
    pub email_identities: bool,
    /// `FORWARD_ERASURE`: whether people who ask to be forgotten are taken out of all audiences; `true` unless set.
    pub forward_erasure: bool,
    /// `ERASURE_DOMAIN`: the domain by which mParticle names this integration in requests of people; empty and none unless set.
    pub erasure_domain: Option<String>,
}

/// How mParticle is asked to encode device ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityEncoding {
    /// As the device reports them.
    Raw,
    /// Hashed by mParticle.
    Md5,
}

/// Neither `raw` nor `md5`.
#[derive(Debug, thiserror::Error)]
#[error("must be raw or md5")]
pub struct InvalidIdentityEncoding;

impl FromStr for IdentityEncoding {
    type Err = InvalidIdentityEncoding;
    fn from_str(text: &str) -> Result<Self, InvalidIdentityEncoding> {
        match text {
            "raw" => Ok(Self::Raw),
            "md5" => Ok(Self::Md5),
            _ => Err(InvalidIdentityEncoding),
        }
    }
}

impl From<IdentityEncoding> for Encoding {
    fn from(encoding: IdentityEncoding) -> Self {
        match encoding {
            IdentityEncoding::Raw => Self::Raw,
            IdentityEncoding::Md5 => Self::Md5,
        }
    }
}

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// Every setting that is missing or wrong, by name.
    pub fn from_env() -> Result<Self, InvalidSettings> {
        Self::read(Settings::from_env())
    }

    fn read<F: Fn(&str) -> Option<String>>(mut settings: Settings<F>) -> Result<Self, InvalidSettings> {
        let queue_url = settings.required("QUEUE_URL");
        let firehose_token_secret_id = settings.required("FIREHOSE_TOKEN_SECRET_ID");
        let advertiser_secret_prefix = settings.required("ADVERTISER_SECRET_PREFIX");
        let tiktok_api_base_url = settings.required("TIKTOK_API_BASE_URL");
        let lanes = settings.within("LANES", 16, 1..=MAX_LANES);
        // A message of SQS has 1 MiB with its attributes.
        let max_bytes = settings.within("ENVELOPE_MAX_BYTES", 60_000, 1_000..=1_000_000);
        let delete_audience_on_disconnect = settings.or("DELETE_AUDIENCE_ON_DISCONNECT", true);
        let registration = RegistrationConfig::of(&mut settings);
        let metrics_namespace = settings.required("METRICS_NAMESPACE");
        let log_level = settings.or("LOG_LEVEL", LevelFilter::INFO);
        let read = || {
            Some(Self {
                queue_url: queue_url?,
                firehose_token_secret_id: firehose_token_secret_id?,
                advertiser_secret_prefix: advertiser_secret_prefix?,
                tiktok_api_base_url: tiktok_api_base_url?,
                division: Division { lanes: lanes?, max_bytes: max_bytes? },
                delete_audience_on_disconnect: delete_audience_on_disconnect?,
                registration: registration?,
                metrics_namespace: metrics_namespace?,
                log_level: log_level?,
            })
        };
        read().ok_or_else(|| settings.invalid())
    }
}

impl RegistrationConfig {
    fn of<F: Fn(&str) -> Option<String>>(settings: &mut Settings<F>) -> Option<Self> {
        let identity_encoding = settings.or("IDENTITY_ENCODING", IdentityEncoding::Raw);
        let messages = settings.or("BULK_WAIT_MESSAGES", BULK_WAIT_MESSAGES);
        let minutes = settings.or("BULK_WAIT_MINUTES", BULK_WAIT_MINUTES);
        let email_identities = settings.or("EMAIL_IDENTITIES", false);
        let forward_erasure = settings.or("FORWARD_ERASURE", true);
        let erasure_domain = settings.or("ERASURE_DOMAIN", String::new());
        let on = |wait: u32| Some(wait).filter(|wait| *wait > 0);
        let bulk = BulkConfiguration { messages: on(messages?), minutes: on(minutes?) };
        let asked = bulk.messages.is_some() || bulk.minutes.is_some();
        Some(Self {
            identity_encoding: identity_encoding?,
            bulk: asked.then_some(bulk),
            email_identities: email_identities?,
            forward_erasure: forward_erasure?,
            erasure_domain: erasure_domain.filter(|domain| !domain.is_empty()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Config, String> {
        let required = [
            ("QUEUE_URL", "https://sqs/queue"),
            ("FIREHOSE_TOKEN_SECRET_ID", "firehose"),
            ("ADVERTISER_SECRET_PREFIX", "stack/advertiser/"),
            ("TIKTOK_API_BASE_URL", "https://business-api.tiktok.com/open_api/v1.3"),
            ("METRICS_NAMESPACE", "stack"),
        ];
        let find = |all: &[(&str, &str)], name: &str| {
            all.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
        };
        let settings = Settings::new(|name| find(changes, name).or_else(|| find(&required, name)));
        Config::read(settings).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let config = read(&[]).unwrap();
        assert_eq!((config.division.lanes, config.division.max_bytes), (16, 60_000));
        assert!(config.delete_audience_on_disconnect);
        assert_eq!(config.registration.identity_encoding, IdentityEncoding::Raw);
        assert!(!config.registration.email_identities && config.registration.forward_erasure);
        assert_eq!(config.registration.erasure_domain, None);
        let bulk = config.registration.bulk.unwrap();
        assert_eq!((bulk.messages, bulk.minutes), (Some(100), Some(5)));
        assert_eq!(config.log_level, LevelFilter::INFO);
    }

    #[test]
    fn bulk_is_off_when_both_of_its_settings_are_0() {
        assert!(read(&[("BULK_WAIT_MESSAGES", "0"), ("BULK_WAIT_MINUTES", "0")]).unwrap().registration.bulk.is_none());
        let bulk = read(&[("BULK_WAIT_MESSAGES", "0")]).unwrap().registration.bulk.unwrap();
        assert_eq!((bulk.messages, bulk.minutes), (None, Some(5)));
    }

    #[test]
    fn every_fault_is_reported() {
        let faults = read(&[
            ("QUEUE_URL", ""),
            ("LANES", "65"),
            ("ENVELOPE_MAX_BYTES", "2000000"),
            ("IDENTITY_ENCODING", "sha256"),
            ("BULK_WAIT_MESSAGES", "-1"),
            ("EMAIL_IDENTITIES", "perhaps"),
            ("FORWARD_ERASURE", "yes"),
            ("DELETE_AUDIENCE_ON_DISCONNECT", "maybe"),
            ("LOG_LEVEL", "loud"),
        ])
        .unwrap_err();
        let named = [
            "QUEUE_URL is not set",
            "LANES must be from 1 to 64",
            "ENVELOPE_MAX_BYTES must be from 1000 to 1000000",
            "IDENTITY_ENCODING: must be raw or md5",
        ];
        for fault in named.iter().chain(&[
            "BULK_WAIT_MESSAGES: ",
            "EMAIL_IDENTITIES: ",
            "FORWARD_ERASURE: ",
            "DELETE_AUDIENCE_ON_DISCONNECT: ",
            "LOG_LEVEL: ",
        ]) {
            assert!(faults.contains(fault), "{fault} is not in: {faults}");
        }
    }
}
