//! What TikTok will never take stands alone in the dead-letter queue, with the reason; everything beside it is delivered.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use e2e::{
    Action, Audience, Expected, Letter, Model, Options, People, Profile, Stack, Transport, letters, message, story,
    until,
};

/// How many messages for a deleted audience come one after the other when it is known.
const LATER: usize = 12;

/// The calls that carried users of an advertiser.
async fn mapping_calls(stack: &Stack, advertiser_id: &str) -> Result<usize> {
    let calls = stack.tiktok.journal_of(advertiser_id).await?;
    Ok(calls.iter().filter(|call| call.path == "/segment/mapping/").count())
}

/// What a dead letter says of TikTok's refusal.
fn refusal(letter: &Letter) -> [&str; 2] {
    ["cause", "code"].map(|name| letter.attribute(name))
}

pub(crate) async fn a_deleted_audience_is_rejected_once_and_costs_no_later_batch_a_call() -> Result<()> {
    story(Options::shared(), async |stack| {
        let customer = stack.customer("Deletes by hand").await?;
        let account = &customer.account;
        let (kept, gone) = (stack.connect(account, 1, "Kept").await?, stack.connect(account, 2, "Gone").await?);
        let gone_id = gone.tiktok_id.clone().context("an id")?;
        stack.tiktok.delete_audience(&gone_id).await?;

        let people = People::new("deleted audience").plain(2_000);
        let changes = vec![(&kept, Action::Add), (&gone, Action::Add)];
        let mut model = Model::default();
        for people in people.chunks(1_000) {
            model.apply(&Profile::all(people, &kept, Action::Add));
            let both: Vec<_> = people.iter().map(|person| Profile { person, changes: changes.clone() }).collect();
            stack.mparticle.deliver(Transport::Http, &message::membership(account, &both)).await?;
        }
        stack.arrives(&model).await?;
        let letters = stack.take_letters_with(2_000).await?;
        ensure!(letters.iter().all(|letter| refusal(letter) == ["audience_missing", "40007"]), "{letters:#?}");
        ensure!(letters.iter().all(|letter| letter.attribute("message").contains(&gone_id)), "{letters:#?}");
        ensure!(letters.iter().all(|letter| !letter.attribute("request_id").is_empty()), "{letters:#?}");
        ensure!(letters.iter().all(|letter| !letter.attribute("firehose_message_id").is_empty()), "{letters:#?}");

        // It is remembered: later changes for it are given up without a call. Two uploaders may run, and each learns it by itself, whenever
        // it has its first of these changes; without the memory each message would cost a call.
        let before = mapping_calls(stack, &account.advertiser_id).await?;
        for people in people[..LATER * 10].chunks(10) {
            let profiles = Profile::all(people, &gone, Action::Delete);
            stack.mparticle.deliver(Transport::Http, &message::membership(account, &profiles)).await?;
            stack.take_letters_with(10).await?;
        }
        let more = mapping_calls(stack, &account.advertiser_id).await? - before;
        ensure!(more < LATER, "{more} calls for an audience that is known to be gone");
        Ok(())
    })
    .await
}

pub(crate) async fn bad_rows_spread_over_a_call_stand_alone() -> Result<()> {
    story(Options::shared(), async |stack| {
        let (customer, audience) = stack.connected("Poisoned").await?;
        let people = People::new("poison").plain(1_000);
        let mut bad = BTreeSet::new();
        for person in people.iter().skip(31).step_by(61) {
            let Expected::Uploaded(_, hash) = &person.devices[0].expected else { anyhow::bail!("no id") };
            stack.tiktok.poison(hash, 40002, "id is not acceptable").await?;
            bad.insert(person.mpid.clone());
        }
        ensure!(bad.len() == 16);
        let mut model = Model::default();
        let profile = |person| Profile::of(person, &audience, Action::Add);
        let good: Vec<_> = people.iter().filter(|person| !bad.contains(&person.mpid)).map(profile).collect();
        model.apply(&good);
        let all: Vec<_> = people.iter().map(profile).collect();
        stack.mparticle.deliver(Transport::Lambda, &message::membership(&customer.account, &all)).await?;
        stack.arrives(&model).await?;

        let letters = stack.take_letters_with(16).await?;
        ensure!(letters.iter().all(|letter| refusal(letter) == ["rejected", "40002"]), "{letters:#?}");
        ensure!(
            letters.iter().all(|letter| letter.attribute("message").ends_with("id is not acceptable")),
            "{letters:#?}"
        );
        let rows = letters.iter().flat_map(Letter::rows);
        let told: BTreeSet<_> = rows.filter_map(|row| row["mpid"].as_str().map(str::to_owned)).collect();
        ensure!(told == bad, "{told:?}");
        Ok(())
    })
    .await
}

pub(crate) async fn a_letter_for_an_audience_that_was_never_connected_finds_it_when_it_is_sent_again() -> Result<()> {
    story(Options::shared(), async |stack| {
        let (customer, _) = stack.connected("Connects later").await?;
        let account = &customer.account;
        let unknown =
            Audience { audience_id: 77, name: "Connected later".to_owned(), by_email: false, tiktok_id: None };
        let people = People::new("connected later").plain(30);
        let profiles = Profile::all(&people, &unknown, Action::Add);
        stack.mparticle.deliver(Transport::Http, &message::membership(account, &profiles)).await?;
        let letters = stack.take_letters_with(30).await?;
        ensure!(letters.iter().all(|letter| letter.cause() == "no_audience"), "{letters:#?}");

        let connected = stack.connect(account, 77, "Connected later").await?;
        let again: Vec<_> = (0..).zip(&letters).map(|(lane, letter)| letter.again(lane % 16)).collect();
        stack.queue.send(&again).await?;
        let mut model = Model::default();
        model.apply(&Profile::all(&people, &connected, Action::Add));
        stack.arrives(&model).await?;

        // Where there is still none, it comes back as a letter.
        let never = Audience { audience_id: 78, ..unknown };
        let profiles = Profile::all(&people[..5], &never, Action::Add);
        stack.mparticle.deliver(Transport::Http, &message::membership(account, &profiles)).await?;
        let letters = stack.take_letters_with(5).await?;
        stack.queue.send(&[letters[0].again(0)]).await?;
        let back = stack.take_letters_with(letters[0].changes()).await?;
        ensure!(back.iter().all(|letter| letter.cause() == "no_audience"), "{back:#?}");
        until("nothing of it is left", async || Ok(letters::changes(&stack.take_letters().await?) == 0)).await
    })
    .await
}
