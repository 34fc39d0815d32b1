//! A person who authorizes: follows the consent link as a browser would, and reads the page that it leads to.

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Client, StatusCode};
use sandbox::control::Control;

/// The scopes that are ticked when the consent page opens.
pub const TICKED: [u64; 3] = [1, 3, 4];

/// What the page shows.
#[derive(Clone)]
pub struct Authorized {
    /// The access token, to be copied.
    pub token: String,
    /// The advertiser accounts: id and name as it stands in the page's source.
    pub accounts: Vec<(String, String)>,
}

/// Without the token.
impl std::fmt::Debug for Authorized {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorized").field("accounts", &self.accounts).finish_non_exhaustive()
    }
}

/// Opens the consent link, agrees as `person` with these scopes, and lands on the product's page. Returns where and what it says.
///
/// # Errors
/// When a page on the way is not there.
pub async fn follow(http: &Client, tiktok: &Control, link: &str, person: &str, scopes: &[u64]) -> Result<Page> {
    let consent = http.get(link).send().await.context("the consent page")?;
    ensure!(consent.status() == StatusCode::OK, "the consent page answers {}", consent.status());
    let landing = tiktok.allow(link, person, scopes).await?;
    let page = http.get(&landing).send().await.context("GET /v1/auth")?;
    Ok(Page { address: landing, status: page.status(), html: page.text().await? })
}

/// A page of the product.
#[derive(Clone)]
pub struct Page {
    /// Where it is, the code included.
    pub address: String,
    /// The HTTP status.
    pub status: StatusCode,
    /// Its source.
    pub html: String,
}

impl Page {
    /// The code with which TikTok sent the person back.
    #[must_use]
    pub fn auth_code(&self) -> Option<&str> {
        let (_, code) = self.address.split_once("auth_code=")?;
        code.split('&').next()
    }

    /// What it says first, for people.
    #[must_use]
    pub fn heading(&self) -> &str {
        text_of(&self.html, "<h1").unwrap_or("no heading")
    }

    /// What the page shows once everything went well.
    ///
    /// # Errors
    /// When it shows no token; the heading says why.
    pub fn authorized(&self) -> Result<Authorized> {
        let Some(token) = text_of(&self.html, "id=\"token\"") else {
            bail!("GET /v1/auth answers {} and shows no token: {}", self.status, self.heading());
        };
        let accounts = self.html.split("class=\"name\"").skip(1).filter_map(|account| {
            let name = text_of(account, "")?;
            let id = text_of(account, "id=\"id-")?;
            Some((id.to_owned(), name.to_owned()))
        });
        Ok(Authorized { token: token.to_owned(), accounts: accounts.collect() })
    }
}

/// The text of the element in whose tag `mark` stands.
fn text_of<'a>(html: &'a str, mark: &str) -> Option<&'a str> {
    let (_, after) = html.split_once(mark)?;
    let (_, content) = after.split_once('>')?;
    content.split('<').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_and_accounts_are_read_from_the_page() {
        let html = r#"<h1>Done</h1><code class="value token" id="token" translate="no">abc</code>
            <li><bdi class="name">Shoes &amp; Co</bdi><code class="value" id="id-71">71</code></li>
            <li><bdi class="name">Hats</bdi><code class="value" id="id-72">72</code></li>"#;
        let page = Page {
            address: "http://127.0.0.1/v1/auth?auth_code=xyz&state=1".to_owned(),
            status: StatusCode::OK,
            html: html.to_owned(),
        };
        let shown = page.authorized().unwrap();
        let account = |id: &str, name: &str| (id.to_owned(), name.to_owned());
        assert_eq!(shown.accounts, [account("71", "Shoes &amp; Co"), account("72", "Hats")]);
        assert_eq!((shown.token.as_str(), page.auth_code()), ("abc", Some("xyz")));
        assert!(!format!("{shown:?}").contains("abc"));
    }
}
