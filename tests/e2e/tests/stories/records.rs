//! The secrets that the product lives on: records that are slow, gone, broken or written at the same time, and rotated tokens.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::cloud::{AwsFault, AwsFaultKind};
use e2e::consent::TICKED;
use e2e::mparticle::Answer;
use e2e::{Action, Model, Options, People, Profile, Stack, Transport, message, story, until};
use futures::future::{try_join, try_join_all};
use serde_json::json;

/// Whether HTTPS is open to a Firehose token.
async fn opens(stack: &Stack, token: &str) -> Result<bool> {
    let message = message::verification(&stack.customer("Rotates").await?.account).to_string().into_bytes();
    match stack.mparticle.post(message, Some(&format!("Token {token}"))).await? {
        Answer::Response(_) => Ok(true),
        Answer::Refused(refusal) => {
            assert_eq!(refusal.status, Some(401), "{refusal}");
            Ok(false)
        }
    }
}

pub(crate) async fn a_firehose_token_is_rotated_and_secrets_may_end_in_a_line_feed() -> Result<()> {
    story(Options::new(), async |stack| {
        let (old, new) = (stack.mparticle.token.as_str(), "the-new-token-of-the-firehose-0123456789");
        stack.confidential.add(new);
        ensure!(opens(stack, old).await? && !opens(stack, new).await?);
        // As an editor leaves it: a line feed after each value, and after the whole.
        let put = async |value: serde_json::Value| {
            stack.cloud.put_secret(&stack.at.firehose_secret_id, &format!("{value}\n")).await
        };
        put(json!({ "current": format!("{new}\n"), "previous": format!("{old}\r\n") })).await?;
        until("the new token is valid", async || {
            ensure!(opens(stack, old).await?, "the old one stays valid");
            opens(stack, new).await
        })
        .await?;
        put(json!({ "current": new, "previous": null })).await?;
        stack.cloud.restart("ingest").await?;
        until("the old token is not valid any more", async || {
            ensure!(opens(stack, new).await?, "the new one stays valid");
            Ok(!opens(stack, old).await?)
        })
        .await?;

        let app = json!({ "app_id": stack.at.tiktok_app_id, "secret": format!("{}\n", stack.at.tiktok_app_secret) });
        stack.cloud.put_secret(&stack.at.app_secret_id, &format!("{app}\n")).await?;
        stack.cloud.restart("auth-redirect").await?;
        let person = stack.customer("Line feed").await?.person;
        stack.authorize(&person, &TICKED).await?.authorized().map(drop)
    })
    .await
}

pub(crate) async fn secrets_manager_down_with_a_warm_cache_costs_nothing() -> Result<()> {
    story(Options::new(), async |stack| {
        let (customer, audience) = stack.connected("Cached").await?;
        let (mut people, mut model) = (People::new("secrets manager down"), Model::default());
        let mut join = async |model: &mut Model| -> Result<()> {
            let people = people.plain(20);
            let profiles = Profile::all(&people, &audience, Action::Add);
            let answer = stack.change(model, Transport::Http, &customer.account, &profiles).await?;
            assert_eq!(answer["suspend_subscription"], false);
            Ok(())
        };
        join(&mut model).await?;
        stack.arrives(&model).await?;
        stack.cloud.fault(&AwsFault::secrets(AwsFaultKind::Down)).await?;
        for _ in 0..8 {
            join(&mut model).await?;
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        // Warm functions need nothing of Secrets Manager: the changes arrive while it is down. A second uploader that starts meanwhile makes
        // some of them wait, until the first one has them.
        stack.arrives(&model).await?;
        stack.cloud.clear_faults().await
    })
    .await
}

pub(crate) async fn a_record_that_is_being_deleted_or_cannot_be_read_keeps_changes_waiting() -> Result<()> {
    story(Options::new(), async |stack| {
        let (customer, audience) = stack.connected("Deleted record").await?;
        let account = &customer.account;
        let id = stack.at.record_of(&account.advertiser_id);
        let (mut people, mut model) = (People::new("deleted record"), Model::default());
        let secret = |operation, more: serde_json::Value| {
            let mut input = more;
            input["SecretId"] = json!(id);
            async move { stack.cloud.secrets(operation, &input).await }
        };
        let forget = async || -> Result<()> {
            // What was read before is forgotten.
            for function in ["ingest", "uploader"] {
                stack.cloud.restart(function).await?;
            }
            Ok(())
        };
        secret("DeleteSecret", json!({ "RecoveryWindowInDays": 7 })).await?;
        forget().await?;
        let person = people.plain(20);
        let profiles = Profile::all(&person, &audience, Action::Add);
        let answer = stack.change(&mut model, Transport::Http, account, &profiles).await?;
        assert_eq!(answer["suspend_subscription"], false);
        secret("RestoreSecret", json!({})).await?;
        stack.arrives(&model).await?;

        let record = stack.cloud.secret(&id).await?;
        for nonsense in [" ", "nonsense", "{\"version\":2,\"connections\":[null]}"] {
            stack.cloud.put_secret(&id, nonsense).await?;
            forget().await?;
            let person = people.plain(20);
            let profiles = Profile::all(&person, &audience, Action::Add);
            let answer = stack.change(&mut model, Transport::Http, account, &profiles).await?;
            assert_eq!(answer["suspend_subscription"], false);
            tokio::time::sleep(Duration::from_secs(3)).await;
            let text = secret("GetSecretValue", json!({})).await?["SecretString"].take();
            ensure!(text == nonsense, "what a person broke was overwritten");
        }
        stack.cloud.put_secret(&id, &record.to_string()).await?;
        stack.arrives(&model).await
    })
    .await
}

pub(crate) async fn writers_of_one_record_at_the_same_time_all_succeed() -> Result<()> {
    story(Options::shared(), async |stack| {
        // Ingest: several configurations of one advertiser, none of which has a record yet, connect at once.
        let first = stack.customer("Writers").await?;
        let mut configurations = vec![first.clone()];
        for _ in 1..4 {
            configurations.push(stack.colleague(&first).await?);
        }
        let connecting =
            configurations.iter().map(|one| stack.connect(&one.account, one.account.account_id, "Written at once"));
        let audiences = try_join_all(connecting).await?;
        for one in &configurations {
            ensure!(stack.connection(&one.account).await?["token"] == one.account.token, "a writer was overwritten");
        }
        // The uploader finds two tokens refused, the page replaces one of them, and a new one is pasted for the other.
        let (paged, pasted) = (&configurations[0], &configurations[1]);
        for one in [paged, pasted] {
            stack.tiktok.revoke(&one.account.token).await?;
        }
        let renewed = stack.renewed(pasted).await?;
        let mut people = People::new("writers");
        let mut model = Model::default();
        for (one, audience) in configurations.iter().zip(&audiences) {
            let people = people.plain(20);
            let profiles = Profile::all(&people, audience, Action::Add);
            stack.change(&mut model, Transport::Http, &one.account, &profiles).await?;
        }
        let update = message::subscription(&renewed, &audiences[1], "update");
        let (page, _) =
            try_join(stack.authorize(&paged.person, &TICKED), stack.mparticle.deliver(Transport::Http, &update))
                .await?;
        let shown = page.authorized()?;
        stack.arrives(&model).await?;
        let tokens = [&shown.token, &renewed.token, &configurations[2].account.token, &configurations[3].account.token];
        for (one, token) in configurations.iter().zip(tokens) {
            ensure!(stack.connection(&one.account).await?["token"] == **token, "the wrong token is in use");
            ensure!(stack.state(&one.account).await? == "active");
        }
        Ok(())
    })
    .await
}
