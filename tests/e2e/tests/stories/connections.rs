//! Connecting and disconnecting audiences: once, again, many times at once.

use std::collections::HashSet;

use anyhow::Result;
use e2e::{Account, Action, Audience, Model, Options, People, Profile, Stack, Transport, message, story};
use futures::future::try_join_all;

/// The advertiser's audiences that are there.
async fn at_tiktok(stack: &Stack, account: &Account) -> Result<HashSet<String>> {
    let audiences = stack.tiktok.audiences(&account.advertiser_id).await?;
    Ok(audiences.into_iter().filter(|audience| !audience.deleted).map(|audience| audience.audience_id).collect())
}

pub(crate) async fn connecting_again_finds_the_audience_that_is_there() -> Result<()> {
    story(Options::shared(), async |stack| {
        let account = stack.customer("Again").await?.account;
        let long = "A name as long as mParticle allows, which is a hundred characters and more than TikTok keeps of it";
        let (one, other) = (stack.connect(&account, 1, long).await?, stack.connect(&account, 2, long).await?);
        assert_ne!(one.tiktok_id, other.tiktok_id, "alike in the 70 characters that TikTok keeps");
        for name in [long, "Renamed meanwhile"] {
            assert_eq!(stack.connect(&account, 1, name).await?.tiktok_id, one.tiktok_id);
        }
        let updated =
            stack.mparticle.deliver(Transport::Lambda, &message::subscription(&account, &other, "update")).await?;
        assert_eq!(updated["audience_subscription_settings"]["tiktokAudienceId"].as_str(), other.tiktok_id.as_deref());
        assert_eq!(at_tiktok(stack, &account).await?.len(), 2);
        Ok(())
    })
    .await
}

pub(crate) async fn connecting_many_times_at_once_leaves_one_audience() -> Result<()> {
    story(Options::shared(), async |stack| {
        let account = stack.customer("At once").await?.account;
        for audience_id in 1..=3 {
            let connecting = (0..4).map(|_| stack.connect(&account, audience_id, "At once"));
            let connected: HashSet<_> =
                try_join_all(connecting).await?.into_iter().filter_map(|audience| audience.tiktok_id).collect();
            let there = at_tiktok(stack, &account).await?;
            assert_eq!(there.len(), usize::try_from(audience_id)?, "a twin is left: {there:?}, {connected:?}");
            assert_eq!(connected.len(), 1, "one audience, and two ids of it: {there:?}, {connected:?}");
            assert!(connected.is_subset(&there), "the id of an audience that is gone: {there:?}, {connected:?}");
        }
        Ok(())
    })
    .await
}

pub(crate) async fn disconnecting_deletes_the_audience_unless_a_campaign_uses_it() -> Result<()> {
    story(Options::shared(), async |stack| {
        let account = stack.customer("Disconnects").await?.account;
        let audience = stack.connect(&account, 1, "In use").await?;
        let id = audience.tiktok_id.clone().unwrap_or_default();
        stack.tiktok.set_in_use(&id, true).await?;
        let remove = message::subscription(&account, &audience, "remove");
        for transport in Transport::BOTH {
            let refusal = stack.mparticle.send(transport, &remove).await?.refusal()?;
            assert_eq!(refusal.told.code, "tiktok_refused", "{refusal}");
            assert!(refusal.told.message.contains("40002") && refusal.told.message.contains("request_id"), "{refusal}");
        }
        stack.tiktok.set_in_use(&id, false).await?;
        for _ in ["there", "gone already"] {
            stack.mparticle.send(Transport::Http, &remove).await?.response()?;
            assert_eq!(at_tiktok(stack, &account).await?, HashSet::new());
        }
        let never = Audience { tiktok_id: None, ..audience };
        stack.mparticle.send(Transport::Http, &message::subscription(&account, &never, "remove")).await?.response()?;
        Ok(())
    })
    .await
}

pub(crate) async fn two_configurations_never_share_an_audience() -> Result<()> {
    story(Options::shared(), async |stack| {
        let first = stack.customer("Two configurations").await?.account;
        let second = stack.another_configuration(&first);
        let (one, other) =
            (stack.connect(&first, 1, "Same name").await?, stack.connect(&second, 1, "Same name").await?);
        assert_ne!(one.tiktok_id, other.tiktok_id);
        let people = People::new("two configurations").plain(20);
        let mut model = Model::default();
        for (account, audience) in [(&first, &one), (&second, &other)] {
            let profiles = Profile::all(&people, audience, Action::Add);
            stack.change(&mut model, Transport::Http, account, &profiles).await?;
        }
        stack.arrives(&model, 60).await?;
        // What one disconnects stays for the other.
        stack.mparticle.deliver(Transport::Http, &message::subscription(&first, &one, "remove")).await?;
        assert_eq!(at_tiktok(stack, &first).await?, other.tiktok_id.iter().cloned().collect());
        let mut model = Model::default();
        model.apply(&Profile::all(&people, &other, Action::Add));
        let leaving = Profile::all(&people[..5], &other, Action::Delete);
        stack.change(&mut model, Transport::Lambda, &second, &leaving).await?;
        stack.arrives(&model, 60).await
    })
    .await
}
