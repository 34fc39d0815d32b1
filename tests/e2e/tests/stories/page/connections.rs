//! What the page says of accounts that are connected, and what an authorization does to connections that had stopped.

use anyhow::{Context as _, Result, ensure};
use e2e::{Action, Customer, Model, Options, People, Profile, Transport};
use sandbox::control::{AudienceChange, NewGrant};
use serde_json::json;

use super::looks::look;
use super::visit::{Visit, says, visit};

/// TikTok does not take the customer's token any more, and mParticle was told so.
async fn die(visit: &Visit<'_>, customer: &Customer) -> Result<()> {
    visit.stack.tiktok.revoke(&customer.account.token).await?;
    let id = visit.stack.at.record_of(&customer.account.advertiser_id);
    let mut record = visit.stack.cloud.secret(&id).await?;
    let connection = record["connections"].get_mut(customer.account.account_id.to_string()).context("no connection")?;
    connection["state"] =
        json!({"dead": {"since_ms": 1_790_000_000_000_i64, "died_ms": 1_790_003_600_000_i64, "code": 40105}});
    visit.stack.cloud.put_secret(&id, &record.to_string()).await
}

pub(crate) async fn what_had_stopped_works_again_and_the_page_says_what_is_left_to_do() -> Result<()> {
    visit(Options::shared(), async |visit| {
        let stack = visit.stack;
        let (customer, audience) = stack.connected("Summer shoppers").await?;
        let tiktok_id = audience.tiktok_id.clone().context("no audience")?;
        let change = AudienceChange { cover_num: Some(61_234), ..AudienceChange::default() };
        stack.tiktok.change_audience(&tiktok_id, &change).await?;
        stack.connect(&customer.account, 2, "VIP").await?;
        die(visit, &customer).await?;

        // A colleague's authorization leaves it alone; the page says so.
        let colleague = stack.colleague(&customer).await?;
        visit.arrive_after(&NewGrant::of(&colleague.person)).await?;
        visit.token().await?;
        says(
            &visit.tab.text("main").await?,
            &[
                "A connection of another TikTok login is stopped",
                "Ask that person to authorize again",
                "paste the new token",
            ],
        )?;
        look(&visit.tab, "another-login").await?;
        ensure!(stack.state(&customer.account).await? == "dead");

        visit.arrive_after(&NewGrant::of(&customer.person)).await?;
        let token = visit.token().await?;
        let text = visit.tab.text("main").await?;
        says(&text, &["A connection works again", "Paste nothing into", "In mParticle, for another connection"])?;
        says(
            &text,
            &["Connected again; now resume it in mParticle", "choose Resume", "wait 24 hours", "You need not paste"],
        )?;
        says(&text, &["works again; resume it in mParticle", "Summer shoppers", "61,234 users", "VIP", "too few"])?;
        look(&visit.tab, "connected-again").await?;
        let connection = stack.connection(&customer.account).await?;
        ensure!(connection["token"] == token && stack.state(&customer.account).await? == "active");

        // With the token that was pasted long ago.
        let people = People::new("after the authorization").plain(10);
        let profiles = Profile::all(&people, &audience, Action::Add);
        let mut model = Model::default();
        stack.change(&mut model, Transport::Http, &customer.account, &profiles).await?;
        stack.arrives(&model).await
    })
    .await
}

pub(crate) async fn a_token_that_may_not_manage_audiences_displaces_none_that_works() -> Result<()> {
    visit(Options::shared(), async |visit| {
        let (customer, _) = visit.stack.connected("Kept").await?;
        let before = visit.stack.connection(&customer.account).await?;
        visit.arrive_after(&NewGrant::of(&customer.person).scopes(&[1, 4])).await?;
        visit.token().await?;
        says(&visit.tab.text("main").await?, &["One permission is missing", ": works."])?;
        look(&visit.tab, "kept").await?;
        ensure!(visit.stack.connection(&customer.account).await? == before);

        die(visit, &customer).await?;
        visit.arrive_after(&NewGrant::of(&customer.person).scopes(&[1, 4])).await?;
        visit.token().await?;
        says(&visit.tab.text("main").await?, &["A connection is still stopped", "nothing got worse"])?;
        ensure!(visit.stack.state(&customer.account).await? == "dead");
        Ok(())
    })
    .await
}
