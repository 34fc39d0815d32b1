//! The keyboard alone: everything that can be operated is reached in the order in which it is read, shows where the focus is, and
//! does its work with Enter.

use anyhow::{Result, ensure};
use e2e::Options;
use serde_json::json;

use super::browser::{Key, Tab};
use super::looks::look;
use super::visit::visit;

/// What has the focus, in a few words; null at the end of the page.
const FOCUSED: &str = "(() => {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const style = getComputedStyle(element);
    const seen = element.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    return [element.innerText.trim() || element.id, seen];
})()";

/// Presses Tab to the end of the page; the words of what had the focus, in order.
async fn tabbed(tab: &Tab) -> Result<Vec<String>> {
    let mut order = Vec::new();
    while order.len() < 40 {
        tab.press(Key::Tab).await?;
        let focused = tab.eval(FOCUSED).await?;
        let Some(words) = focused[0].as_str() else { break };
        ensure!(focused[1] == json!(true), "nobody sees that {words} has the focus");
        order.push(words.to_owned());
    }
    Ok(order)
}

/// Presses Tab until this has the focus.
async fn reach(tab: &Tab, words: &str) -> Result<()> {
    for _ in 0..40 {
        tab.press(Key::Tab).await?;
        if tab.eval(FOCUSED).await?[0] == *words {
            return Ok(());
        }
    }
    anyhow::bail!("Tab does not reach “{words}”")
}

pub(crate) async fn the_keyboard_reaches_everything_in_reading_order_and_shows_where_it_is() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.authorize("admin").await?;
        visit.token().await?;
        // The ids in the order of the names: Contoso, Northwind EU, Northwind US.
        let ids = "[...document.querySelectorAll('#accounts code')].map(code => code.textContent)";
        let ids: Vec<String> = serde_json::from_value(visit.tab.eval(ids).await?)?;
        let mut expected = ["authorize again", "Copy the token", "Show the token"].map(str::to_owned).to_vec();
        expected.extend(ids.iter().map(|id| format!("Copy id {id}")));
        expected.extend(["Copy the access token", "What you allowed at TikTok"].map(str::to_owned));
        let order = tabbed(&visit.tab).await?;
        let plain: Vec<_> = order.iter().map(|words| words.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(plain, expected);
        Ok(())
    })
    .await
}

pub(crate) async fn the_keyboard_alone_copies_and_reveals_the_token_and_starts_again() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.allow_clipboard().await?;
        visit.authorize("admin").await?;
        let token = visit.token().await?;
        reach(&visit.tab, "Copy the token").await?;
        visit.tab.press(Key::Enter).await?;
        visit.tab.becomes("document.getElementById('said').textContent === 'Access token copied.'").await?;
        ensure!(visit.clipboard().await? == token);
        reach(&visit.tab, "Show the token").await?;
        look(&visit.tab, "focus").await?;
        visit.tab.press(Key::Space).await?;
        ensure!(visit.tab.text("#token").await? == token);

        visit.tab.reload().await?;
        reach(&visit.tab, "Authorize again").await?;
        visit.tab.arrive(visit.tab.press(Key::Enter)).await?;
        ensure!(visit.tab.heading().await?.starts_with("Authorize the app"));
        Ok(())
    })
    .await
}
