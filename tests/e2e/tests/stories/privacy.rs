//! Of each profile only device ids, MPID and audience ids leave `ingest`. Read from the queue itself.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use e2e::mparticle::Door;
use e2e::people::{KINDS, MARK};
use e2e::{Action, Fate, Model, Options, People, Profile, story};
use serde_json::Value;

#[tokio::test]
async fn the_queue_holds_nothing_but_what_an_envelope_may_hold() -> Result<()> {
    story(Options::new(), async |stack| {
        let customer = stack.customer("Private").await?;
        let audience = stack.connect(&customer.account, 1, "Private").await?;
        let people = People::new("privacy").of_every_kind(10 * KINDS);
        let mut model = Model::default();
        stack.uploader.hold().await?;
        for (door, people) in Door::BOTH.into_iter().zip(people.chunks(5 * KINDS)) {
            let profiles = Profile::all(people, &audience, Action::Add);
            stack.change(&mut model, door, &customer.account, &profiles).await?;
        }

        let messages = stack.queue.receive_all().await?;
        assert_eq!(messages.len(), 2);
        let mut seen = BTreeSet::new();
        for message in &messages {
            assert!(message.attributes.is_empty(), "{:?}", message.attributes);
            assert!(!message.body.contains(&customer.account.token) && !message.body.contains(MARK));
            let envelope: Value = serde_json::from_str(&message.body)?;
            assert_eq!(names(&envelope)?, ["advertiser", "changed_ms", "rows", "token", "version"]);
            assert_eq!(envelope["advertiser"], *customer.account.advertiser_id);
            assert_eq!(envelope["token"].as_str().map(str::len), Some(64), "a fingerprint");
            for row in envelope["rows"].as_array().context("rows")? {
                assert_eq!(names(row)?, ["adds", "ids", "mpid"]);
                for id in row["ids"].as_array().context("ids")? {
                    assert!(["idfa", "gaid"].contains(&id[0].as_str().context("a type")?), "{id}");
                    seen.insert(id[2].as_str().context("a value")?.to_owned());
                }
            }
        }
        let devices = people.iter().flat_map(|person| &person.devices);
        let queued = devices.filter(|device| !matches!(device.fate, Fate::LeftOut(_)));
        let sent: BTreeSet<_> = queued.filter_map(|device| device.value.clone()).collect();
        assert_eq!(seen, sent, "the ids on the queue are those that may be, and no others");

        stack.queue.put_back(&messages).await?;
        stack.uploader.release().await?;
        stack.arrives(&model, 60).await
    })
    .await
}

/// The names of an object's fields, in the order of the alphabet.
fn names(object: &Value) -> Result<Vec<&str>> {
    let mut names: Vec<_> = object.as_object().context("an object")?.keys().map(String::as_str).collect();
    names.sort_unstable();
    Ok(names)
}
