//! A tab: where it is, what it shows, and hands on mouse and keyboard. It clicks only what a person could see and hit.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::devtools::Devtools;
pub(crate) use super::keys::Key;

/// How long a page may take to show what is waited for.
const WAIT: Duration = Duration::from_secs(10);

/// Where an element is, once it is in view; an error if a person could not hit it.
const PLACE: &str = "(selector => {
    const element = document.querySelector(selector);
    if (!element) throw Error(selector + ' is not there');
    element.scrollIntoView({ block: 'center', behavior: 'instant' });
    const box = element.getClientRects()[0];
    if (!box || !box.width) throw Error(selector + ' cannot be seen');
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const hit = document.elementFromPoint(x, y);
    if (!hit || !(element.contains(hit) || hit.contains(element))) throw Error(selector + ' is covered');
    return [x, y];
})";

/// A tab.
#[derive(Clone, Debug)]
pub(crate) struct Tab {
    devtools: Devtools,
    session: String,
}

impl Tab {
    pub(super) async fn open_new(devtools: Devtools, context: Option<&str>) -> Result<Self> {
        let mut wanted = json!({ "url": "about:blank" });
        if let Some(context) = context {
            wanted["browserContextId"] = json!(context);
        }
        let made = devtools.call(None, "Target.createTarget", wanted).await?;
        let attached = json!({ "targetId": made["targetId"], "flatten": true });
        let answer = devtools.call(None, "Target.attachToTarget", attached).await?;
        let session = answer["sessionId"].as_str().context("no session")?.to_owned();
        let tab = Self { devtools, session };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            tab.call(&format!("{domain}.enable"), json!({})).await?;
        }
        tab.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await?;
        Ok(tab)
    }

    /// Calls the `DevTools` protocol.
    pub(crate) async fn call(&self, method: &str, parameters: Value) -> Result<Value> {
        self.devtools.call(Some(&self.session), method, parameters).await
    }

    /// Opens an address and waits until the page is there.
    pub(crate) async fn open(&self, address: &str) -> Result<()> {
        self.arrive(async {
            let answer = self.call("Page.navigate", json!({ "url": address })).await?;
            ensure!(answer["errorText"].is_null(), "{}", answer["errorText"]);
            Ok(())
        })
        .await
    }

    /// Loads the page again.
    pub(crate) async fn reload(&self) -> Result<()> {
        self.arrive(async { self.call("Page.reload", json!({})).await.map(drop) }).await
    }

    /// Goes back, or with 1 forward, in the history.
    pub(crate) async fn go(&self, steps: i64) -> Result<()> {
        let (current, entries) = self.history().await?;
        let wanted = i64::try_from(current)? + steps;
        let (id, _) = entries.get(usize::try_from(wanted)?).context("the history ends")?.clone();
        self.arrive(async { self.call("Page.navigateToHistoryEntry", json!({ "entryId": id })).await.map(drop) }).await
    }

    /// The history: where in it the tab is, and id and address of each entry.
    pub(crate) async fn history(&self) -> Result<(usize, Vec<(i64, String)>)> {
        let told = self.call("Page.getNavigationHistory", json!({})).await?;
        let entries = told["entries"].as_array().context("no history")?.iter();
        let entry = |entry: &Value| Some((entry["id"].as_i64()?, entry["url"].as_str()?.to_owned()));
        let current = usize::try_from(told["currentIndex"].as_u64().context("no current entry")?)?;
        Ok((current, entries.filter_map(entry).collect()))
    }

    /// Does what leads to another page, and waits until that is there and its script has run.
    pub(crate) async fn arrive(&self, doing: impl Future<Output = Result<()>>) -> Result<()> {
        let seen = self.devtools.seen();
        doing.await?;
        let arrived = |event: &super::Event| {
            let top = event.params["frame"]["parentId"].is_null();
            event.session == self.session && event.method == "Page.frameNavigated" && top
        };
        self.devtools.event(seen, arrived).await.context("no page came")?;
        self.becomes("document.readyState === 'complete'").await
    }

    /// The value of an expression, or of the promise that it is.
    pub(crate) async fn eval(&self, expression: &str) -> Result<Value> {
        let asked = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", asked).await?;
        if let Some(error) = answer.get("exceptionDetails") {
            bail!("{}", error["exception"]["description"].as_str().or(error["text"].as_str()).unwrap_or("an error"));
        }
        Ok(answer["result"]["value"].take())
    }

    /// Waits until an expression is true.
    pub(crate) async fn becomes(&self, expression: &str) -> Result<()> {
        let deadline = Instant::now() + WAIT;
        // While a page goes and another comes, there is nothing to ask.
        while !matches!(self.eval(expression).await, Ok(Value::Bool(true))) {
            ensure!(Instant::now() < deadline, "it never became true: {expression}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Ok(())
    }

    /// Whether an expression is true.
    pub(crate) async fn holds(&self, expression: &str) -> Result<bool> {
        self.eval(expression).await?.as_bool().with_context(|| format!("neither true nor false: {expression}"))
    }

    /// The text of an expression.
    pub(crate) async fn string(&self, expression: &str) -> Result<String> {
        let value = self.eval(expression).await?;
        value.as_str().map(str::to_owned).with_context(|| format!("not a text: {expression}: {value}"))
    }

    /// The text of an element as a person sees it; empty where it cannot be seen.
    pub(crate) async fn text(&self, selector: &str) -> Result<String> {
        self.string(&format!("document.querySelector({}).innerText.trim()", json!(selector))).await
    }

    /// The page's heading.
    pub(crate) async fn heading(&self) -> Result<String> {
        self.text("h1").await
    }

    /// Where it is.
    pub(crate) async fn address(&self) -> Result<String> {
        self.string("location.href").await
    }

    /// Clicks an element with the mouse.
    pub(crate) async fn click(&self, selector: &str) -> Result<()> {
        self.click_times(selector, 1).await
    }

    /// Clicks an element several times in a row.
    pub(crate) async fn click_times(&self, selector: &str, times: u32) -> Result<()> {
        let place = self.eval(&format!("{PLACE}({})", json!(selector))).await?;
        for count in 1..=times {
            for kind in ["mousePressed", "mouseReleased"] {
                let event =
                    json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": count });
                self.call("Input.dispatchMouseEvent", event).await?;
            }
        }
        Ok(())
    }

    /// Presses and releases a key.
    pub(crate) async fn press(&self, key: Key) -> Result<()> {
        for kind in ["keyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", key.describe(kind)).await?;
        }
        Ok(())
    }

    /// Types into what has the focus.
    pub(crate) async fn type_text(&self, text: &str) -> Result<()> {
        self.call("Input.insertText", json!({ "text": text })).await.map(drop)
    }

    /// Takes a picture of the whole page.
    pub(crate) async fn screenshot(&self, path: &Path) -> Result<()> {
        let size = self.call("Page.getLayoutMetrics", json!({})).await?["cssContentSize"].take();
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let wanted = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let taken = self.call("Page.captureScreenshot", wanted).await?;
        let png = STANDARD.decode(taken["data"].as_str().context("no picture")?)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, png).with_context(|| path.display().to_string())
    }
}
