//! What a person is told when TikTok or the operator is in trouble, and how much of a token's page is left then.

use anyhow::{Context as _, Result, ensure};
use e2e::Options;
use sandbox::Fault;
use sandbox::control::{NewApp, NewGrant};

use super::failures::has_no_token;
use super::looks::look;
use super::visit::{Visit, says, visit};

const EXCHANGE: &str = "/oauth2/access_token/";

/// The operator's page: a reference that is in the log, beside the fault, and not a word of the fault itself.
async fn is_for_the_operator(visit: &Visit<'_>, fault: &str) -> Result<()> {
    visit.arrive_after(&NewGrant::of("admin")).await?;
    has_no_token(visit, "This is for us to fix", &["Reference", "You have done nothing wrong"]).await?;
    let (text, reference) = (visit.tab.text("main").await?, visit.tab.text("#reference").await?);
    for detail in ["40113", "blocked", "secret", "Secrets Manager", "TikTok:", "app_id"] {
        ensure!(!text.contains(detail), "the page says {detail}");
    }
    let logs = visit.stack.logs().await?;
    let line = logs.of("auth-redirect").find(|line| line["lambda_request_id"] == *reference);
    let line = line.with_context(|| format!("no log line has the reference {reference}"))?.to_string();
    ensure!(line.contains(fault), "the log does not say {fault}: {line}");
    Ok(())
}

pub(crate) async fn an_operators_fault_shows_a_reference_and_no_detail() -> Result<()> {
    visit(Options::new(), async |visit| {
        let at = &visit.stack.at;
        let app =
            |secret: &str, blocked| NewApp { app_id: at.tiktok_app_id.clone(), secret: secret.to_owned(), blocked };
        visit.stack.tiktok.set_app(&app(&at.tiktok_app_secret, true)).await?;
        is_for_the_operator(visit, "40113").await?;
        visit.stack.tiktok.set_app(&app("another secret than ours", false)).await?;
        is_for_the_operator(visit, "40113").await?;
        visit.stack.tiktok.set_app(&app(&at.tiktok_app_secret, false)).await?;

        let right = visit.stack.cloud.secret(&at.app_secret_id).await?.to_string();
        for text in ["{}", &right] {
            visit.stack.cloud.put_secret(&at.app_secret_id, text).await?;
            // What a process has read it keeps for minutes.
            visit.stack.cloud.restart("auth-redirect").await?;
            if text == "{}" {
                is_for_the_operator(visit, "documented form").await?;
                look(&visit.tab, "operator").await?;
            }
        }
        visit.arrive_after(&NewGrant::of("admin")).await?;
        visit.token().await.map(drop)
    })
    .await
}

pub(crate) async fn a_tiktok_that_is_slow_or_down_costs_no_code_where_it_can_be_helped() -> Result<()> {
    visit(Options::new(), async |visit| {
        let tiktok = &visit.stack.tiktok;
        for fault in [Fault::hang(20_000), Fault::status(502), Fault::cut(), Fault::text("<html>")] {
            tiktok.fault(fault.on(EXCHANGE).next(1)).await?;
            visit.arrive_after(&NewGrant::of("admin")).await?;
            let phrases = ["You have done nothing wrong", "Wait a minute", "Try again"];
            has_no_token(visit, "TikTok is not answering", &phrases).await?;
        }
        look(&visit.tab, "unavailable").await?;

        // Throttled for longer than the function waits: the page tries again by itself, and the code is unspent.
        let throttled = tiktok.fault(Fault::code(40100, "Too many requests").on(EXCHANGE)).await?;
        visit.tab.arrive(visit.tab.click("main a.button")).await?;
        visit.tab.click("input[name=person][value='admin']").await?;
        visit.tab.arrive(visit.tab.click("button[value=allow]")).await?;
        ensure!(visit.tab.heading().await? == "One moment, please", "{}", visit.tab.heading().await?);
        // For the pictures it holds still.
        visit.tab.eval("for (let timer = 0; timer < 1000; timer++) clearTimeout(timer)").await?;
        look(&visit.tab, "busy").await?;
        visit.tab.reload().await?;
        tiktok.clear_fault(throttled).await?;
        visit.settle().await?;
        visit.token().await?;

        tiktok.fault(Fault::status(502).after(1)).await?;
        visit.arrive_after(&NewGrant::of("admin")).await?;
        ensure!(visit.tab.heading().await? == "Your access token is ready");
        visit.token().await?;
        says(
            &visit.tab.text("main").await?,
            &["3 advertiser accounts", "Not checked", "TikTok is asked when you connect"],
        )?;
        look(&visit.tab, "success-unchecked").await
    })
    .await
}
