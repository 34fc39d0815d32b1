//! The way that starts at the product's own page: a fresh `state`, which only the browser that it was made in can bring back.

use anyhow::{Result, ensure};
use e2e::Options;
use e2e::consent::TICKED;
use reqwest::Url;

use super::failures::has_no_token;
use super::looks::look;
use super::visit::{says, visit};

pub(crate) async fn the_start_page_leads_to_tiktok_and_back_with_a_fresh_state() -> Result<()> {
    visit(Options::shared().with("RequireFreshState", "true"), async |visit| {
        let mut states = Vec::new();
        for _ in 0..2 {
            visit.tab.open(&visit.page()).await?;
            says(
                &visit.tab.text("main").await?,
                &["account manager", "Admin or Operator", "tick Audience Management", "Platform Service Agreement"],
            )?;
            visit.tab.arrive(visit.tab.click("main a.button")).await?;
            let link: Url = visit.tab.address().await?.parse()?;
            states.extend(link.query_pairs().find(|(name, _)| name == "state").map(|(_, value)| value.into_owned()));
            visit.agree("admin").await?;
            ensure!(visit.tab.heading().await? == "Your access token is ready", "{}", visit.tab.heading().await?);
            visit.token().await?;
        }
        ensure!(
            states.len() == 2 && states[0] != states[1] && states.iter().all(|state| state.len() == 32),
            "{states:?}"
        );
        ensure!(visit.tab.string("document.cookie").await?.is_empty(), "a script can read the cookie");
        visit.tab.open(&visit.page()).await?;
        look(&visit.tab, "start").await
    })
    .await
}

pub(crate) async fn the_public_link_is_no_way_in_where_a_fresh_state_is_required() -> Result<()> {
    visit(Options::shared().with("RequireFreshState", "true"), async |visit| {
        visit.authorize("admin").await?;
        let phrases =
            ["another browser, or too long ago", "no token was made", "allow cookies for this site", "Start again"];
        has_no_token(visit, "Please start again in this browser", &phrases).await?;
        look(&visit.tab, "other-browser").await?;
        visit.tab.arrive(visit.tab.click("main a.button")).await?;
        visit.agree("admin").await?;
        visit.token().await.map(drop)
    })
    .await
}

pub(crate) async fn what_was_begun_in_one_browser_is_not_finished_in_another() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.tab.open(&format!("{}?start=1", visit.page())).await?;
        let link = visit.tab.address().await?;
        let landing = visit.stack.tiktok.allow(&link, "admin", &TICKED).await?;
        let elsewhere = visit.browser.tab_elsewhere().await?;
        elsewhere.open(&landing).await?;
        ensure!(elsewhere.heading().await? == "Please start again in this browser");
        // The code is unspent.
        visit.tab.open(&landing).await?;
        visit.settle().await?;
        ensure!(visit.tab.heading().await? == "Your access token is ready");
        visit.token().await.map(drop)
    })
    .await
}
