//! One customer's flood is that customer's alone, and where calls are scarce everybody has his turn.

use anyhow::{Context, Result, ensure};
use e2e::{Account, Action, Model, Options, People, Profile, Stack, Transport, envelope, story};
use sandbox::journal::Entry;

const MAPPING: &str = "/segment/mapping/";
/// One-user messages of the flood.
const FLOOD: usize = 3_000;
/// The template's default.
const LANES: u8 = 16;
/// How many customers share a call a second.
const CROWD: usize = 12;

/// The calls that carried users of an advertiser.
async fn mapping_calls(stack: &Stack, account: &Account) -> Result<Vec<Entry>> {
    let calls = stack.tiktok.journal_of(&account.advertiser_id).await?;
    Ok(calls.into_iter().filter(|call| call.path == MAPPING).collect())
}

pub(crate) async fn a_flood_for_one_connection_does_not_delay_another() -> Result<()> {
    story(Options::new(), async |stack| {
        let ((loud, flooded), (quiet, audience)) = (stack.connected("Flood").await?, stack.connected("Quiet").await?);
        let (mut people, mut flood, mut model) = (People::new("flood"), Model::default(), Model::default());
        let everybody = people.plain(FLOOD);
        flood.apply(&Profile::all(&everybody, &flooded, Action::Add));
        let lanes = (0..LANES).cycle();
        let messages: Vec<_> = lanes
            .zip(&everybody)
            .map(|(lane, person)| envelope::one_change(&loud.account, lane, person, &flooded, Action::Add))
            .collect();
        stack.uploader.hold().await?;
        stack.queue.send(&messages).await?;
        let person = people.plain(1);
        stack
            .change(&mut model, Transport::Http, &quiet.account, &Profile::all(&person, &audience, Action::Add))
            .await?;
        stack.uploader.release().await?;
        for model in [&flood, &model] {
            stack.arrives(model).await?;
        }
        let (of_flood, of_quiet) =
            (mapping_calls(stack, &loud.account).await?, mapping_calls(stack, &quiet.account).await?);
        let served = of_quiet.iter().map(|call| call.at_ms).max().context("no call of the quiet one")?;
        let before: usize = of_flood.iter().filter(|call| call.at_ms < served).map(|call| call.rows).sum();
        ensure!(before < FLOOD / 2, "the quiet one waited for {before} of {FLOOD} changes of the flood");
        Ok(())
    })
    .await
}

pub(crate) async fn with_a_call_a_second_for_all_everybody_is_served_again_and_again() -> Result<()> {
    story(Options::new().with("TikTokCallsPerSecond", "1"), async |stack| {
        let mut customers = Vec::new();
        for number in 0..CROWD {
            customers.push(stack.connected(&format!("Crowd {number}")).await?);
        }
        let (mut people, mut model) = (People::new("a call a second"), Model::default());
        for _ in 0..6 {
            for (customer, audience) in &customers {
                let people = people.plain(5);
                let profiles = Profile::all(&people, audience, Action::Add);
                stack.change(&mut model, Transport::Http, &customer.account, &profiles).await?;
            }
            tokio::time::sleep(std::time::Duration::from_secs(8)).await;
        }
        stack.arrives(&model).await?;
        for (customer, _) in &customers {
            let served = mapping_calls(stack, &customer.account).await?.len();
            ensure!(served >= 2, "an advertiser was served {served} times");
        }
        let calls = stack.tiktok.journal().await?;
        let mapping: Vec<_> = calls.iter().filter(|call| call.path == MAPPING).collect();
        let (first, last) = (mapping.first().map(|call| call.at_ms), mapping.last().map(|call| call.at_ms));
        let seconds = last.zip(first).map_or(0, |(last, first)| last.saturating_sub(first) / 1_000);
        ensure!(mapping.len() as u64 <= seconds + 6, "{} calls in {seconds} s", mapping.len());
        Ok(())
    })
    .await
}
