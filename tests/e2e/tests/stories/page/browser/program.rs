//! Where Chromium is on this machine, and what follows if it is nowhere.

use std::env;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;

use anyhow::{Result, ensure};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const PLACES: [&str; 4] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/usr/lib/chromium/chromium",
    "/opt/google/chrome/chrome",
];

static SAID: Once = Once::new();

/// The browser: `CHROME`, or a Chromium or Chrome that is installed. `None` if there is none and none is required; that is said once.
pub(crate) fn find() -> Result<Option<PathBuf>> {
    if let Some(chosen) = env::var_os("CHROME").map(PathBuf::from) {
        ensure!(chosen.is_file(), "CHROME is {}, and there is no such file", chosen.display());
        return Ok(Some(chosen));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let named = env::split_paths(&path).flat_map(|folder| NAMES.map(|name| folder.join(name)));
    let found = named.chain(PLACES.map(PathBuf::from)).find(|program| program.is_file());
    if found.is_none() {
        ensure!(
            !is_required(),
            "the page tests need Chromium or Chrome: install `chromium`, or set CHROME to its path"
        );
        SAID.call_once(|| {
            say("The page tests are skipped: there is no Chromium or Chrome here (set CHROME to its path).");
        });
    }
    Ok(found)
}

fn is_required() -> bool {
    let is_set = |name: &str| env::var(name).is_ok_and(|value| value == "1" || value == "true");
    is_set("CI") || is_set("REQUIRE_BROWSER")
}

/// Past the test runner, which hides what passing tests print.
fn say(line: &str) {
    // Nobody is left to be told that it cannot be said.
    writeln!(std::io::stderr(), "{line}").ok();
}

/// Chromium's own sandbox does not work for root.
pub(super) fn is_root() -> Result<bool> {
    Ok(Command::new("id").arg("-u").output()?.stdout.trim_ascii() == b"0")
}
