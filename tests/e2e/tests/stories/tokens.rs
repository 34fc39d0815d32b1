//! Tokens that nobody vouches for, and several of one advertiser: each serves, and spoils, its own connection only.

use std::time::Duration;

use anyhow::{Context, Result};
use e2e::mparticle::Door;
use e2e::queue::Received;
use e2e::stack::Customer;
use e2e::{Account, Action, Audience, Model, Options, People, Profile, Stack, message, story, until};
use futures::future::try_join;
use sandbox::control::{NewAudience, NewPerson};

/// A second person who works in the customer's advertiser account, and her configuration in mParticle.
async fn another_admin(stack: &Stack, customer: &Customer) -> Result<Customer> {
    let advertisers = vec![customer.account.advertiser_id.clone()];
    let person = stack.tiktok.create_person(&NewPerson { advertisers, ..NewPerson::default() }).await?.core_user_id;
    let token = stack.tiktok.token(&person).await?.access_token;
    stack.hush.word(&token);
    Ok(Customer { account: Account { token, ..customer.account.clone() }, person })
}

/// The account with a new token of the same person.
async fn renewed(stack: &Stack, customer: &Customer) -> Result<Account> {
    let token = stack.tiktok.token(&customer.person).await?.access_token;
    stack.hush.word(&token);
    Ok(Account { token, ..customer.account.clone() })
}

/// Takes out the dead letters of connections without a living token, and counts their changes.
async fn given_up(stack: &Stack) -> Result<usize> {
    let letters = stack.dead_letters.take_all().await?;
    assert!(letters.iter().all(|letter| letter.reason() == "suspended"), "{letters:#?}");
    Ok(letters.iter().map(Received::changes).sum())
}

