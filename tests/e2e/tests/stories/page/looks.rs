//! How a page looks: in light and dark, on a phone and on a desktop. Each time axe-core finds nothing to object to, nothing is wider
//! than the screen, and a picture goes to `target/screenshots` for somebody to look at.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::browser::Tab;

/// A way to see a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// `light` or `dark`.
    theme: &'static str,
    /// `phone` or `desktop`.
    screen: &'static str,
}

/// All that a page must look right in.
const LOOKS: [Look; 4] = [
    Look { theme: "light", screen: "desktop" },
    Look { theme: "dark", screen: "desktop" },
    Look { theme: "dark", screen: "phone" },
    Look { theme: "light", screen: "phone" },
];

const AXE: &str = "axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations
    .map(one => one.id + ': ' + one.nodes.map(node => node.target + ' ' + node.failureSummary).join('; ')).join('\\n'))";

/// Two frames later, what changed is drawn.
const DRAWN: &str = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";

/// Looks at the page in every way, and takes pictures of it called `name`.
pub(crate) async fn look(tab: &Tab, name: &str) -> Result<()> {
    tab.eval(&axe()?).await.context("axe-core")?;
    for look in LOOKS {
        see(tab, look).await?;
        let what = format!("{name}-{}-{}", look.theme, look.screen);
        tab.screenshot(&root().join(format!("target/screenshots/{what}.png"))).await?;
        let violations = tab.string(AXE).await?;
        ensure!(violations.is_empty(), "{what}: axe-core objects:\n{violations}");
        let (wide, screen) =
            (width(tab, "document.documentElement.scrollWidth").await?, width(tab, "innerWidth").await?);
        ensure!(wide <= screen, "{what}: {wide} pixels wide on a screen of {screen}");
    }
    see(tab, LOOKS[0]).await
}

/// Sees pages in this way from now on.
async fn see(tab: &Tab, look: Look) -> Result<()> {
    let features = json!([{ "name": "prefers-color-scheme", "value": look.theme }]);
    tab.call("Emulation.setEmulatedMedia", json!({ "features": features })).await?;
    let metrics = match look.screen {
        "phone" => json!({ "width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": true }),
        _ => json!({ "width": 900, "height": 800, "deviceScaleFactor": 1, "mobile": false }),
    };
    tab.call("Emulation.setDeviceMetricsOverride", metrics).await?;
    tab.eval("scrollTo(0, 0)").await?;
    tab.eval(DRAWN).await.map(drop)
}

async fn width(tab: &Tab, expression: &str) -> Result<i64> {
    tab.eval(expression).await?.as_i64().context("not a number")
}

/// axe-core's script, out of the Python package that brings it (`infra/local/requirements.txt`).
fn axe() -> Result<String> {
    let libraries = root().join("target/local/venv/lib");
    let folders =
        std::fs::read_dir(&libraries).with_context(|| format!("no {}: run `make venv`", libraries.display()))?;
    let script = |folder: PathBuf| folder.join("site-packages/axe_playwright_python/axe.min.js");
    let found =
        folders.filter_map(|folder| folder.ok().map(|folder| script(folder.path()))).find(|path| path.is_file());
    let found = found.context("axe-core is not in target/local/venv: run `make venv`")?;
    // What the script leaves behind cannot be sent back, and need not be.
    Ok(std::fs::read_to_string(found)? + "; true")
}

fn root() -> &'static Path {
    // tests/e2e is two folders below it.
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."))
}
