//! What a person is told when TikTok or the operator is in trouble, and how much of a token's page is left then.

use anyhow::{Context as _, Result, ensure};
use e2e::Options;
use sandbox::Fault;
use sandbox::control::{NewApp, NewGrant};

use crate::failures::is_sorry;
use crate::looks::look;
use crate::visit::{Visit, says, visit};

const EXCHANGE: &str = "/oauth2/access_token/";

/// The operator's page: a reference that is in the log, beside the fault, and not a word of the fault itself.
async fn is_for_the_operator(visit: &Visit<'_>, fault: &str) -> Result<()> {
    visit.arrive_after(&NewGrant::of("admin")).await?;
    is_sorry(visit, "This is for us to fix", &["Reference", "You have done nothing wrong"]).await?;
    let (text, reference) = (visit.tab.text("main").await?, visit.tab.text("#reference").await?);
    for detail in ["40113", "blocked", "secret", "Secrets Manager", "TikTok:", "app_id"] {
        ensure!(!text.contains(detail), "the page says {detail}");
    }
    let logs = visit.stack.logs().await?;
    let line = logs
        .of("auth-redirect")
        .find(|line| line["request_id"] == *reference || line["fields"]["request_id"] == *reference);
    let line = line.with_context(|| format!("no log line has the reference {reference}"))?.to_string();
    ensure!(line.contains(fault), "the log does not say {fault}: {line}");
    Ok(())
}

#[tokio::test]
async fn an_operators_fault_shows_a_reference_and_no_detail() -> Result<()> {
    visit(Options::new(), async |visit| {
        let at = &visit.stack.at;
        let app =
            |secret: &str, blocked| NewApp { app_id: at.tiktok_app_id.clone(), secret: secret.to_owned(), blocked };
        visit.stack.tiktok.set_app(&app(&at.tiktok_app_secret, true)).await?;
        is_for_the_operator(visit, "40113").await?;
        visit.stack.tiktok.set_app(&app("another secret than ours", false)).await?;
        is_for_the_operator(visit, "40113").await?;
        visit.stack.tiktok.set_app(&app(&at.tiktok_app_secret, false)).await?;

        let secret_id = at.advertiser_secret_prefix.replace("/advertiser/", "/app");
        let right = visit.stack.cloud.secret(&secret_id).await?.to_string();
        visit.stack.cloud.put_secret(&secret_id, "{}").await?;
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        is_for_the_operator(visit, "secret").await?;
        look(&visit.tab, "operator").await?;
        visit.stack.cloud.put_secret(&secret_id, &right).await?;
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        visit.arrive_after(&NewGrant::of("admin")).await?;
        visit.token().await.map(drop)
    })
    .await
}

#[tokio::test]
async fn a_tiktok_that_is_slow_or_down_can_be_tried_again() -> Result<()> {
    visit(Options::new(), async |visit| {
        let faults =
            [Fault::hang(20_000), Fault::status(502), Fault::cut(), Fault::text("<html>"), Fault::code(50000, "?")];
        for fault in faults {
            visit.stack.tiktok.fault(fault.on(EXCHANGE).next(1)).await?;
            visit.arrive_after(&NewGrant::of("admin")).await?;
            let phrases = ["You have done nothing wrong", "Wait a minute", "Try again"];
            is_sorry(visit, "TikTok is not answering", &phrases).await?;
        }
        look(&visit.tab, "unavailable").await?;
        visit.tab.arrive(visit.tab.click("main a.button")).await?;
        visit.agree("admin").await?;
        visit.token().await.map(drop)
    })
    .await
}

#[tokio::test]
async fn the_token_is_shown_though_all_that_follows_the_exchange_fails() -> Result<()> {
    visit(Options::new(), async |visit| {
        visit.stack.tiktok.fault(Fault::status(502).after(1)).await?;
        visit.arrive_after(&NewGrant::of("admin")).await?;
        ensure!(visit.tab.heading().await? == "Your access token is ready");
        visit.token().await?;
        says(
            &visit.tab.text("main").await?,
            &["3 advertiser accounts", "That is no bad sign: use the token as usual"],
        )?;
        look(&visit.tab, "success-unchecked").await
    })
    .await
}
