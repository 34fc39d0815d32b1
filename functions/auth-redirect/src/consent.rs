//! The way to TikTok's consent page and back: the public link, a fresh `state`, and the cookie that binds it to the browser.
//!
//! The public link has a constant `state`, which proves nothing and is accepted unless a setting says otherwise.

use std::str::FromStr;

use lambda_http::http::HeaderMap;
use lambda_http::http::header::COOKIE;
use url::Url;

/// `__Host-` makes the browser insist on Secure, on Path=/ and on this very host. Chromium takes it from `http://127.0.0.1` too.
const COOKIE_NAME: &str = "__Host-consent-state";
/// How long a consent may take, in seconds.
const COOKIE_SECONDS: u32 = 1800;

/// The consent link that is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentLink {
    url: Url,
    state: String,
}

/// The text is not a consent link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an http or https URL with an app_id")]
pub struct InvalidConsentLink;

impl FromStr for ConsentLink {
    type Err = InvalidConsentLink;

    fn from_str(text: &str) -> Result<Self, InvalidConsentLink> {
        let url = Url::parse(text).map_err(|_| InvalidConsentLink)?;
        let value =
            |name: &str| url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
        if !matches!(url.scheme(), "http" | "https") || value("app_id").is_none_or(|id| id.is_empty()) {
            return Err(InvalidConsentLink);
        }
        let state = value("state").unwrap_or_default();
        Ok(Self { url, state })
    }
}

impl ConsentLink {
    /// The same link with another `state`.
    pub(crate) fn with_state(&self, state: &str) -> String {
        let mut url = self.url.clone();
        let others = self.url.query_pairs().filter(|(name, _)| name != "state");
        url.query_pairs_mut().clear().extend_pairs(others).append_pair("state", state);
        url.into()
    }

    /// Whether `state` came back to the browser that it left from, or is the constant of the public link and that is good enough.
    pub(crate) fn accepts(&self, state: &str, require_fresh: bool, headers: &HeaderMap) -> bool {
        let public = state == self.state && !require_fresh;
        public || (is_fresh(state) && held(headers).any(|held| held == state))
    }
}

/// A `state` that nobody can guess.
pub(crate) fn fresh_state() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The value of `Set-Cookie` that makes the browser hold `state`.
pub(crate) fn cookie(state: &str) -> String {
    format!("{COOKIE_NAME}={state}; Path=/; Max-Age={COOKIE_SECONDS}; Secure; HttpOnly; SameSite=Lax")
}

fn is_fresh(state: &str) -> bool {
    state.len() == 32 && state.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn held(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> ConsentLink {
        "https://ads.tiktok.com/marketing_api/auth?app_id=7&state=your_custom_params&redirect_uri=https%3A%2F%2Fx%2Fv1%2Fauth&rid=r"
            .parse()
            .unwrap()
    }

    fn cookies(line: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, line.parse().unwrap())])
    }

    #[test]
    fn only_the_state_of_the_link_changes() {
        assert_eq!(
            link().with_state("fresh"),
            "https://ads.tiktok.com/marketing_api/auth?app_id=7&redirect_uri=https%3A%2F%2Fx%2Fv1%2Fauth&rid=r&state=fresh"
        );
    }

    #[test]
    fn what_is_not_a_link_is_refused() {
        for wrong in [
            "",
            "ads.tiktok.com",
            "javascript:alert(1)//?app_id=7",
            "https://ads.tiktok.com/?state=x",
            "https://x/?app_id=",
        ] {
            assert_eq!(wrong.parse::<ConsentLink>(), Err(InvalidConsentLink), "{wrong}");
        }
    }

    #[test]
    fn the_constant_state_is_accepted_unless_a_fresh_one_is_required() {
        let none = HeaderMap::new();
        assert!(link().accepts("your_custom_params", false, &none));
        assert!(!link().accepts("your_custom_params", true, &none));
        assert!(!link().accepts("", false, &none));
        assert!(!link().accepts("other", false, &none));
    }

    #[test]
    fn a_fresh_state_is_accepted_in_its_own_browser_only() {
        let (mine, other) = (fresh_state(), fresh_state());
        assert_ne!(mine, other);
        let browser = cookies(&format!("a=b; {COOKIE_NAME}={mine} ;c"));
        assert!(link().accepts(&mine, true, &browser));
        assert!(!link().accepts(&other, true, &browser));
        assert!(!link().accepts(&mine, true, &HeaderMap::new()));
        assert!(!link().accepts("", true, &cookies(&format!("{COOKIE_NAME}="))));
        assert!(!link().accepts(&mine, true, &cookies(&format!("consent-state={mine}"))));
    }

    #[test]
    fn the_cookie_is_bound_to_this_host_and_out_of_reach_of_scripts() {
        assert_eq!(cookie("abc"), "__Host-consent-state=abc; Path=/; Max-Age=1800; Secure; HttpOnly; SameSite=Lax");
    }
}
