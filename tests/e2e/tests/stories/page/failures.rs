//! What a person is told when there is no token to show: what it is, and what to do.

use anyhow::{Result, ensure};
use e2e::Options;
use sandbox::control::NewGrant;

use super::looks::look;
use super::visit::{Visit, says, visit};

/// The heading for a code that TikTok does not take.
pub(crate) const CANNOT: &str = "The token of this authorization cannot be shown";

/// A page without a token: its heading, and what it says.
pub(crate) async fn has_no_token(visit: &Visit<'_>, heading: &str, phrases: &[&str]) -> Result<()> {
    ensure!(visit.tab.heading().await? == heading, "{}", visit.tab.heading().await?);
    says(&visit.tab.text("main").await?, phrases)?;
    ensure!(!visit.tab.address().await?.contains("code="), "the code stays in the address");
    ensure!(visit.tab.holds("document.getElementById('token') === null").await?);
    Ok(())
}

pub(crate) async fn a_code_works_once() -> Result<()> {
    visit(Options::shared(), async |visit| {
        let code = visit.stack.tiktok.auth_code(&NewGrant::of("admin")).await?;
        visit.arrive_with(&code).await?;
        visit.token().await?;
        visit.arrive_with(&code).await?;
        has_no_token(visit, CANNOT, &["A token is shown only once", "If you have copied the token, you are done"])
            .await?;
        look(&visit.tab, "used").await?;
        visit.tab.arrive(visit.tab.click("main a.button")).await?;
        visit.agree("admin").await?;
        ensure!(visit.tab.heading().await? == "Your access token is ready");
        visit.token().await.map(drop)
    })
    .await
}

pub(crate) async fn a_code_that_expired_and_one_that_nobody_gave_cannot_be_shown() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.arrive_after(&NewGrant { life_ms: Some(0), ..NewGrant::of("admin") }).await?;
        has_no_token(visit, CANNOT, &["within an hour", "Authorize again"]).await?;
        visit.arrive_with("0000000000000000000000000000000000000000").await?;
        ensure!(visit.tab.heading().await? == CANNOT);
        Ok(())
    })
    .await
}

pub(crate) async fn a_link_that_tiktok_never_makes_exchanges_nothing() -> Result<()> {
    visit(Options::shared(), async |visit| {
        let code = visit.stack.tiktok.auth_code(&NewGrant::of("admin")).await?;
        let addresses = [
            format!("{}&auth_code={code}", visit.with_code(&code)),
            format!("{}&state=other", visit.with_code(&code)),
            visit.with_code(&"x".repeat(600)),
            visit.with_code("a%20b"),
            format!("{}?state=<b>", visit.page()),
            format!("{}?state={{\"a\":1}}", visit.page()),
        ];
        for address in addresses {
            visit.tab.open(&address).await?;
            has_no_token(visit, "This link is damaged", &["Start from here instead", "Start again"]).await?;
        }
        look(&visit.tab, "damaged").await?;
        // The code is unspent.
        visit.arrive_with(&code).await?;
        visit.token().await.map(drop)
    })
    .await
}
