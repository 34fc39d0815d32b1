//! Without JavaScript: the token can be revealed and selected, and the spent code in the address answers as a reloaded page does.

use anyhow::{Result, ensure};
use e2e::Options;
use serde_json::json;

use super::failures::{CANNOT, has_no_token};
use super::looks::look;
use super::visit::{says, visit};

pub(crate) async fn without_script_the_token_can_be_revealed_and_selected_once() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.tab.call("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await?;
        visit.tab.open(&visit.page()).await?;
        visit.tab.arrive(visit.tab.click("main a.button")).await?;
        visit.agree("admin").await?;
        ensure!(visit.tab.heading().await? == "Your access token is ready");
        let token = visit.token().await?;
        ensure!(!visit.tab.text("main").await?.contains(&token));
        let buttons = "[...document.querySelectorAll('button')].some(button => button.checkVisibility())";
        ensure!(!visit.tab.holds(buttons).await?, "a button that does nothing");
        visit.tab.click(".reveal > summary").await?;
        ensure!(visit.tab.text("#token").await? == token);
        visit.tab.click("#token").await?;
        ensure!(visit.tab.string("getSelection().toString().trim()").await? == token, "a click selects all of it");

        ensure!(visit.tab.address().await?.contains("auth_code="));
        visit.tab.reload().await?;
        ensure!(visit.tab.heading().await? == CANNOT);
        says(&visit.tab.text("main").await?, &["If you have copied the token, you are done", "Authorize again"])?;
        ensure!(visit.tab.holds("document.getElementById('token') === null").await?);
        Ok(())
    })
    .await
}

pub(crate) async fn without_script_many_accounts_are_all_listed_and_failures_look_the_same() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.tab.call("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await?;
        visit.authorize("many").await?;
        visit.token().await?;
        assert_eq!(visit.tab.eval("document.querySelectorAll('#accounts > li').length").await?, 137);
        ensure!(
            !visit.tab.holds("document.getElementById('find').checkVisibility()").await?,
            "a field that does nothing"
        );
        visit.tab.call("Emulation.setScriptExecutionDisabled", json!({ "value": false })).await?;
        look(&visit.tab, "many-without-script").await?;
        visit.tab.open(&format!("{}?shown=1", visit.page())).await?;
        has_no_token(visit, "The token was shown once", &["Authorize again"]).await
    })
    .await
}