#[tokio::test]
async fn a_stranger_who_types_anothers_account_id_changes_nothing_for_him() -> Result<()> {
    story(Options::new().with("MessageMaxAgeSeconds", "15"), async |stack| {
        let (rightful, stranger) = (stack.customer("Rightful").await?, stack.customer("Stranger").await?);
        let audience = stack.connect(&rightful.account, 1, "Rightful").await?;
        let own = stack.connect(&stranger.account, 1, "The stranger's own").await?;
        let advertiser_id = rightful.account.advertiser_id.clone();
        let bogus = Account { account_id: 8, advertiser_id: advertiser_id.clone(), token: "f".repeat(40) };
        let reaching_out = Account { account_id: 9, advertiser_id, token: stranger.account.token.clone() };

        let mut people = People::new("stranger");
        let (his, others) = (people.plain(500), people.plain(100));
        let mut model = Model::default();
        stack.uploader.hold().await?;
        let send = async |account: &Account, profiles: &[Profile<'_>]| {
            stack.mparticle.deliver(Door::Http, &message::membership(account, profiles)).await
        };
        stack.change(&mut model, Door::Http, &rightful.account, &Profile::all(&his, &audience, Action::Add)).await?;
        // Newer than what the rightful one said of the same people.
        send(&bogus, &Profile::all(&his, &audience, Action::Delete)).await?;
        send(&reaching_out, &Profile::all(&others, &audience, Action::Add)).await?;
        stack.change(&mut model, Door::Http, &stranger.account, &Profile::all(&others, &own, Action::Add)).await?;
        stack.uploader.release().await?;
        until("the rightful one is served", 30, async || {
            Ok(model.compare(&stack.tiktok).await?.iter().all(e2e::model::Comparison::agrees))
        })
        .await?;

        for account in [&bogus, &reaching_out] {
            let audience = Audience { audience_id: 5, name: "Stolen".to_owned(), tiktok_id: None };
            let refusal = stack.mparticle.send(Door::Http, &message::subscription(account, &audience, "add")).await?;
            assert_eq!(refusal.refusal()?.told.code, "token_refused");
        }
        stack
            .change(&mut model, Door::Http, &rightful.account, &Profile::all(&his[..50], &audience, Action::Delete))
            .await?;
        stack.arrives(&model, 120).await?;
        assert_eq!(given_up(stack).await?, 600);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_former_agencys_dead_token_neither_harms_its_client_nor_is_healed_by_the_clients_new_one() -> Result<()> {
    story(Options::new().with("MessageMaxAgeSeconds", "20"), async |stack| {
        let client = stack.customer("Client").await?;
        let agency = another_admin(stack, &client).await?;
        let clients = stack.connect(&client.account, 1, "The client's").await?;
        let agencys = stack.connect(&agency.account, 2, "The agency's").await?;
        let mut people = People::new("agency");
        let mut model = Model::default();
        for (account, audience) in [(&client.account, &clients), (&agency.account, &agencys)] {
            let people = people.plain(50);
            stack.change(&mut model, Door::Http, account, &Profile::all(&people, audience, Action::Add)).await?;
        }
        stack.arrives(&model, 60).await?;

        stack.tiktok.revoke(&agency.account.token).await?;
        let (left, right) = (people.plain(70), people.plain(80));
        let waiting = Profile::all(&right, &agencys, Action::Add);
        stack.mparticle.deliver(Door::Http, &message::membership(&agency.account, &waiting)).await?;
        stack.change(&mut model, Door::Http, &client.account, &Profile::all(&left, &clients, Action::Add)).await?;
        until("the client is served, and the agency's token found dead", 30, async || {
            let dead = stack.logs().await?.total("uploader", "tokens_found_dead") == 1;
            Ok(dead && model.compare_one(&stack.tiktok, &clients).await?.agrees())
        })
        .await?;
        let update = message::subscription(&renewed(stack, &client).await?, &clients, "update");
        stack.mparticle.deliver(Door::Http, &update).await?;
        stack.arrives(&model, 90).await?;
        assert_eq!(given_up(stack).await?, 80);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn where_too_many_messages_wait_those_of_a_dead_connection_are_given_up() -> Result<()> {
    story(Options::new().with("MaxWaitingMessages", "0"), async |stack| {
        let customer = stack.customer("Never comes back").await?;
        let audience = stack.connect(&customer.account, 1, "Never comes back").await?;
        stack.tiktok.revoke(&customer.account.token).await?;
        let people = People::new("too many").plain(30);
        let message = message::membership(&customer.account, &Profile::all(&people, &audience, Action::Add));
        stack.mparticle.deliver(Door::Http, &message).await?;
        stack.queue.drained(Duration::from_mins(1)).await?;
        assert_eq!(given_up(stack).await?, 30);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn two_tokens_seen_first_at_the_same_time_are_both_kept() -> Result<()> {
    story(Options::new(), async |stack| {
        let one = stack.customer("At the same time").await?;
        let other = another_admin(stack, &one).await?;
        let advertiser_id = one.account.advertiser_id.clone();
        let new = NewAudience { advertiser_id, name: "There already".to_owned(), audience_type: None };
        let tiktok_id = Some(stack.tiktok.create_audience(&new).await?);
        let audience = Audience { audience_id: 1, name: new.name, tiktok_id };
        let mut people = People::new("same time");
        let mut model = Model::default();
        let mut message = |account: &Account| {
            let people = people.plain(20);
            let profiles = Profile::all(&people, &audience, Action::Add);
            model.apply(&profiles);
            message::membership(account, &profiles)
        };
        let (first, second) = (message(&one.account), message(&other.account));
        let deliver = |message| stack.mparticle.deliver(Door::Http, message);
        try_join(deliver(&first), deliver(&second)).await?;
        stack.arrives(&model, 60).await
    })
    .await
}

#[tokio::test]
async fn a_record_that_somebody_edited_into_nonsense_is_mended_by_the_next_message() -> Result<()> {
    story(Options::new(), async |stack| {
        let customer = stack.customer("Edited").await?;
        let audience = stack.connect(&customer.account, 1, "Edited").await?;
        let record = format!("{}{}", stack.at.advertiser_secret_prefix, customer.account.advertiser_id);
        let mut people = People::new("edited");
        let mut model = Model::default();
        for nonsense in ["", "nonsense", "[1,2]", "{\"tokens\":{\"a\":1}}", "{\"tokens\":[null,{\"token\":7}]}"] {
            stack.cloud.put_secret(&record, if nonsense.is_empty() { " " } else { nonsense }).await?;
            // What was read before is forgotten.
            for function in ["ingest", "uploader"] {
                stack.kill(function).await?;
            }
            let people = people.plain(20);
            stack
                .change(&mut model, Door::Http, &customer.account, &Profile::all(&people, &audience, Action::Add))
                .await?;
            stack.arrives(&model, 60).await?;
        }
        let tokens = stack.cloud.secret(&record).await?["tokens"].take();
        assert_eq!(tokens.as_array().context("tokens")?.len(), 1);
        Ok(())
    })
    .await
}
