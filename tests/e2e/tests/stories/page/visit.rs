//! A person with a browser. Whatever the visit was about, at its end no page has complained, nothing was fetched from elsewhere, and
//! neither code, `state` nor token is in any log.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{Options, Stack, unlimited_story};
use reqwest::Url;
use sandbox::control::NewGrant;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::browser::{self, Browser, Event, Tab};

/// The scope of Audience Management on the consent page.
pub(crate) const AUDIENCE_MANAGEMENT: u64 = 3;

/// A visit.
#[derive(Debug)]
pub(crate) struct Visit<'a> {
    /// Where it happens.
    pub(crate) stack: &'a Stack,
    /// The browser.
    pub(crate) browser: &'a Browser,
    /// The tab in front.
    pub(crate) tab: Tab,
}

/// Browsers at once: each keeps a processor busy while it loads and draws.
static BROWSERS: Semaphore = Semaphore::const_new(2);
/// Visits share stacks, but not the folders of their browsers.
static NUMBER: AtomicU32 = AtomicU32::new(1);

/// Somebody visits the page; skipped where there is no browser.
pub(crate) async fn visit(options: Options, go: impl AsyncFnOnce(&Visit<'_>) -> Result<()>) -> Result<()> {
    let Some(program) = browser::find()? else { return Ok(()) };
    let _slot = BROWSERS.acquire().await?;
    unlimited_story(options, async |stack| {
        let folder = stack.directory().join(format!("visit-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(&folder)?;
        let browser = Browser::start(&program, &folder).await?;
        let visit = Visit { stack, browser: &browser, tab: browser.tab().await? };
        go(&visit).await?;
        visit.in_order()?;
        browser.close().await
    })
    .await
}

impl Visit<'_> {
    /// Where the page is.
    pub(crate) fn page(&self) -> String {
        format!("{}/v1/auth", self.stack.at.api_url)
    }

    /// The origin of TikTok's consent page.
    fn tiktok(&self) -> Result<String> {
        Ok(self.stack.at.authorize_url.parse::<Url>()?.origin().ascii_serialization())
    }

    /// Follows the public link, and agrees as this person on TikTok's page.
    pub(crate) async fn authorize(&self, person: &str) -> Result<()> {
        self.tab.open(&self.stack.at.authorize_url).await?;
        self.agree(person).await
    }

    /// Agrees on TikTok's page, where the tab is.
    pub(crate) async fn agree(&self, person: &str) -> Result<()> {
        self.tab.click(&format!("input[name=person][value='{person}']")).await?;
        self.tab.arrive(self.tab.click("button[value=allow]")).await?;
        self.settle().await
    }

    /// Waits as the page asks where too many authorize at once: other visits do, from the same address.
    pub(crate) async fn settle(&self) -> Result<()> {
        let is_there =
            "!!document.querySelector('h1') && document.querySelector('h1').innerText !== 'One moment, please'";
        for _ in 0..6 {
            if self.tab.becomes(is_there).await.is_ok() {
                return Ok(());
            }
        }
        bail!("the page stays busy")
    }

    /// Arrives from TikTok with this code and the public link's `state`.
    pub(crate) async fn arrive_with(&self, code: &str) -> Result<()> {
        self.tab.open(&self.with_code(code)).await?;
        self.settle().await
    }

    /// Arrives from TikTok after this consent.
    pub(crate) async fn arrive_after(&self, grant: &NewGrant) -> Result<()> {
        let code = self.stack.tiktok.auth_code(grant).await?;
        self.arrive_with(&code).await
    }

    /// The address to which TikTok would send the browser.
    pub(crate) fn with_code(&self, code: &str) -> String {
        format!("{}?auth_code={code}&code={code}&state=your_custom_params", self.page())
    }

    /// The token in the page's source.
    pub(crate) async fn token(&self) -> Result<String> {
        let token = self.tab.string("document.getElementById('token').textContent.trim()").await.context("no token")?;
        ensure!(token.len() >= 20, "a token of {} characters", token.len());
        self.stack.confidential.add(&token);
        Ok(token)
    }

    /// What is on the clipboard. The product's page may not read it; another one, of an origin that was allowed to, can.
    pub(crate) async fn clipboard(&self) -> Result<String> {
        let elsewhere = self.browser.tab().await?;
        elsewhere.open(&self.stack.at.authorize_url).await?;
        elsewhere.call("Page.bringToFront", json!({})).await?;
        let text = elsewhere.string("navigator.clipboard.readText()").await?;
        self.tab.call("Page.bringToFront", json!({})).await?;
        Ok(text)
    }

    /// Allows what a person would be asked for: the page to write the clipboard, and `clipboard` above to read it.
    pub(crate) async fn allow_clipboard(&self) -> Result<()> {
        self.browser.allow_clipboard(&self.stack.at.api_url).await?;
        self.browser.allow_clipboard(&self.tiktok()?).await
    }

    /// What must be so at the end of every visit.
    fn in_order(&self) -> Result<()> {
        let events = self.browser.events();
        let complaints: Vec<_> = events.iter().filter_map(complaint).collect();
        ensure!(complaints.is_empty(), "the pages complained: {complaints:#?}");
        let asked: HashSet<Url> = events.iter().filter_map(requested).collect::<Result<_>>()?;
        ensure!(!asked.is_empty(), "nothing was requested");
        for address in &asked {
            self.is_ours(address)?;
            for (name, value) in address.query_pairs() {
                if ["auth_code", "code"].contains(&&*name) || (name == "state" && value.len() == 32) {
                    self.stack.confidential.add(&value);
                }
            }
        }
        for log in ["cloud.log", "sandbox.log"] {
            let text = std::fs::read_to_string(self.stack.directory().join(log))?;
            let leaks = self.stack.confidential.leaks_in(&text);
            ensure!(leaks.is_empty(), "in {log}: {leaks:?}");
        }
        Ok(())
    }

    /// The page itself and TikTok's consent page are all that a visit needs: no icon, no font, nobody else.
    fn is_ours(&self, address: &Url) -> Result<()> {
        let consent = address.origin().ascii_serialization() == self.tiktok()?;
        let ours = consent || address.as_str().starts_with(&self.stack.at.api_url) || address.scheme() == "about";
        ensure!(ours, "a request to {}{}", address.authority(), address.path());
        Ok(())
    }
}

/// What a page complained of, a violated policy included.
fn complaint(event: &Event) -> Option<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entry = &event.params["entry"];
    match event.method.as_str() {
        "Runtime.exceptionThrown" => Some(event.params["exceptionDetails"].to_string()),
        "Runtime.consoleAPICalled" => Some(event.params["args"].to_string()),
        "Page.javascriptDialogOpening" => Some(format!("a dialog: {}", text(&event.params["message"]))),
        // Chromium logs each page whose status is an error; which one has which is tested elsewhere.
        "Log.entryAdded" if entry["source"] != "network" => Some(text(&entry["text"])),
        _ => None,
    }
}

fn requested(event: &Event) -> Option<Result<Url>> {
    let address = event.params["request"]["url"].as_str()?;
    (event.method == "Network.requestWillBeSent").then(|| Ok(address.parse()?))
}

/// Fails unless `text` has each of the phrases.
pub(crate) fn says(text: &str, phrases: &[&str]) -> Result<()> {
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(missing) = phrases.iter().find(|phrase| !plain.contains(**phrase)) {
        bail!("the page does not say “{missing}”: {plain}");
    }
    Ok(())
}
