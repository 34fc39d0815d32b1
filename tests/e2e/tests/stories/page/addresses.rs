//! Whatever address somebody types, the gateway leads to a page.

use anyhow::{Result, ensure};
use e2e::Options;

use super::looks::look;
use super::visit::{says, visit};

pub(crate) async fn every_address_has_a_page() -> Result<()> {
    visit(Options::shared(), async |visit| {
        let table = [
            ("/", "Send mParticle audiences to TikTok"),
            ("/v1/auth/", "Send mParticle audiences to TikTok"),
            ("/v1/firehose", "There is no page here"),
            ("/anything/else?x=1", "There is no page here"),
        ];
        for (path, heading) in table {
            visit.tab.open(&format!("{}{path}", visit.stack.at.api_url)).await?;
            ensure!(visit.tab.heading().await? == heading, "{path}: {}", visit.tab.heading().await?);
        }
        look(&visit.tab, "no-such-page").await?;
        visit.tab.arrive(visit.tab.click("main a.button")).await?;
        says(&visit.tab.heading().await?, &["Authorize the app"])
    })
    .await
}
