//! Audiences that are connected many times at once, and by two configurations.

use std::collections::HashSet;

use anyhow::Result;
use e2e::{Account, Action, Model, Options, People, Profile, Stack, Transport, message, story};
use futures::future::try_join_all;

/// The advertiser's audiences that are there.
async fn at_tiktok(stack: &Stack, account: &Account) -> Result<HashSet<String>> {
    let audiences = stack.tiktok.audiences(&account.advertiser_id).await?;
    Ok(audiences.into_iter().filter(|audience| !audience.deleted).map(|audience| audience.audience_id).collect())
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
        stack.arrives(&model).await?;
        // What one disconnects stays for the other.
        stack.mparticle.deliver(Transport::Http, &message::subscription(&first, &one, "remove")).await?;
        assert_eq!(at_tiktok(stack, &first).await?, other.tiktok_id.iter().cloned().collect());
        let mut model = Model::default();
        model.apply(&Profile::all(&people, &other, Action::Add));
        let leaving = Profile::all(&people[..5], &other, Action::Delete);
        stack.change(&mut model, Transport::Lambda, &second, &leaving).await?;
        stack.arrives(&model).await
    })
    .await
}
