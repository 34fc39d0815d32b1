//! A Chromium without a window, with a profile of its own, spoken to over a pipe. It ends when the pipe does, so that none is left
//! running however a test ends.

mod devtools;
mod keys;
mod program;
mod tab;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use devtools::Devtools;
pub(crate) use devtools::Event;
pub(crate) use program::find;
pub(crate) use tab::{Key, Tab};

/// Nothing but the pages asked for: no GPU, no traffic of its own, no questions at the first start.
const SWITCHES: [&str; 12] = [
    "--headless",
    "--remote-debugging-pipe",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en-US",
    "--no-first-run",
];

/// Chromium takes orders on descriptor 3 and answers on 4.
const WITH_PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >&2"#;

/// A running Chromium.
#[derive(Debug)]
pub(crate) struct Browser {
    devtools: Devtools,
    process: Child,
}

impl Browser {
    /// Starts `program`; its profile and what it says go to `directory`.
    pub(crate) async fn start(program: &Path, directory: &Path) -> Result<Self> {
        let said = std::fs::File::create(directory.join("browser.log"))?;
        let mut command = Command::new("sh");
        command.args(["-c", WITH_PIPES]).arg(program).args(SWITCHES);
        command.arg(format!("--user-data-dir={}", directory.join("browser").display()));
        if program::is_root()? {
            command.arg("--no-sandbox");
        }
        command.arg("about:blank").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(said).kill_on_drop(true);
        let mut process = command.spawn().with_context(|| program.display().to_string())?;
        let pipes = process.stdin.take().zip(process.stdout.take()).context("no pipes")?;
        let devtools = Devtools::new(pipes.0, pipes.1);
        devtools
            .call(None, "Browser.getVersion", json!({}))
            .await
            .context("Chromium did not start; see browser.log")?;
        Ok(Self { devtools, process })
    }

    /// A new tab, which shares the cookies of all others.
    pub(crate) async fn tab(&self) -> Result<Tab> {
        Tab::open_new(self.devtools.clone(), None).await
    }

    /// A tab as in another browser: no cookie of this one is in it.
    pub(crate) async fn tab_elsewhere(&self) -> Result<Tab> {
        let made = self.call("Target.createBrowserContext", json!({})).await?;
        let context = made["browserContextId"].as_str().context("no context")?;
        Tab::open_new(self.devtools.clone(), Some(context)).await
    }

    /// Lets the pages of `origin` read and write the clipboard, as a person would who is asked.
    pub(crate) async fn allow_clipboard(&self, origin: &str) -> Result<()> {
        let permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"];
        self.call("Browser.grantPermissions", json!({ "origin": origin, "permissions": permissions })).await.map(drop)
    }

    /// All that happened so far, in order.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.devtools.events_since(0)
    }

    /// Ends it, and waits until it is gone.
    pub(crate) async fn close(mut self) -> Result<()> {
        self.call("Browser.close", json!({})).await?;
        tokio::time::timeout(Duration::from_secs(10), self.process.wait()).await.context("Chromium does not end")??;
        Ok(())
    }

    async fn call(&self, method: &str, parameters: Value) -> Result<Value> {
        self.devtools.call(None, method, parameters).await
    }
}
