//! On paper: all but the token, even if it was revealed.

use anyhow::{Result, ensure};
use e2e::Options;
use serde_json::json;

use super::visit::{says, visit};

pub(crate) async fn the_token_is_not_printed() -> Result<()> {
    visit(Options::shared(), async |visit| {
        for (person, summaries) in
            [("admin", &[".reveal > summary"][..]), ("analyst", &[".anyway > summary", ".reveal > summary"])]
        {
            visit.authorize(person).await?;
            let token = visit.token().await?;
            for summary in summaries {
                visit.tab.click(summary).await?;
            }
            ensure!(visit.tab.text("main").await?.contains(&token));
            visit.tab.call("Emulation.setEmulatedMedia", json!({ "media": "print" })).await?;
            let text = visit.tab.text("main").await?;
            ensure!(!text.contains(&token), "the token is printed");
            says(&text, &["The access token is not printed.", "Northwind Shoes EU"])?;
            ensure!(!visit.tab.holds("document.getElementById('token').checkVisibility()").await?);
            let background = visit.tab.string("getComputedStyle(document.body).backgroundColor").await?;
            ensure!(background == "rgb(255, 255, 255)", "printed on {background}");
            visit.tab.call("Emulation.setEmulatedMedia", json!({ "media": "" })).await?;
        }
        Ok(())
    })
    .await
}
