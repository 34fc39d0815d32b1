//! Of each profile only device ids, MPID and audience ids leave `ingest`. Read from dead letters, which are what was on the queue.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use e2e::people::{KINDS, MARK};
use e2e::{Action, Audience, Expected, Options, People, Profile, Transport, message, story};
use serde_json::Value;

pub(crate) async fn only_ids_mpid_and_audience_ids_leave_ingest() -> Result<()> {
    story(Options::shared(), async |stack| {
        let customer = stack.customer("Private").await?;
        stack.connect(&customer.account, 1, "Private").await?;
        let nowhere = Audience { audience_id: 2, name: "Never connected".to_owned(), by_email: false, tiktok_id: None };
        let people = People::new("privacy").of_every_kind(10 * KINDS);
        for (transport, people) in Transport::BOTH.into_iter().zip(people.chunks(5 * KINDS)) {
            let profiles = Profile::all(people, &nowhere, Action::Add);
            stack.mparticle.deliver(transport, &message::membership(&customer.account, &profiles)).await?;
        }
        let uploaded = people.iter().flat_map(|person| &person.devices).filter_map(|device| match &device.expected {
            Expected::Uploaded(_, hash) => Some(hash.clone()),
            Expected::LeftOut(_) | Expected::Dropped(_) => None,
        });
        let uploaded: Vec<_> = uploaded.collect();
        let letters = stack.take_letters_with(uploaded.len(), 90).await?;
        let mut seen = BTreeSet::new();
        for letter in &letters {
            ensure!(letter.cause() == "no_audience", "{:?}", letter.attributes);
            ensure!(!letter.body.contains(&customer.account.token) && !letter.body.contains(MARK));
            ensure!(!letter.body.contains("token"), "an envelope carries no token");
            for row in letter.rows() {
                let known = ["mpid", "id", "adds", "deletes", "unmapped_adds", "unmapped_deletes"];
                let names = row.as_object().context("a row")?.keys();
                ensure!(names.clone().all(|name| known.contains(&name.as_str())), "{:?}", names.collect::<Vec<_>>());
                let id: Vec<_> = row["id"].as_array().context("an id")?.iter().filter_map(Value::as_str).collect();
                ensure!(
                    id[..2] == ["idfa", "md5"] || id[..2] == ["gaid", "md5"],
                    "letters hold hashes: {:?}",
                    &id[..2]
                );
                seen.insert(id[2].to_owned());
            }
        }
        ensure!(seen == uploaded.into_iter().collect(), "the ids in letters are those that may be, and no others");
        Ok(())
    })
    .await
}
