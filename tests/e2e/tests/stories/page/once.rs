//! The token is shown once: neither loading the page again nor going back or forward brings it back, and the code is gone from the
//! address and the history.

use anyhow::{Result, ensure};
use e2e::Options;

use super::looks::look;
use super::visit::{Visit, says, visit};

async fn was_shown(visit: &Visit<'_>) -> Result<()> {
    ensure!(visit.tab.heading().await? == "The token was shown once", "{}", visit.tab.heading().await?);
    says(&visit.tab.text("main").await?, &["If you have copied the token, you are done", "Authorize again"])?;
    ensure!(visit.tab.address().await? == format!("{}?shown=1", visit.page()));
    ensure!(visit.tab.holds("document.getElementById('token') === null").await?);
    Ok(())
}

async fn history_is_clean(visit: &Visit<'_>) -> Result<()> {
    let (_, entries) = visit.tab.history().await?;
    let (code, shown) = (|address: &str| address.contains("code="), format!("{}?shown=1", visit.page()));
    ensure!(!entries.iter().any(|(_, address)| code(address)), "the code is in the history: {entries:?}");
    ensure!(entries.iter().any(|(_, address)| *address == shown), "{entries:?}");
    Ok(())
}

pub(crate) async fn neither_reloading_nor_going_back_shows_the_token_again() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.authorize("admin").await?;
        visit.token().await?;
        history_is_clean(visit).await?;
        visit.tab.reload().await?;
        was_shown(visit).await?;
        look(&visit.tab, "shown").await?;

        visit.authorize("admin").await?;
        let token = visit.token().await?;
        visit.tab.open(&visit.page()).await?;
        visit.tab.go(-1).await?;
        was_shown(visit).await?;
        visit.tab.go(-1).await?;
        says(&visit.tab.heading().await?, &["Authorize the app"])?;
        visit.tab.go(1).await?;
        was_shown(visit).await?;
        history_is_clean(visit).await?;
        ensure!(!visit.tab.string("document.documentElement.outerHTML").await?.contains(&token));
        visit.tab.arrive(visit.tab.click("main a.button")).await?;
        says(&visit.tab.heading().await?, &["Authorize the app"])
    })
    .await
}

pub(crate) async fn a_closed_tab_leaves_nothing_behind() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.authorize("admin").await?;
        visit.token().await?;
        let kept = "[localStorage.length, sessionStorage.length, document.cookie, performance.getEntriesByType('resource').length]";
        assert_eq!(visit.tab.eval(kept).await?, serde_json::json!([0, 0, "", 0]));
        ensure!(visit.tab.holds("document.referrer === '' || !document.referrer.includes('code=')").await?);
        Ok(())
    })
    .await
}
