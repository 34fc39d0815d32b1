//! Of each id the newest change wins, whoever it came with and whatever the token was when it was sent.

use anyhow::{Result, ensure};
use e2e::{Action, Model, Options, People, Person, Profile, Transport, message, story, until};

pub(crate) async fn two_people_with_one_device_are_one_id() -> Result<()> {
    story(Options::shared(), async |stack| {
        let (customer, audience) = stack.connected("One device").await?;
        let owners = People::new("one device").of_every_kind(40);
        // Their children, say: other MPIDs, the same devices.
        let others: Vec<_> = People::new("others")
            .plain(40)
            .into_iter()
            .zip(&owners)
            .map(|(other, owner)| Person { devices: owner.devices.clone(), ..other })
            .collect();
        let mut model = Model::default();
        let all = |people, action| Profile::all(people, &audience, action);
        let messages = [
            all(&owners, Action::Add),
            [all(&owners[..20], Action::Delete), all(&others[..20], Action::Add)].concat(),
            [all(&others[10..30], Action::Delete), all(&owners[25..], Action::Add)].concat(),
            all(&others[..5], Action::Delete),
        ];
        for (number, profiles) in messages.iter().enumerate() {
            stack.change(&mut model, Transport::BOTH[number % 2], &customer.account, profiles).await?;
        }
        stack.arrives(&model).await
    })
    .await
}

pub(crate) async fn a_change_sent_before_the_token_changed_uses_the_new_one() -> Result<()> {
    story(Options::shared(), async |stack| {
        let (customer, audience) = stack.connected("Changes the token").await?;
        let people = People::new("token changed").plain(30);
        let mut model = Model::default();
        stack.tiktok.revoke(&customer.account.token).await?;
        let join = Profile::all(&people, &audience, Action::Add);
        stack.change(&mut model, Transport::Http, &customer.account, &join).await?;
        until("the token is refused", async || Ok(stack.state(&customer.account).await? != "active")).await?;
        // Newer than what waits: it must not be passed by it.
        let renewed = stack.renewed(&customer).await?;
        let leave = Profile::all(&people[..10], &audience, Action::Delete);
        stack.change(&mut model, Transport::Http, &renewed, &leave).await?;
        stack.arrives(&model).await?;
        let verified = stack.mparticle.deliver(Transport::Lambda, &message::verification(&renewed)).await?;
        ensure!(verified["suspend_subscription"] == false, "{verified}");
        Ok(())
    })
    .await
}
