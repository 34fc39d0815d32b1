//! What each kind of person is shown after the consent, from the public link on.

use anyhow::{Result, ensure};
use e2e::Options;
use sandbox::control::AdvertiserChange;

use super::looks::look;
use super::visit::{AUDIENCE_MANAGEMENT, Visit, says, visit};

/// The text of the page, as far as it can be seen.
async fn body(visit: &Visit<'_>) -> Result<String> {
    visit.tab.text("main").await
}

/// Somebody whose token is not ready: the reason comes first, and the token only for those who insist.
async fn is_told(visit: &Visit<'_>, picture: &str, heading: &str, phrases: &[&str]) -> Result<()> {
    ensure!(visit.tab.heading().await? == heading, "{}", visit.tab.heading().await?);
    let text = body(visit).await?;
    says(&text, phrases)?;
    let token = visit.token().await?;
    ensure!(!text.contains(&token), "the token shows without being asked for");
    ensure!(visit.tab.address().await? == format!("{}?shown=1", visit.page()));
    look(&visit.tab, picture).await
}

pub(crate) async fn an_admin_and_an_operator_get_a_token_for_all_their_accounts() -> Result<()> {
    visit(Options::shared(), async |visit| {
        for (key, picture) in [("admin", "success"), ("operator", "success-operator")] {
            let person = visit.stack.tiktok.person(key).await?;
            visit.authorize(key).await?;
            is_told(visit, picture, "Your access token is ready", &[]).await?;
            let text = body(visit).await?;
            says(
                &text,
                &["Keep it private", "may access your advertiser accounts", "One token serves all the accounts"],
            )?;
            says(
                &text,
                &["Integrations directory", "TikTok Account Id", &format!("Authorized as {}", person.display_name)],
            )?;
            says(
                &text,
                &["TikTok Access Token", "several hours", "50,000 unique users", "authorize again with the same link"],
            )?;
            for id in &person.advertisers {
                says(&text, &[id, &visit.stack.tiktok.advertiser(id).await?.name])?;
            }
        }
        Ok(())
    })
    .await
}

pub(crate) async fn who_cannot_use_the_token_yet_hears_why_and_what_to_do() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.authorize("analyst").await?;
        let phrases = ["Your role does not let you manage audiences", "Analyst is not enough", "Cannot: your role"];
        is_told(visit, "analyst", "This token would not work yet", &phrases).await?;

        visit.authorize("business-center").await?;
        let phrases = ["A Business Center alone cannot receive an audience", "Operator or Admin", "Authorize again"];
        is_told(visit, "business-center", "No advertiser account was found", &phrases).await?;

        visit.authorize("disabled").await?;
        let phrases =
            ["Disabled Goods", "Unapproved Goods", "Cannot yet: not enabled", "Cannot yet: in review at TikTok"];
        is_told(visit, "disabled", "The token is ready, but no account is yet", &phrases).await
    })
    .await
}

pub(crate) async fn an_advertiser_without_this_integration_is_sent_to_the_account_manager() -> Result<()> {
    visit(Options::shared(), async |visit| {
        let customer = visit.stack.customer("Not on the list").await?;
        let account = &customer.account.advertiser_id;
        let change = AdvertiserChange { allow_listed: Some(false), ..AdvertiserChange::default() };
        visit.stack.tiktok.change_advertiser(account, &change).await?;
        let person = visit.stack.tiktok.person(&customer.person).await?;
        visit.authorize(&person.key).await?;
        let heading = "The token is ready, but the account is not yet";
        is_told(visit, "not-approved", heading, &["account manager", "Cannot yet: not approved for this integration"])
            .await
    })
    .await
}

pub(crate) async fn a_permission_that_was_not_ticked_is_named() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.tab.open(&visit.stack.at.authorize_url).await?;
        visit.tab.click(&format!("input[name=scope][value='{AUDIENCE_MANAGEMENT}']")).await?;
        visit.agree("admin").await?;
        let phrases = ["Audience Management was not ticked", "tick Audience Management", "Authorize again"];
        is_told(visit, "no-permission", "One permission is missing", &phrases).await
    })
    .await
}

pub(crate) async fn who_cancels_hears_what_to_check() -> Result<()> {
    visit(Options::shared(), async |visit| {
        visit.tab.open(&visit.stack.at.authorize_url).await?;
        visit.tab.arrive(visit.tab.click("button[value=cancel]")).await?;
        ensure!(visit.tab.heading().await? == "The authorization was not finished");
        let phrases = [
            "account manager",
            "Admin or Operator",
            "Audience Management",
            "Platform Service Agreement",
            "Start again",
        ];
        says(&body(visit).await?, &phrases)?;
        ensure!(visit.tab.address().await? == visit.page(), "{}", visit.tab.address().await?);
        look(&visit.tab, "canceled").await?;
        visit.tab.arrive(visit.tab.click("main a.button")).await?;
        says(&visit.tab.heading().await?, &["Authorize the app"])
    })
    .await
}
