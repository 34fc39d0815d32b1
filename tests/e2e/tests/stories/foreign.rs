//! What the product never put on the queue: it becomes a dead letter, waits where an update will read it, and blocks nothing else.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::queue::Outgoing;
use e2e::{Action, Model, Options, People, Profile, Transport, envelope, story};
use serde_json::json;

pub(crate) async fn foreign_messages_on_the_queue_become_letters_and_a_newer_version_waits() -> Result<()> {
    story(Options::new(), async |stack| {
        let (customer, audience) = stack.connected("Foreign").await?;
        let account = &customer.account;
        let mine = envelope::group(account, 3);
        let mut older = envelope::of(account, &[]);
        older["version"] = json!(1);
        let unreadable = [
            ("not an envelope", mine.as_str()),
            ("{\"version\":2}", "a-group-of-somebody-else"),
            ("[]", "7.8"),
            ("{\"Type\":\"Notification\",\"Message\":\"hello\"}", "0.0.0"),
        ];
        let mut messages: Vec<_> = unreadable.iter().map(|(body, group)| Outgoing::new(*body, *group)).collect();
        messages.push(Outgoing::new(older.to_string(), &mine));
        // One field more than is known is no reason to refuse it.
        let people = People::new("foreign").of_every_kind(60);
        let mut with_more: serde_json::Value =
            serde_json::from_str(&envelope::one_change(account, 5, &people[0], &audience, Action::Add).body)?;
        with_more["since"] = json!("the next version");
        messages.push(Outgoing::new(with_more.to_string(), envelope::group(account, 5)));
        let newer = json!({ "version": 99, "what": "nobody knows yet" });
        messages.push(Outgoing::new(newer.to_string(), envelope::group(account, 99)));
        stack.queue.send(&messages).await?;

        let mut model = Model::default();
        let profiles = Profile::all(&people, &audience, Action::Add);
        stack.change(&mut model, Transport::Http, account, &profiles).await?;
        e2e::until("everything that is readable arrives", async || {
            Ok(model.differing(&stack.tiktok).await?.is_empty() && stack.queue.depth().await?.all() == 1)
        })
        .await?;
        let mut bodies = Vec::new();
        for letter in stack.take_letters().await? {
            ensure!(letter.cause() == "unreadable" && !letter.attribute("message").is_empty(), "{letter:?}");
            bodies.push(letter.body);
        }
        let mut expected: Vec<_> = unreadable.iter().map(|(body, _)| (*body).to_owned()).collect();
        expected.push(older.to_string());
        bodies.sort_unstable();
        expected.sort_unstable();
        ensure!(bodies == expected, "{bodies:?}");

        // The newer one still waits, however often it was looked at: for the uploader that is being deployed.
        tokio::time::sleep(Duration::from_secs(15)).await;
        ensure!(stack.queue.depth().await?.all() == 1 && stack.take_letters().await?.is_empty());
        stack.queue.purge().await?;
        stack.arrives(&model).await
    })
    .await
}
