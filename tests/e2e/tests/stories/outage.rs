//! TikTok is down, hangs, or breaks off: nothing is lost, and what was done already is not undone by doing it again.

use std::time::Duration;

use anyhow::Result;
use e2e::mparticle::Door;
use e2e::queue::Received;
use e2e::stack::Customer;
use e2e::{Action, Audience, Model, Options, People, Profile, Stack, message, story, until};
use sandbox::Fault;
use tokio::time::Instant;

const MAPPING: &str = "/segment/mapping/";

async fn connected(stack: &Stack, name: &str) -> Result<(Customer, Audience)> {
    let customer = stack.customer(name).await?;
    let audience = stack.connect(&customer.account, 1, name).await?;
    Ok((customer, audience))
}

#[tokio::test]
async fn server_errors_for_a_minute_lose_nothing() -> Result<()> {
    story(Options::new(), async |stack| {
        let (customer, audience) = connected(stack, "Down for a minute").await?;
        let people = People::new("a minute").plain(2_000);
        let mut model = Model::default();
        let began = Instant::now();
        stack.tiktok.fault(Fault::status(503).on(MAPPING)).await?;
        for people in people.chunks(500) {
            stack
                .change(&mut model, Door::Http, &customer.account, &Profile::all(people, &audience, Action::Add))
                .await?;
        }
        let leaving = Profile::all(&people[..200], &audience, Action::Delete);
        stack.change(&mut model, Door::Http, &customer.account, &leaving).await?;
        tokio::time::sleep_until(began + Duration::from_mins(1)).await;
        stack.tiktok.clear_faults().await?;
        stack.arrives(&model, 150).await
    })
    .await
}

#[tokio::test]
async fn what_has_been_tried_for_too_long_is_put_aside_with_the_last_reason() -> Result<()> {
    story(Options::new().with("MessageMaxAgeSeconds", "5"), async |stack| {
        let (customer, audience) = connected(stack, "Down for ever").await?;
        let people = People::new("for ever").plain(40);
        stack.tiktok.fault(Fault::code(51010, "Segment time-out").on(MAPPING)).await?;
        let message = message::membership(&customer.account, &Profile::all(&people, &audience, Action::Add));
        stack.mparticle.deliver(Door::Http, &message).await?;
        stack.queue.drained(Duration::from_mins(1)).await?;
        let letters = stack.dead_letters.take_all().await?;
        assert_eq!(letters.iter().map(Received::changes).sum::<usize>(), 40);
        let told = ["reason", "code", "message"].map(|name| letters[0].attribute(name));
        assert_eq!(told, ["unavailable", "51010", "Segment time-out"]);
        assert!(!letters[0].attribute("request_id").is_empty());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_advertiser_whose_calls_hang_keeps_no_other_waiting() -> Result<()> {
    story(Options::new(), async |stack| {
        let mut people = People::new("hanging");
        let mut model = Model::default();
        let (undone, done, well) = (
            connected(stack, "Hangs").await?,
            connected(stack, "Hangs, and is done").await?,
            connected(stack, "Well").await?,
        );
        let hang =
            |customer: &Customer| Fault::hang(60_000).on(MAPPING).advertiser(&customer.account.advertiser_id).next(1);
        stack.tiktok.fault(hang(&undone.0)).await?;
        stack.tiktok.fault(hang(&done.0).applied()).await?;
        stack.uploader.hold().await?;
        for (customer, audience) in [&undone, &done, &well] {
            let people = people.plain(1_500);
            stack
                .change(&mut model, Door::Direct, &customer.account, &Profile::all(&people, audience, Action::Add))
                .await?;
        }
        stack.uploader.release().await?;
        until("who is well is served while others hang", 8, async || {
            Ok(model.compare_one(&stack.tiktok, &well.1).await?.agrees())
        })
        .await?;
        stack.arrives(&model, 90).await
    })
    .await
}

#[tokio::test]
async fn connections_cut_before_and_after_a_call_takes_effect_leave_what_was_meant() -> Result<()> {
    story(Options::new(), async |stack| {
        let (customer, audience) = connected(stack, "Cut").await?;
        let people = People::new("cut").plain(3_000);
        let mut model = Model::default();
        let broken = [
            // Not TikTok's answer at all: the messages come back later, which is waited for once.
            Fault::new(sandbox::fault::Kind::Redirect { location: None }),
            Fault::cut(),
            Fault::cut().applied(),
            Fault::new(sandbox::fault::Kind::Truncated).applied(),
            Fault::new(sandbox::fault::Kind::Oversized { bytes: 8_000_000 }).applied(),
            Fault::text("<html>Bad gateway</html>"),
            Fault::text(""),
        ];
        for fault in &broken {
            stack.tiktok.fault(fault.clone().on(MAPPING).next(1)).await?;
        }
        stack.change(&mut model, Door::Http, &customer.account, &Profile::all(&people, &audience, Action::Add)).await?;
        stack.arrives(&model, 120).await?;
        for fault in broken.iter().skip(1) {
            stack.tiktok.fault(fault.clone().on(MAPPING).next(1)).await?;
        }
        stack
            .change(
                &mut model,
                Door::Http,
                &customer.account,
                &Profile::all(&people[..1_500], &audience, Action::Delete),
            )
            .await?;
        stack.arrives(&model, 120).await?;

        let calls = stack.tiktok.journal().await?;
        let faulty = calls.iter().filter(|call| call.fault.is_some()).count();
        assert_eq!(faulty, 13, "every fault was met");
        assert!(calls.iter().all(|call| call.path != "/redirected/"), "a redirect was followed");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_uploader_killed_in_mid_batch_is_made_up_for() -> Result<()> {
    let options = Options::new().with("QueueVisibilitySeconds", "12").with("UploaderTimeoutSeconds", "11");
    story(options, async |stack| {
        let (customer, audience) = connected(stack, "Killed").await?;
        let people = People::new("killed").plain(6_000);
        let mut model = Model::default();
        stack.uploader.hold().await?;
        for people in people.chunks(1_000) {
            stack
                .change(&mut model, Door::Direct, &customer.account, &Profile::all(people, &audience, Action::Add))
                .await?;
        }
        let mapping = async || -> Result<usize> {
            Ok(stack.tiktok.journal().await?.iter().filter(|call| call.path == MAPPING).count())
        };
        // The second call and those beside it do not end: they are under way when the process dies.
        stack.tiktok.fault(Fault::hang(9_000).on(MAPPING).after(1).next(4)).await?;
        stack.uploader.release().await?;
        until("the batch is under way", 20, async || Ok(mapping().await? >= 3)).await?;
        assert!(stack.kill("uploader").await? > 0);
        let held = model.compare_one(&stack.tiktok, &audience).await?;
        assert!(held.held > 0 && held.missing > 0, "killed too early or too late: {held:?}");
        stack.arrives(&model, 90).await
    })
    .await
}
