//! Copying: the token and the ids end up on the clipboard, and the page says so, to the eye and to a screen reader.

use anyhow::{Result, ensure};
use e2e::Options;
use serde_json::json;

use super::looks::look;
use super::visit::visit;

const COPY_TOKEN: &str = "button[data-copy=token]";

pub(crate) async fn the_token_is_copied_without_being_shown() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.allow_clipboard().await?;
        visit.authorize("admin").await?;
        let token = visit.token().await?;
        ensure!(visit.tab.text(COPY_TOKEN).await? == "Copy the token");
        visit.tab.click(COPY_TOKEN).await?;
        visit.tab.becomes("document.querySelector('button[data-copy=token]').innerText === 'Copied'").await?;
        visit.tab.becomes("document.getElementById('said').textContent === 'Access token copied.'").await?;
        ensure!(!visit.tab.text("main").await?.contains(&token), "the token shows");
        look(&visit.tab, "copied").await?;
        ensure!(visit.clipboard().await? == token, "something else was copied");
        visit.tab.becomes("document.querySelector('button[data-copy=token]').innerText === 'Copy the token'").await
    })
    .await
}

pub(crate) async fn every_account_has_its_id_copied_by_its_own_button() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.allow_clipboard().await?;
        visit.authorize("hostile").await?;
        visit.token().await?;
        for id in visit.stack.tiktok.person("hostile").await?.advertisers {
            let button = format!("button[data-copy='id-{id}']");
            let name = format!("document.querySelector({}).textContent", json!(button));
            ensure!(visit.tab.string(&name).await? == format!("Copy id {id}"), "a screen reader hears which id it is");
            visit.tab.click(&button).await?;
            visit.tab.becomes(&format!("document.querySelector({}).innerText === 'Copied'", json!(button))).await?;
            ensure!(visit.clipboard().await? == id);
        }
        Ok(())
    })
    .await
}

pub(crate) async fn where_the_clipboard_is_refused_the_token_is_selected_instead() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.authorize("admin").await?;
        let token = visit.token().await?;
        // As in an old browser, or where an administrator forbids it.
        visit.tab.eval("navigator.clipboard.writeText = () => Promise.reject(Error('refused')); true").await?;
        visit.tab.click(COPY_TOKEN).await?;
        visit.tab.becomes("document.getElementById('said').textContent.startsWith('It is selected.')").await?;
        ensure!(visit.tab.string("getSelection().toString().trim()").await? == token);
        ensure!(visit.tab.text("#token").await? == token, "what is selected can be seen");
        look(&visit.tab, "copy-refused").await?;

        // A phone has no such keys.
        visit.tab.becomes(&format!("document.querySelector('{COPY_TOKEN}').innerText === 'Copy the token'")).await?;
        visit.tab.call("Emulation.setTouchEmulationEnabled", json!({ "enabled": true })).await?;
        visit.tab.eval(&format!("document.querySelector('{COPY_TOKEN}').click()")).await?;
        visit.tab.becomes(&format!("document.querySelector('{COPY_TOKEN}').innerText === 'Selected'")).await?;
        visit.tab.becomes("document.getElementById('said').textContent === 'It is selected. Choose Copy.'").await
    })
    .await
}

pub(crate) async fn the_token_is_revealed_on_demand_and_hidden_again() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.authorize("admin").await?;
        let token = visit.token().await?;
        let shows = async || Ok::<_, anyhow::Error>(visit.tab.text("main").await?.contains(&token));
        ensure!(!shows().await?);
        visit.tab.click(".reveal > summary").await?;
        ensure!(shows().await?);
        look(&visit.tab, "revealed").await?;
        visit.tab.click_times("#token", 1).await?;
        ensure!(visit.tab.string("getSelection().toString().trim()").await? == token, "a click selects all of it");
        visit.tab.click(".reveal > summary").await?;
        ensure!(!shows().await?);
        Ok(())
    })
    .await
}

pub(crate) async fn a_token_that_is_not_ready_is_there_for_those_who_insist() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.allow_clipboard().await?;
        visit.authorize("analyst").await?;
        let token = visit.token().await?;
        visit.tab.click(".anyway > summary").await?;
        ensure!(!visit.tab.text("main").await?.contains(&token));
        visit.tab.click(COPY_TOKEN).await?;
        ensure!(visit.clipboard().await? == token);
        visit.tab.click(".reveal > summary").await?;
        ensure!(visit.tab.text("main").await?.contains(&token));
        look(&visit.tab, "analyst-insists").await
    })
    .await
}
