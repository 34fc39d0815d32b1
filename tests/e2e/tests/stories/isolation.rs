//! What TikTok will never take stands alone in the dead-letter queue, with the reason; everything beside it is delivered.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use e2e::mparticle::Door;
use e2e::queue::Received;
use e2e::{Action, Fate, Model, Options, People, Profile, Stack, message, story, until};
use serde_json::json;

/// The calls that carried users of an advertiser.
async fn mapping_calls(stack: &Stack, advertiser_id: &str) -> Result<usize> {
    let calls = stack.tiktok.journal_of(advertiser_id).await?;
    Ok(calls.iter().filter(|call| call.path == "/segment/mapping/").count())
}

/// What a dead letter of TikTok's refusal says.
fn told(letter: &Received) -> [&str; 2] {
    ["reason", "code"].map(|name| letter.attribute(name))
}

#[tokio::test]
async fn a_deleted_audience_costs_a_handful_of_calls_and_no_other_audience_anything() -> Result<()> {
    story(Options::new(), async |stack| {
        let customer = stack.customer("Deletes by hand").await?;
        let account = &customer.account;
        let (kept, gone) = (stack.connect(account, 1, "Kept").await?, stack.connect(account, 2, "Gone").await?);
        let gone_id = gone.tiktok_id.clone().context("an id")?;
        stack.tiktok.delete_audience(&gone_id).await?;

        let people = People::new("deleted audience").plain(4_000);
        let changes = vec![(&kept, Action::Add), (&gone, Action::Add)];
        let mut model = Model::default();
        stack.uploader.hold().await?;
        for people in people.chunks(1_000) {
            // The model knows the audience as one that TikTok does not have.
            let only_kept = Profile::all(people, &kept, Action::Add);
            model.apply(&only_kept);
            let both: Vec<_> = people.iter().map(|person| Profile { person, changes: changes.clone() }).collect();
            stack.mparticle.deliver(Door::Http, &message::membership(account, &both)).await?;
        }
        stack.uploader.release().await?;
        stack.arrives(&model, 120).await?;
        let calls = mapping_calls(stack, &account.advertiser_id).await?;
        assert!(calls <= 4 + 4 * 10, "{calls} calls");

        let letters = stack.dead_letters.take_all().await?;
        assert!(letters.iter().all(|letter| told(letter) == ["rejected", "40007"]), "{letters:#?}");
        assert!(letters.iter().all(|letter| letter.attribute("message").contains(&gone_id)), "{letters:#?}");
        assert!(letters.iter().all(|letter| !letter.attribute("request_id").is_empty()), "{letters:#?}");
        assert_eq!(letters.iter().map(Received::changes).sum::<usize>(), 4_000);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_poison_row_in_five_thousand_stands_alone() -> Result<()> {
    story(Options::new(), async |stack| {
        let customer = stack.customer("Poisoned").await?;
        let audience = stack.connect(&customer.account, 1, "Poisoned").await?;
        let people = People::new("poison").plain(5_000);
        let poisoned = &people[3_210];
        let Fate::Uploaded(_, hash) = &poisoned.devices[0].fate else { anyhow::bail!("no id") };
        stack.tiktok.poison(hash, 40002, "id is not acceptable").await?;

        let mut model = Model::default();
        stack.uploader.hold().await?;
        for people in people.chunks(1_000) {
            let profile = |person| Profile::of(person, &audience, Action::Add);
            let good: Vec<_> = people.iter().filter(|person| person.mpid != poisoned.mpid).map(profile).collect();
            model.apply(&good);
            let all: Vec<_> = people.iter().map(profile).collect();
            stack.mparticle.deliver(Door::Direct, &message::membership(&customer.account, &all)).await?;
        }
        stack.uploader.release().await?;
        stack.arrives(&model, 120).await?;
        let calls = mapping_calls(stack, &customer.account.advertiser_id).await?;
        assert!(calls <= 5 + 2 * 10 + 1, "{calls} calls: five, and two for each halving of a thousand rows");

        let letters = stack.dead_letters.take_all().await?;
        assert_eq!(letters.len(), 1, "{letters:#?}");
        assert_eq!(told(&letters[0]), ["rejected", "40002"]);
        assert!(letters[0].attribute("message").ends_with("id is not acceptable"), "{letters:#?}");
        let envelope = letters[0].envelope()?;
        let rows: Vec<_> =
            envelope.rows.iter().map(|row| (row.mpid.map(|mpid| mpid.to_string()), row.ids.len())).collect();
        assert_eq!(rows, [(Some(poisoned.mpid.clone()), 1)]);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_revoked_advertiser_among_five_waits_alone_and_a_new_token_of_the_same_person_heals_it() -> Result<()> {
    story(Options::new(), async |stack| {
        let mut people = People::new("five advertisers");
        let (mut customers, mut audiences) = (Vec::new(), Vec::new());
        for name in ["One", "Two", "Three", "Four", "Five"] {
            let customer = stack.customer(name).await?;
            audiences.push(stack.connect(&customer.account, 1, name).await?);
            customers.push(customer);
        }
        let revoked = &customers[2];
        stack.tiktok.revoke(&revoked.account.token).await?;
        let (mut model, mut waiting) = (Model::default(), BTreeMap::new());
        stack.uploader.hold().await?;
        for (customer, audience) in customers.iter().zip(&audiences) {
            let people = people.plain(600);
            let profiles = Profile::all(&people, audience, Action::Add);
            stack.change(&mut model, Door::Http, &customer.account, &profiles).await?;
            waiting.insert(audience.tiktok_id.clone(), customer.account.advertiser_id.clone());
        }
        stack.uploader.release().await?;

        until("the other four are served", 30, async || {
            Ok(stack.logs().await?.total("uploader", "changes_delivered") == 4 * 600)
        })
        .await?;
        let logs = stack.logs().await?;
        let batches: Vec<_> =
            logs.of("uploader").filter(|line| line["message"] == "batch" && line["users"] != 0).collect();
        assert_eq!(batches.len(), 1, "in one invocation: {batches:?}");
        assert_eq!((&batches[0]["messages"], &batches[0]["returned"]), (&json!(5), &json!(1)));
        let behind: Vec<_> =
            model.compare(&stack.tiktok).await?.into_iter().filter(|audience| !audience.agrees()).collect();
        let behind: Vec<_> = behind.into_iter().map(|audience| waiting[&Some(audience.audience_id)].clone()).collect();
        assert_eq!(behind, std::slice::from_ref(&revoked.account.advertiser_id));
        assert_eq!(mapping_calls(stack, &revoked.account.advertiser_id).await?, 1);

        // mParticle is told within the 30 seconds for which the record is kept in memory.
        until("mParticle is told that the connection is dead", 35, async || {
            let answer = stack.mparticle.deliver(Door::Http, &message::verification(&revoked.account)).await?;
            answer["suspend_subscription"].as_bool().context("suspend_subscription")
        })
        .await?;
        // It stays without calls when its messages come back.
        assert_eq!(mapping_calls(stack, &revoked.account.advertiser_id).await?, 1);

        let mut renewed = revoked.account.clone();
        renewed.token = stack.tiktok.token(&revoked.person).await?.access_token;
        stack.hush.word(&renewed.token);
        stack.mparticle.deliver(Door::Http, &message::subscription(&renewed, &audiences[2], "update")).await?;
        stack.arrives(&model, 120).await
    })
    .await
}
