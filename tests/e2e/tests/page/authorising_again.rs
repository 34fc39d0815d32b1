//! Doing the authorisation again: what had stopped flows again without anything being pasted, and the page says what came of it.

use anyhow::{Result, ensure};
use e2e::{Action, Model, Options, People, Profile, Transport, message, until};
use sandbox::control::{NewGrant, NewPerson};

use crate::looks::look;
use crate::visit::{says, visit};

#[tokio::test]
async fn after_a_revocation_authorising_again_lets_waiting_changes_flow_without_pasting() -> Result<()> {
    visit(Options::new(), async |visit| {
        let stack = visit.stack;
        let customer = stack.customer("Repaired").await?;
        let person = stack.tiktok.person(&customer.person).await?;
        let audience = stack.connect(&customer.account, 1, "Waiting").await?;
        let (first, second) = (People::new("before").plain(20), People::new("after").plain(30));
        let mut model = Model::default();
        let profiles = Profile::all(&first, &audience, Action::Add);
        stack.change(&mut model, Transport::Http, &customer.account, &profiles).await?;
        stack.arrives(&model, 60).await?;

        stack.tiktok.revoke(&customer.account.token).await?;
        let profiles = Profile::all(&second, &audience, Action::Add);
        stack.change(&mut model, Transport::Http, &customer.account, &profiles).await?;
        until("mParticle is told that the connection is dead", 60, async || {
            let answer = stack.mparticle.deliver(Transport::Http, &message::verification(&customer.account)).await?;
            Ok(answer["suspend_subscription"] == true)
        })
        .await?;

        // A colleague's authorisation does not stand in for it; the page says so.
        let advertisers = vec![customer.account.advertiser_id.clone()];
        let colleague = stack.tiktok.create_person(&NewPerson { advertisers, ..NewPerson::default() }).await?;
        visit.arrive_after(&NewGrant::of(&colleague.core_user_id)).await?;
        visit.token().await?;
        says(
            &visit.tab.text("main").await?,
            &["A connection still needs a new token", "another TikTok user", "paste the new token"],
        )?;
        look(&visit.tab, "another-users").await?;

        visit.authorise(&person.key).await?;
        visit.token().await?;
        says(&visit.tab.text("main").await?, &["Connected again", "flow again by themselves", "need not paste"])?;
        look(&visit.tab, "repaired").await?;
        stack.arrives(&model, 150).await?;
        ensure!(stack.take_letters().await?.is_empty());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_token_that_may_not_manage_audiences_displaces_none_that_works() -> Result<()> {
    visit(Options::new(), async |visit| {
        let stack = visit.stack;
        let customer = stack.customer("Kept").await?;
        let audience = stack.connect(&customer.account, 1, "Kept").await?;
        visit.arrive_after(&NewGrant::of(&customer.person).scopes(&[1, 4])).await?;
        visit.token().await?;
        says(&visit.tab.text("main").await?, &["One permission is missing", "left as it was", "Nothing got worse"])?;
        look(&visit.tab, "kept").await?;

        let people = People::new("kept").plain(10);
        let profiles = Profile::all(&people, &audience, Action::Add);
        let mut model = Model::default();
        stack.change(&mut model, Transport::Http, &customer.account, &profiles).await?;
        stack.arrives(&model, 60).await
    })
    .await
}
