//! Tokens that TikTok refuses: who is given up and who is not, and every way in which a connection comes back to life.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::consent::TICKED;
use e2e::{
    Account, Action, Audience, Customer, Model, Options, People, Profile, Stack, Transport, message, story, until,
};
use sandbox::Fault;

const MAPPING: &str = "/segment/mapping/";

/// A stack on which a connection is dead as soon as a second call confirms the first refusal. Others are healthy there, so that a
/// revoked token is its owner's trouble.
fn without_grace() -> Options {
    Options::shared().with("TokenGraceSeconds", "0")
}

/// Somebody with a connected audience, some of whose changes were delivered, and healthy customers beside him.
struct Scene<'s> {
    stack: &'s Stack,
    healthy: Vec<(Customer, Audience)>,
    customer: Customer,
    audience: Audience,
    model: Model,
}

impl<'s> Scene<'s> {
    async fn set(stack: &'s Stack, name: &'static str) -> Result<Self> {
        let mut scene = Self::before_the_first_change(stack, name).await?;
        scene.join(&scene.customer.account.clone(), name, 10).await?;
        stack.arrives(&scene.model).await?;
        Ok(scene)
    }

    async fn before_the_first_change(stack: &'s Stack, name: &'static str) -> Result<Self> {
        let mut healthy = Vec::new();
        for _ in 0..3 {
            healthy.push(stack.connected("Healthy").await?);
        }
        let (customer, audience) = stack.connected(name).await?;
        Ok(Self { stack, healthy, customer, audience, model: Model::default() })
    }

    /// People join the audience by messages of this configuration. Returns whether mParticle is told to suspend it.
    async fn join(&mut self, account: &Account, seed: &'static str, count: usize) -> Result<bool> {
        let people = People::new(seed).plain(count);
        let profiles = Profile::all(&people, &self.audience, Action::Add);
        let answer = self.stack.change(&mut self.model, Transport::Http, account, &profiles).await?;
        Ok(answer["suspend_subscription"] == true)
    }

    /// A change of each healthy customer: the uploader sees that TikTok accepts others.
    async fn healthy_change(&self) -> Result<()> {
        let person = People::new("healthy").plain(1);
        for (customer, audience) in &self.healthy {
            let profiles = Profile::all(&person, audience, Action::Add);
            let message = message::membership(&customer.account, &profiles);
            self.stack.mparticle.deliver(Transport::Lambda, &message).await?;
        }
        Ok(())
    }

    /// Revokes the token of this configuration, sends some changes, and waits until mParticle is told to suspend it.
    async fn dies(&mut self, account: &Account, seed: &'static str) -> Result<()> {
        self.stack.tiktok.revoke(&account.token).await?;
        self.join(account, seed, 50).await?;
        until("mParticle is told that the connection is dead", async || {
            self.healthy_change().await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.stack.is_suspended(account).await
        })
        .await?;
        ensure!(self.stack.state(account).await? == "dead");
        // It costs no mapping calls while it waits.
        let calls = mapping_calls(self.stack, account).await?;
        tokio::time::sleep(Duration::from_secs(12)).await;
        ensure!(mapping_calls(self.stack, account).await? == calls, "mapping calls with a dead token");
        Ok(())
    }

    /// Waits until everything arrived, and mParticle is told that the connection lives.
    async fn lives(&self, account: &Account) -> Result<()> {
        // An instance of ingest that holds the record of before learns of it at a verification.
        let lives = async || Ok(!self.stack.is_suspended(account).await?);
        until("mParticle is told that it lives", lives).await?;
        self.stack.arrives(&self.model).await?;
        ensure!(self.stack.state(account).await? == "active");
        Ok(())
    }
}

async fn mapping_calls(stack: &Stack, account: &Account) -> Result<usize> {
    let calls = stack.tiktok.journal_of(&account.advertiser_id).await?;
    Ok(calls.iter().filter(|call| call.path == MAPPING).count())
}

pub(crate) async fn a_dead_connection_is_healed_by_the_page_without_pasting() -> Result<()> {
    story(without_grace(), async |stack| {
        let mut scene = Scene::set(stack, "Healed by the page").await?;
        let Customer { account, person } = scene.customer.clone();
        scene.dies(&account, "waiting for the page").await?;
        let shown = stack.authorize(&person, &TICKED).await?.authorized()?;
        ensure!(stack.connection(&account).await?["token"] == shown.token);
        // mParticle still sends the old token.
        scene.lives(&account).await
    })
    .await
}

pub(crate) async fn a_dead_connection_is_healed_by_pasting_a_new_token() -> Result<()> {
    story(without_grace(), async |stack| {
        let mut scene = Scene::set(stack, "Healed by pasting").await?;
        let account = scene.customer.account.clone();
        scene.dies(&account, "waiting for a token").await?;
        let renewed = stack.renewed(&scene.customer).await?;
        ensure!(!scene.join(&renewed, "with the new token", 20).await?, "suspended with a token that TikTok accepts");
        scene.lives(&renewed).await?;
        ensure!(stack.connection(&renewed).await?["token"] == renewed.token);
        Ok(())
    })
    .await
}

