//! From the public link to a delivered audience: what a customer does, with a browser where he has one.

use anyhow::{Result, ensure};
use e2e::people::KINDS;
use e2e::{Account, Action, Model, Options, People, Profile, Transport};

use super::visit::visit;

pub(crate) async fn from_the_public_link_to_a_delivered_audience() -> Result<()> {
    visit(Options::shared(), async |visit| {
        let stack = visit.stack;
        visit.allow_clipboard().await?;
        visit.authorize("operator").await?;
        visit.token().await?;
        visit.tab.click("button[data-copy=token]").await?;
        let token = visit.clipboard().await?;
        visit.tab.click("#accounts > li:first-child button").await?;
        let advertiser_id = visit.clipboard().await?;
        let account = Account { account_id: 1, advertiser_id, token };

        let audience = stack.connect(&account, 1, "Summer sale").await?;
        let people = People::new("from the public link").of_every_kind(2 * KINDS);
        let joining = Profile::all(&people, &audience, Action::Add);
        let mut model = Model::default();
        stack.change(&mut model, Transport::Http, &account, &joining).await?;
        stack.arrives(&model).await?;
        let letters = stack.take_letters().await?;
        ensure!(letters.is_empty(), "{letters:?}");
        Ok(())
    })
    .await
}
