//! What a person is told when there is no token to show: what it is, and what to do.

use anyhow::{Result, ensure};
use e2e::Options;
use sandbox::control::NewGrant;

use crate::looks::look;
use crate::visit::{Visit, says, visit};

/// A page without a token: its heading, and what it says.
pub(crate) async fn is_sorry(visit: &Visit<'_>, heading: &str, phrases: &[&str]) -> Result<()> {
    ensure!(visit.tab.heading().await? == heading, "{}", visit.tab.heading().await?);
    says(&visit.tab.text("main").await?, phrases)?;
    ensure!(!visit.tab.address().await?.contains("code="), "the code stays in the address");
    ensure!(visit.tab.holds("document.getElementById('token') === null").await?);
    Ok(())
}

#[tokio::test]
async fn a_code_works_once() -> Result<()> {
    visit(Options::new(), async |visit| {
        let code = visit.stack.tiktok.auth_code(&NewGrant::of("admin")).await?;
        visit.arrive_with(&code).await?;
        visit.token().await?;
        visit.arrive_with(&code).await?;
        let heading = "This authorisation is used or expired";
        is_sorry(visit, heading, &["A token is shown only once", "If you have copied it, you are done"]).await?;
        look(&visit.tab, "used").await?;
        visit.tab.arrive(visit.tab.click("main a.button")).await?;
        visit.agree("admin").await?;
        ensure!(visit.tab.heading().await? == "Your access token is ready");
        visit.token().await.map(drop)
    })
    .await
}

#[tokio::test]
async fn a_code_that_expired_and_one_that_nobody_gave_are_said_to_be_expired() -> Result<()> {
    visit(Options::new(), async |visit| {
        let heading = "This authorisation is used or expired";
        visit.arrive_after(&NewGrant { life_ms: Some(0), ..NewGrant::of("admin") }).await?;
        is_sorry(visit, heading, &["within an hour", "Authorise again"]).await?;
        visit.arrive_with("0000000000000000000000000000000000000000").await?;
        ensure!(visit.tab.heading().await? == heading);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_address_that_tiktok_never_makes_exchanges_nothing() -> Result<()> {
    visit(Options::new(), async |visit| {
        let code = visit.stack.tiktok.auth_code(&NewGrant::of("admin")).await?;
        let addresses = [
            format!("{}&auth_code={code}", visit.with_code(&code)),
            format!("{}&state=other", visit.with_code(&code)),
            visit.with_code(&"x".repeat(600)),
            visit.with_code("a%20b"),
        ];
        for address in addresses {
            visit.tab.open(&address).await?;
            is_sorry(visit, "This address is damaged", &["Start from here instead", "Start again"]).await?;
        }
        look(&visit.tab, "damaged").await?;
        ensure!(visit.stack.tiktok.journal().await?.is_empty(), "TikTok was called");
        visit.arrive_with(&code).await?;
        visit.token().await.map(drop)
    })
    .await
}
