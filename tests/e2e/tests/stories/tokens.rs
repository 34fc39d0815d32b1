//! Several tokens, users and configurations of one advertiser, and tokens that TikTok never gave: each connection keeps its own.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use e2e::consent::TICKED;
use e2e::{Account, Action, Audience, Customer, Model, Options, People, Profile, Stack, Transport, message, story};
use sandbox::control::PersonChange;

/// A token that no one granted.
fn invented(account: &Account) -> Account {
    Account { token: "f".repeat(40), ..account.clone() }
}

/// Sends 20 people for each configuration.
async fn join_all(
    stack: &Stack,
    model: &mut Model,
    people: &mut People,
    connections: &[(&Account, &Audience)],
) -> Result<()> {
    for (account, audience) in connections {
        let people = people.plain(20);
        let profiles = Profile::all(&people, audience, Action::Add);
        let answer = stack.change(model, Transport::Http, account, &profiles).await?;
        assert_eq!(answer["suspend_subscription"], false);
    }
    Ok(())
}

pub(crate) async fn five_authorizations_and_a_second_configuration_keep_their_tokens() -> Result<()> {
    story(Options::shared(), async |stack| {
        let Customer { account, person } = stack.customer("Authorizes again and again").await?;
        let mut shown = Vec::new();
        for _ in 0..5 {
            shown.push(stack.authorize(&person, &TICKED).await?.authorized()?.token);
        }
        ensure!(shown.iter().collect::<BTreeSet<_>>().len() == 5, "five tokens");
        let first = Account { token: shown[0].clone(), ..account };
        let second = Account { token: shown[4].clone(), ..stack.another_configuration(&first) };
        let (one, other) = (stack.connect(&first, 1, "First").await?, stack.connect(&second, 2, "Second").await?);
        // Two more authorizations leave both as they are, since TikTok accepts their tokens.
        for _ in 0..2 {
            stack.authorize(&person, &TICKED).await?.authorized()?;
        }
        let (mut people, mut model) = (People::new("five authorizations"), Model::default());
        join_all(stack, &mut model, &mut people, &[(&first, &one), (&second, &other)]).await?;
        stack.arrives(&model).await?;
        for account in [&first, &second] {
            let connection = stack.connection(account).await?;
            ensure!(connection["token"] == account.token, "a living token was replaced");
            ensure!(!stack.is_suspended(account).await?);
        }
        Ok(())
    })
    .await
}

pub(crate) async fn six_users_with_a_token_each_on_one_advertiser_all_deliver() -> Result<()> {
    story(Options::shared(), async |stack| {
        let mut users = vec![stack.customer("Six users").await?];
        for _ in 1..6 {
            users.push(stack.colleague(&users[0]).await?);
        }
        let mut audiences = Vec::new();
        for user in &users {
            audiences.push(stack.connect(&user.account, user.account.account_id, "Of one of six").await?);
        }
        let connections: Vec<_> = users.iter().map(|user| &user.account).zip(&audiences).collect();
        let (mut people, mut model) = (People::new("six users"), Model::default());
        for _ in 0..3 {
            join_all(stack, &mut model, &mut people, &connections).await?;
        }
        stack.arrives(&model).await?;
        for user in &users {
            ensure!(stack.state(&user.account).await? == "active");
            ensure!(stack.connection(&user.account).await?["token"] == user.account.token);
        }
        let used: BTreeSet<_> = mapping_calls(stack, &users[0].account.advertiser_id).await?.into_iter().collect();
        ensure!(used.len() == 6, "each connection calls with its own token: {used:?}");
        Ok(())
    })
    .await
}

/// The fingerprints of the tokens with which mapping calls were made.
async fn mapping_calls(stack: &Stack, advertiser_id: &str) -> Result<Vec<String>> {
    let calls = stack.tiktok.journal_of(advertiser_id).await?.into_iter();
    Ok(calls.filter(|call| call.path == "/segment/mapping/").filter_map(|call| call.token).collect())
}

pub(crate) async fn an_active_connection_whose_token_ended_when_its_owner_authorized_again_is_repaired_by_the_page()
-> Result<()> {
    story(Options::shared(), async |stack| {
        let (Customer { account, person }, audience) = stack.connected("Authorizes again").await?;
        let ends_older = PersonChange { authorizing_again_ends_older_tokens: Some(true), ..PersonChange::default() };
        stack.tiktok.change_person(&person, &ends_older).await?;
        let shown = stack.authorize(&person, &TICKED).await?.authorized()?;
        ensure!(stack.connection(&account).await?["token"] == shown.token, "the page did not replace the ended token");
        let (mut people, mut model) = (People::new("ended token"), Model::default());
        join_all(stack, &mut model, &mut people, &[(&account, &audience)]).await?;
        stack.arrives(&model).await?;
        ensure!(!stack.is_suspended(&account).await?);
        Ok(())
    })
    .await
}

pub(crate) async fn a_stranger_who_types_anothers_account_id_changes_nothing_for_him() -> Result<()> {
    story(Options::shared().with("MessageMaxAgeSeconds", "60"), async |stack| {
        let ((rightful, audience), (stranger, own)) =
            (stack.connected("Rightful").await?, stack.connected("Stranger").await?);
        let advertiser_id = rightful.account.advertiser_id.clone();
        // Settings can be typed; the number of the configuration is mParticle's own.
        let reaching_out = Account { advertiser_id, ..stack.another_configuration(&stranger.account) };
        let bogus = invented(&stack.another_configuration(&reaching_out));

        let mut people = People::new("stranger");
        let (his, others) = (people.plain(500), people.plain(100));
        let mut model = Model::default();
        let add = |people, audience| Profile::all(people, audience, Action::Add);
        stack.change(&mut model, Transport::Http, &rightful.account, &add(&his, &audience)).await?;
        // Newer than what the rightful one said of the same people.
        let leaving = message::membership(&bogus, &Profile::all(&his, &audience, Action::Delete));
        stack.mparticle.deliver(Transport::Http, &leaving).await?;
        let joining = message::membership(&reaching_out, &add(&others, &audience));
        stack.mparticle.deliver(Transport::Http, &joining).await?;
        stack.change(&mut model, Transport::Http, &stranger.account, &add(&others, &own)).await?;
        stack.arrives(&model).await?;

        for account in [&bogus, &reaching_out] {
            let audience = Audience { audience_id: 5, name: "Stolen".to_owned(), by_email: false, tiktok_id: None };
            let refusal =
                stack.mparticle.send(Transport::Http, &message::subscription(account, &audience, "add")).await?;
            assert_eq!(refusal.refusal()?.status, Some(400));
        }
        let leaving = Profile::all(&his[..50], &audience, Action::Delete);
        stack.change(&mut model, Transport::Http, &rightful.account, &leaving).await?;
        stack.arrives(&model).await?;
        ensure!(stack.connection(&reaching_out).await.is_err() && stack.connection(&bogus).await.is_err());
        ensure!(stack.state(&rightful.account).await? == "active" && !stack.is_suspended(&rightful.account).await?);
        let given_up = stack.take_letters_with(600).await?;
        ensure!(given_up.iter().all(|letter| letter.cause() == "token"), "{given_up:#?}");
        let rightful = rightful.account.account_id.to_string();
        ensure!(given_up.iter().all(|letter| letter.attribute("account") != rightful), "{given_up:#?}");
        Ok(())
    })
    .await
}
