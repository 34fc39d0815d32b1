//! The way that everything goes when nothing is wrong: consent, connection, users of every kind by both transports.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use e2e::consent::TICKED;
use e2e::people::KINDS;
use e2e::stack::Elsewhere;
use e2e::{Account, Action, Audience, Model, Options, People, Profile, Transport, letters, message, story, until};
use sandbox::Rules;

pub(crate) async fn people_of_every_kind_reach_their_audiences_by_both_transports() -> Result<()> {
    story(Options::new(), async |stack| {
        let shown = stack.authorize("admin", &TICKED).await?.authorized()?;
        ensure!(shown.accounts.len() == 3, "the page shows {shown:?}");
        let account = Account { account_id: 1, advertiser_id: shown.accounts[0].0.clone(), token: shown.token };
        let (summer, winter) =
            (stack.connect(&account, 11, "Summer").await?, stack.connect(&account, 12, "Winter").await?);
        let elsewhere =
            Audience { audience_id: 13, name: "Never connected".to_owned(), by_email: false, tiktok_id: None };

        let mut model = Model::default();
        let people = People::new("straight path").of_every_kind(20 * KINDS);
        // Of each kind one joins both audiences, the next one of them, the next the other: a row that gets another's audiences shows.
        let joining = |(n, person): (usize, _)| {
            let back_and_forth = [Action::Delete, Action::Add, Action::AttributeUpdate].map(|action| (&winter, action));
            let (to_summer, to_winter) = [(true, true), (true, false), (false, true)][n / KINDS % 3];
            let summer = to_summer.then_some((&summer, Action::Add));
            let winter = back_and_forth.into_iter().filter(|_| to_winter);
            Profile { person, changes: summer.into_iter().chain(winter).collect() }
        };
        for (transport, people) in Transport::BOTH.into_iter().zip(people.chunks(people.len() / 2)) {
            let mut profiles: Vec<_> = people.iter().enumerate().map(joining).collect();
            profiles.push(Profile::of(&people[0], &elsewhere, Action::Add));
            profiles.push(Profile { person: &people[1], changes: Vec::new() });
            stack.change(&mut model, transport, &account, &profiles).await?;
        }
        stack.arrives(&model).await?;

        for (transport, people) in Transport::BOTH.into_iter().zip(people.chunks(60)) {
            let profiles = Profile::all(people, &winter, Action::Delete);
            stack.change(&mut model, transport, &account, &profiles).await?;
        }
        stack.arrives(&model).await?;

        let logs = stack.logs().await?;
        assert_eq!(logs.totals_by("ingest", "dropped", "reason"), by_name(&model.counts.left_out));
        assert_eq!(logs.total("ingest", "changes_queued"), model.counts.changes);
        // The uploader's figures come when its invocation ends.
        until("the uploader counted what it dropped", async || {
            let counted = stack.logs().await?.totals_by("uploader", "ids_dropped", "reason");
            Ok(counted == by_name(&model.counts.dropped))
        })
        .await?;

        let letters = stack.take_letters().await?;
        assert!(letters.iter().all(|letter| letter.cause() == "no_audience"), "{letters:?}");
        assert_eq!(letters::changes(&letters) as u64, model.counts.unmapped);
        Ok(())
    })
    .await
}

pub(crate) async fn calls_are_few_and_large() -> Result<()> {
    story(Options::new(), async |stack| {
        let customer = stack.customer("Few calls").await?;
        let audience = stack.connect(&customer.account, 1, "Everybody").await?;
        let people = People::new("few calls").plain(5_400);
        let mut model = Model::default();
        stack.uploader.hold().await?;
        for people in people.chunks(300) {
            let profiles = Profile::all(people, &audience, Action::Add);
            stack.change(&mut model, Transport::Http, &customer.account, &profiles).await?;
        }
        stack.uploader.release().await?;
        stack.arrives(&model).await?;
        let calls = stack.tiktok.journal_of(&customer.account.advertiser_id).await?;
        let rows: Vec<_> = calls.iter().filter(|call| call.path == "/segment/mapping/").map(|call| call.rows).collect();
        // Each of two uploaders has a part of them, and calls first with what it has by then.
        ensure!(rows.iter().sum::<usize>() == 5_400 && rows.len() <= 2 * 6 + 2, "{rows:?}");
        until(
            "the uploader says what it did",
            async || Ok(stack.logs().await?.total("uploader", "rows_sent") == 5_400),
        )
        .await?;
        let received = stack.logs().await?.total("uploader", "rows_received");
        ensure!(received == 5_400, "{received} rows were received: some came back");
        Ok(())
    })
    .await
}

pub(crate) async fn both_transports_give_the_same_answer() -> Result<()> {
    story(Options::shared(), async |stack| {
        let customer = stack.customer("Two transports").await?;
        let audience = stack.connect(&customer.account, 1, "Same").await?;
        let messages = [
            message::registration(),
            message::verification(&customer.account),
            message::subscription(&customer.account, &audience, "add"),
            message::subscription(&customer.account, &audience, "update"),
        ];
        for request in messages {
            let mut answers = Vec::new();
            for transport in Transport::BOTH {
                let mut answer = stack.mparticle.send(transport, &request).await?.response()?;
                assert!(answer["timestamp_ms"].take().is_i64(), "{answer}");
                assert_eq!(answer["id"], request["id"]);
                answers.push(answer);
            }
            assert_eq!(answers[0], answers[1]);
        }
        Ok(())
    })
    .await
}

pub(crate) async fn another_server_that_speaks_the_same_api_is_called_where_the_deployment_says_so() -> Result<()> {
    let rules = Rules { app_id: "71".to_owned(), app_secret: "another-apps-secret".to_owned(), ..Rules::default() };
    let elsewhere =
        Elsewhere { api_base_url: String::new(), app_id: rules.app_id.clone(), app_secret: rules.app_secret.clone() };
    let server = sandbox::start(rules).await?;
    let elsewhere = Elsewhere { api_base_url: server.api_base_url(), ..elsewhere };
    story(Options::new().tiktok_at(elsewhere), async |stack| {
        let shown = stack.authorize("admin", &TICKED).await?.authorized()?;
        let account = Account { account_id: 1, advertiser_id: shown.accounts[0].0.clone(), token: shown.token };
        let audience = stack.connect(&account, 1, "Elsewhere").await?;
        let people = People::new("elsewhere").plain(10);
        let mut model = Model::default();
        stack.change(&mut model, Transport::Http, &account, &Profile::all(&people, &audience, Action::Add)).await?;
        stack.arrives(&model).await?;
        assert!(!stack.directory().join("sandbox.log").exists(), "a sandbox was started all the same");
        Ok(())
    })
    .await
}

fn by_name(counts: &BTreeMap<&str, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect()
}
