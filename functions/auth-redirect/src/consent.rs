//! The way to TikTok's consent page and back: the public link, a fresh `state`, and the cookie that binds it to the browser.
//!
//! The public link has a constant `state`, which proves nothing and is accepted unless a setting says otherwise.

use std::str::FromStr;

use url::Url;

/// `__Host-` makes the browser insist on Secure, on Path=/ and on this very host. Chromium takes it from `http://127.0.0.1` too.
const COOKIE_NAME: &str = "__Host-consent-state";
/// How long a consent may take, in seconds.
const COOKIE_SECONDS: u32 = 1800;
/// A browser may have begun in several tabs; so many of them can be finished.
const STATES: usize = 4;
/// Where this function is, unless the link says otherwise.
const OWN_PATH: &str = "/v1/auth";

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
        let app = parameter(&url, "app_id");
        if !matches!(url.scheme(), "http" | "https") || app.is_none_or(|id| id.is_empty()) {
            return Err(InvalidConsentLink);
        }
        let state = parameter(&url, "state").unwrap_or_default();
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

    /// The path of this function in the browser, as TikTok is told it.
    pub(crate) fn own_path(&self) -> String {
        let address = parameter(&self.url, "redirect_uri").and_then(|address| Url::parse(&address).ok());
        address.map_or_else(|| OWN_PATH.to_owned(), |address| address.path().to_owned())
    }

    /// Whether `state` came back to the browser that it left from, or is the constant of the public link and that is good enough.
    pub(crate) fn accepts(&self, state: &str, require_fresh: bool, cookies: &[String]) -> bool {
        let public = state == self.state && !require_fresh;
        public || (is_fresh(state) && cookie_states(cookies).any(|known| known == state))
    }
}

/// A `state` that nobody can guess.
pub(crate) fn fresh_state() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The value of `Set-Cookie` that makes the browser hold `state`, beside those that it holds already.
pub(crate) fn cookie(state: &str, cookies: &[String]) -> String {
    let older = cookie_states(cookies).filter(|known| is_fresh(known) && *known != state);
    let states: Vec<_> = [state].into_iter().chain(older).take(STATES).collect();
    let states = states.join(".");
    format!("{COOKIE_NAME}={states}; Path=/; Max-Age={COOKIE_SECONDS}; Secure; HttpOnly; SameSite=Lax")
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn is_fresh(state: &str) -> bool {
    state.len() == 32 && state.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The states that the browser holds, the newest first.
fn cookie_states(cookies: &[String]) -> impl Iterator<Item = &str> {
    let pairs = cookies.iter().flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE_NAME).flat_map(|(_, states)| states.split('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> ConsentLink {
        "https://ads.tiktok.com/marketing_api/auth?app_id=7&state=your_custom_params&redirect_uri=https%3A%2F%2Fx%2Fv1%2Fauth&rid=r"
            .parse()
            .unwrap()
    }

    fn cookies(line: &str) -> Vec<String> {
        vec![line.to_owned()]
    }

    #[test]
    fn only_the_state_of_the_link_changes() {
        assert_eq!(
            link().with_state("fresh"),
            "https://ads.tiktok.com/marketing_api/auth?app_id=7&redirect_uri=https%3A%2F%2Fx%2Fv1%2Fauth&rid=r&state=fresh"
        );
    }

    #[test]
    fn the_own_path_is_that_of_the_redirect_uri() {
        assert_eq!(link().own_path(), "/v1/auth");
        let mapped: ConsentLink =
            "https://t/auth?app_id=7&redirect_uri=https%3A%2F%2Fx%2Fbase%2Fv1%2Fauth".parse().unwrap();
        assert_eq!(mapped.own_path(), "/base/v1/auth");
        assert_eq!("https://t/auth?app_id=7".parse::<ConsentLink>().unwrap().own_path(), "/v1/auth");
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
        assert!(link().accepts("your_custom_params", false, &[]));
        assert!(!link().accepts("your_custom_params", true, &[]));
        assert!(!link().accepts("", false, &[]));
        assert!(!link().accepts("other", false, &[]));
    }

    #[test]
    fn a_fresh_state_is_accepted_in_its_own_browser_only() {
        let (mine, other) = (fresh_state(), fresh_state());
        assert_ne!(mine, other);
        let browser = cookies(&format!("a=b; {COOKIE_NAME}={mine} ;c"));
        assert!(link().accepts(&mine, true, &browser));
        assert!(!link().accepts(&other, true, &browser));
        assert!(!link().accepts(&mine, true, &[]));
        assert!(!link().accepts("", true, &cookies(&format!("{COOKIE_NAME}="))));
        assert!(!link().accepts(&mine, true, &cookies(&format!("consent-state={mine}"))));
    }

    #[test]
    fn what_was_begun_in_several_tabs_can_be_finished_in_each() {
        let states: Vec<_> = (0..6).map(|_| fresh_state()).collect();
        let mut browser = Vec::new();
        for state in &states {
            let set = cookie(state, &browser);
            browser = cookies(set.split(';').next().unwrap());
        }
        let accepted: Vec<_> = states.iter().map(|state| link().accepts(state, true, &browser)).collect();
        assert_eq!(accepted, [false, false, true, true, true, true]);
    }

    #[test]
    fn the_cookie_is_bound_to_this_host_and_out_of_reach_of_scripts() {
        let forged = cookies("__Host-consent-state=\r\nx; other=1");
        let set = cookie("abc", &forged);
        assert_eq!(set, "__Host-consent-state=abc; Path=/; Max-Age=1800; Secure; HttpOnly; SameSite=Lax");
    }
}