pub(crate) async fn a_dead_connection_comes_back_with_the_older_token_that_its_customer_goes_back_to() -> Result<()> {
    story(without_grace(), async |stack| {
        // The uploader, which remembers a living connection for five minutes, sees it with the newer token first.
        let mut scene = Scene::before_the_first_change(stack, "Goes back").await?;
        let (older, newer) = (scene.customer.account.clone(), stack.renewed(&scene.customer).await?);
        let update = message::subscription(&newer, &scene.audience, "update");
        stack.mparticle.deliver(Transport::Http, &update).await?;
        // While the newer one lives, a message with the older one changes nothing.
        scene.join(&older, "older token", 10).await?;
        stack.arrives(&scene.model).await?;
        ensure!(stack.connection(&older).await?["token"] == newer.token);

        scene.dies(&newer, "waiting for the older token").await?;
        scene.join(&older, "back to the older token", 20).await?;
        scene.lives(&older).await?;
        ensure!(stack.connection(&older).await?["token"] == older.token);
        Ok(())
    })
    .await
}

pub(crate) async fn a_former_agency_dies_alone() -> Result<()> {
    story(without_grace(), async |stack| {
        let mut scene = Scene::set(stack, "Former agency").await?;
        let client = stack.colleague(&scene.customer).await?;
        let clients = stack.connect(&client.account, 2, "The client's").await?;
        let agency = scene.customer.account.clone();
        scene.dies(&agency, "of the agency").await?;

        // The client is served with its own token, and authorizing again gives nothing to the agency.
        let (people, mut model) = (People::new("of the client").plain(80), Model::default());
        let profiles = Profile::all(&people, &clients, Action::Add);
        stack.change(&mut model, Transport::Http, &client.account, &profiles).await?;
        stack.arrives(&model).await?;
        stack.authorize(&client.person, &TICKED).await?.authorized()?;
        ensure!(stack.state(&agency).await? == "dead" && stack.state(&client.account).await? == "active");
        ensure!(
            stack.connection(&client.account).await?["token"] == client.account.token,
            "a living token was replaced"
        );

        let renewed = stack.renewed(&scene.customer).await?;
        let update = message::subscription(&renewed, &scene.audience, "update");
        stack.mparticle.deliver(Transport::Http, &update).await?;
        scene.lives(&renewed).await
    })
    .await
}

pub(crate) async fn every_token_refused_for_a_while_kills_nobody() -> Result<()> {
    story(Options::new().with("TokenGraceSeconds", "10"), async |stack| {
        let (mut people, mut model, mut connections) = (People::new("all refused"), Model::default(), Vec::new());
        for name in ["One", "Two", "Three", "Four", "Five", "Six"] {
            connections.push(stack.connected(name).await?);
        }
        stack.tiktok.fault(Fault::tokens_refused()).await?;
        for round in 0..2 {
            for (customer, audience) in &connections {
                let profiles_of = people.plain(30);
                let profiles = Profile::all(&profiles_of, audience, Action::Add);
                stack.change(&mut model, Transport::Http, &customer.account, &profiles).await?;
            }
            tokio::time::sleep(Duration::from_secs(if round == 0 { 12 } else { 10 })).await;
        }
        for (customer, _) in &connections {
            ensure!(!stack.is_suspended(&customer.account).await?, "a customer is suspended for everybody's trouble");
        }
        stack.tiktok.clear_faults().await?;
        stack.arrives(&model).await?;
        for (customer, _) in &connections {
            ensure!(stack.state(&customer.account).await? == "active");
            ensure!(!stack.is_suspended(&customer.account).await?);
        }
        Ok(())
    })
    .await
}

pub(crate) async fn where_too_many_messages_wait_those_of_a_dead_connection_are_given_up() -> Result<()> {
    let options = Options::new().with("MaxWaitingMessages", "0").with("TokenGraceSeconds", "0");
    story(options, async |stack| {
        let scene = Scene::set(stack, "Never comes back").await?;
        stack.tiktok.revoke(&scene.customer.account.token).await?;
        let people = People::new("too many").plain(600);
        for people in people.chunks(50) {
            let profiles = Profile::all(people, &scene.audience, Action::Add);
            let message = message::membership(&scene.customer.account, &profiles);
            stack.mparticle.deliver(Transport::Http, &message).await?;
        }
        // Only what would hide others from SQS: of each lane that gave ten messages.
        until("the crowd is given up", async || {
            scene.healthy_change().await?;
            Ok(stack.queue.depth().await?.all() <= 16 * 10)
        })
        .await?;
        // What is left would wait for the customer, who never comes back.
        stack.queue.purge().await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let given_up = stack.take_letters().await?;
        ensure!(!given_up.is_empty() && given_up.iter().all(|letter| letter.cause() == "crowded"), "{given_up:#?}");
        let dead = scene.customer.account.account_id.to_string();
        ensure!(given_up.iter().all(|letter| letter.attribute("account") == dead), "{given_up:#?}");
        Ok(())
    })
    .await
}
