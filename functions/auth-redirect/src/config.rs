//! The settings of this function, read once at cold start. Every fault is reported, by name.

use std::num::ParseIntError;
use std::str::FromStr;
use std::time::Duration;

use startup::{InvalidSettings, Settings};
use tracing::level_filters::LevelFilter;

use crate::ConsentLink;

/// What this function is told by its environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// `TIKTOK_APP_SECRET_ID`: the secret that holds the app's id and secret.
    pub app_secret_id: String,
    /// `ADVERTISER_SECRET_PREFIX`: what the names of the advertisers' records start with.
    pub advertiser_secret_prefix: String,
    /// `TIKTOK_API_BASE_URL`: such as `https://business-api.tiktok.com/open_api/v1.3`.
    pub tiktok_api_base_url: String,
    /// `TIKTOK_AUTHORIZE_URL`: the public consent link, whole.
    pub consent_link: ConsentLink,
    /// `REQUIRE_FRESH_STATE` (`false`): whether an authorization must have been started at this page, in the same browser.
    pub require_fresh_state: bool,
    /// `MINIMUM_AUDIENCE_USERS` (50000): how many unique users an audience needs before it shows, as the page tells it.
    pub minimum_audience_users: u32,
    /// `AUDIENCE_SCOPES` (`3,31`): the permissions any of which lets a token manage audiences.
    pub audience_scopes: Scopes,
    /// `EMAIL_IDENTITIES` (`false`): whether customers can have e-mail addresses sent, which the page then explains.
    pub email_identities: bool,
    /// `METRICS_NAMESPACE`: where CloudWatch keeps the metrics.
    pub metrics_namespace: String,
    /// `LOG_LEVEL` (`info`): what this product's own crates log.
    pub log_level: LevelFilter,
    /// How long each part may take. Not settings: together they have to fit into the function's own time-out.
    pub time_limits: TimeLimits,
}

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// All settings that are missing or wrong.
    pub fn from_env() -> Result<Self, InvalidSettings> {
        Self::read(Settings::from_env())
    }

    /// Reads `settings`.
    ///
    /// # Errors
    /// All settings that are missing or wrong.
    pub fn read<F: Fn(&str) -> Option<String>>(mut settings: Settings<F>) -> Result<Self, InvalidSettings> {
        let app_secret_id = settings.required("TIKTOK_APP_SECRET_ID");
        let advertiser_secret_prefix = settings.required("ADVERTISER_SECRET_PREFIX");
        let tiktok_api_base_url = settings.required("TIKTOK_API_BASE_URL");
        let consent_link = settings.required("TIKTOK_AUTHORIZE_URL");
        let require_fresh_state = settings.or("REQUIRE_FRESH_STATE", false);
        let minimum_audience_users = settings.or("MINIMUM_AUDIENCE_USERS", 50_000);
        let audience_scopes = settings.or("AUDIENCE_SCOPES", Scopes::default());
        let email_identities = settings.or("EMAIL_IDENTITIES", false);
        let metrics_namespace = settings.required("METRICS_NAMESPACE");
        let log_level = settings.or("LOG_LEVEL", LevelFilter::INFO);
        let read = || {
            Some(Self {
                app_secret_id: app_secret_id?,
                advertiser_secret_prefix: advertiser_secret_prefix?,
                tiktok_api_base_url: tiktok_api_base_url?,
                consent_link: consent_link?,
                require_fresh_state: require_fresh_state?,
                minimum_audience_users: minimum_audience_users?,
                audience_scopes: audience_scopes?,
                email_identities: email_identities?,
                metrics_namespace: metrics_namespace?,
                log_level: log_level?,
                time_limits: TimeLimits::default(),
            })
        };
        read().ok_or_else(|| settings.invalid())
    }
}

/// The ids of permissions any of which lets a token manage audiences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(Vec<u64>);

impl Scopes {
    /// Whether `granted` has one of them.
    #[must_use]
    pub fn are_met_by(&self, granted: &[u64]) -> bool {
        self.0.iter().any(|scope| granted.contains(scope))
    }
}

impl Default for Scopes {
    /// Audience Management, and its child that creates and updates.
    fn default() -> Self {
        Self(vec![3, 31])
    }
}

impl FromStr for Scopes {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.split(',').map(|scope| scope.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

/// How long each part of a request may take. All of it together stays under the function's 25 seconds.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimits {
    /// The app's secret. The code is not spent yet.
    pub secret: Duration,
    /// The exchange of the code, its repetitions included. Giving up here loses the token, so it gets the most.
    pub exchange: Duration,
    /// One of the calls that follow.
    pub call: Duration,
    /// Everything after the exchange together: somebody waits to see the token.
    pub checks: Duration,
    /// The checks of accounts that are not connected: good to know, but not worth a long wait.
    pub unconnected: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            secret: Duration::from_secs(4),
            exchange: Duration::from_secs(12),
            call: Duration::from_secs(4),
            checks: Duration::from_secs(7),
            unconnected: Duration::from_secs(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: &'static [(&str, &str)]) -> Result<Config, InvalidSettings> {
        let usual = [
            ("TIKTOK_APP_SECRET_ID", "app"),
            ("ADVERTISER_SECRET_PREFIX", "audiences/advertiser/"),
            ("TIKTOK_API_BASE_URL", "https://business-api.tiktok.com/open_api/v1.3"),
            ("TIKTOK_AUTHORIZE_URL", "https://ads.tiktok.com/marketing_api/auth?app_id=7&state=s"),
            ("METRICS_NAMESPACE", "audiences"),
        ];
        Config::read(Settings::new(|name| {
            change.iter().chain(&usual).find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn defaults_are_as_documented() {
        let config = read(&[]).unwrap();
        assert!(!config.require_fresh_state && !config.email_identities);
        assert_eq!(config.minimum_audience_users, 50_000);
        assert_eq!(config.audience_scopes, Scopes(vec![3, 31]));
        assert_eq!(config.log_level, LevelFilter::INFO);
    }

    #[test]
    fn every_fault_is_named() {
        let faults = read(&[
            ("TIKTOK_AUTHORIZE_URL", "ads.tiktok.com"),
            ("AUDIENCE_SCOPES", "3,x"),
            ("REQUIRE_FRESH_STATE", "yes"),
            ("METRICS_NAMESPACE", ""),
        ]);
        let faults = faults.unwrap_err().to_string();
        for name in ["TIKTOK_AUTHORIZE_URL", "AUDIENCE_SCOPES", "REQUIRE_FRESH_STATE", "METRICS_NAMESPACE"] {
            assert!(faults.contains(name), "{faults}");
        }
    }

    #[test]
    fn scopes_are_read_with_spaces_and_19_digits() {
        let scopes: Scopes = "3, 7294012345678901234".parse().unwrap();
        assert!(scopes.are_met_by(&[1, 7_294_012_345_678_901_234]));
        assert!(!scopes.are_met_by(&[1, 31]));
        assert!(!scopes.are_met_by(&[]));
    }

    #[test]
    fn the_time_limits_fit_into_the_functions_time_out() {
        let TimeLimits { secret, exchange, checks, .. } = TimeLimits::default();
        assert!(secret + exchange + checks < Duration::from_secs(25));
    }
}
