//! TikTok is down, hangs, or breaks off: nothing is lost, the newest change of everybody wins, and nobody else waits.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Action, Audience, Customer, Model, Options, People, Profile, Stack, Transport, story, until};
use sandbox::Fault;
use sandbox::fault::Kind;
use tokio::time::Instant;

const MAPPING: &str = "/segment/mapping/";

pub(crate) async fn server_errors_for_a_minute_leave_the_newest_change_of_everybody() -> Result<()> {
    story(Options::new(), async |stack| {
        let (customer, audience) = stack.connected("Down for a minute").await?;
        let people = People::new("a minute").plain(6_000);
        let mut model = Model::default();
        for people in people.chunks(1_000) {
            let joining = Profile::all(people, &audience, Action::Add);
            stack.change(&mut model, Transport::Http, &customer.account, &joining).await?;
        }
        stack.arrives(&model).await?;

        let began = Instant::now();
        stack.tiktok.fault(Fault::status(503).on(MAPPING)).await?;
        let mut action = Action::Delete;
        // A third of them change their mind again and again.
        while began.elapsed() < Duration::from_mins(1) {
            for (number, people) in people[..2_000].chunks(100).enumerate() {
                let action = if number % 2 == 0 { action } else { opposite(action) };
                let profiles = Profile::all(people, &audience, action);
                let transport = Transport::BOTH[number % 2];
                stack.change(&mut model, transport, &customer.account, &profiles).await?;
            }
            action = opposite(action);
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        stack.tiktok.clear_faults().await?;
        stack.arrives(&model).await
    })
    .await
}

fn opposite(action: Action) -> Action {
    if action == Action::Add { Action::Delete } else { Action::Add }
}

/// How many healthy customers there are beside the one who hangs: as many as two processors can carry.
const OTHERS: usize = 24;

/// How long a call hangs: until TikTok's time-out. Whoever waits for one waits so long.
const HANGS_SECONDS: u64 = 30;

/// Sends a change of each customer, and returns how long it took until all had arrived.
async fn round(
    stack: &Stack,
    people: &mut People,
    model: &mut Model,
    customers: &[(Customer, Audience)],
) -> Result<Duration> {
    for (customer, audience) in customers {
        let people = people.plain(20);
        let profiles = Profile::all(&people, audience, Action::Add);
        stack.change(model, Transport::Http, &customer.account, &profiles).await?;
    }
    let sent = Instant::now();
    let arrived = async || Ok(model.differing(&stack.tiktok).await?.is_empty());
    until("the others' changes arrive", arrived).await?;
    Ok(sent.elapsed())
}

pub(crate) async fn a_hanging_advertiser_keeps_no_other_waiting_in_any_round() -> Result<()> {
    let options = Options::new().with("TikTokCallsPerSecond", "40").with("TikTokAdvertiserCallsPerSecond", "10");
    let options = options.with("TikTokTimeoutSeconds", HANGS_SECONDS.to_string());
    story(options, async |stack| {
        stack.tiktok.set_limits(sandbox::RateLimits::none(), sandbox::RateLimits::none()).await?;
        let (hanging, audience) = stack.connected("Hangs").await?;
        let mut others = Vec::new();
        for number in 0..OTHERS {
            others.push(stack.connected(&format!("Other {number}")).await?);
        }
        let (mut people, mut model, mut hanging_model) = (People::new("hanging"), Model::default(), Model::default());
        let mut alone = Duration::ZERO;
        for _ in 0..2 {
            alone = alone.max(round(stack, &mut people, &mut model, &others).await?);
        }

        let advertiser = &hanging.account.advertiser_id;
        stack.tiktok.fault(Fault::hang(120_000).on(MAPPING).advertiser(advertiser)).await?;
        let mut rounds = Vec::new();
        for _ in 0..4 {
            let hang = people.plain(50);
            let profiles = Profile::all(&hang, &audience, Action::Add);
            stack.change(&mut hanging_model, Transport::Http, &hanging.account, &profiles).await?;
            rounds.push(round(stack, &mut people, &mut model, &others).await?);
            tokio::time::sleep(Duration::from_secs(8)).await;
        }
        let hangs = Duration::from_secs(HANGS_SECONDS);
        ensure!(
            rounds.iter().all(|round| *round < alone + hangs),
            "{rounds:?} beside one who hangs, {alone:?} without"
        );
        stack.tiktok.clear_faults().await?;
        stack.arrives(&hanging_model).await?;
        stack.arrives(&model).await
    })
    .await
}

pub(crate) async fn connections_cut_before_and_after_a_call_takes_effect_leave_what_was_meant() -> Result<()> {
    story(Options::shared(), async |stack| {
        let (customer, audience) = stack.connected("Cut").await?;
        let advertiser = &customer.account.advertiser_id;
        let people = People::new("cut").plain(3_000);
        let mut model = Model::default();
        let broken = [
            // Not TikTok's answer at all.
            Fault::new(Kind::Redirect { location: None }),
            Fault::cut(),
            Fault::cut().applied(),
            Fault::new(Kind::Truncated).applied(),
            Fault::new(Kind::Oversized { bytes: 8_000_000 }).applied(),
            Fault::text("<html>Bad gateway</html>"),
            Fault::text(""),
        ];
        for fault in &broken {
            stack.tiktok.fault(fault.clone().on(MAPPING).advertiser(advertiser).next(1)).await?;
        }
        let joining = Profile::all(&people, &audience, Action::Add);
        stack.change(&mut model, Transport::Http, &customer.account, &joining).await?;
        let leaving = Profile::all(&people[..1_500], &audience, Action::Delete);
        stack.change(&mut model, Transport::Http, &customer.account, &leaving).await?;
        // Each is trouble for the advertiser, and its pauses double.
        // What was applied is there before its answer was understood: it is told again until it is.
        until("every fault was met", async || {
            let calls = stack.tiktok.journal_of(advertiser).await?;
            Ok(calls.iter().filter(|call| call.fault.is_some()).count() == broken.len())
        })
        .await?;
        stack.arrives(&model).await?;
        let calls = stack.tiktok.journal_of(advertiser).await?;
        ensure!(calls.iter().all(|call| call.path != "/redirected/"), "a redirect was followed");
        Ok(())
    })
    .await
}

pub(crate) async fn a_tiktok_slower_than_the_time_out_loses_nothing() -> Result<()> {
    story(Options::new().with("TikTokTimeoutSeconds", "5"), async |stack| {
        let (customer, audience) = stack.connected("Slow").await?;
        let people = People::new("slow").plain(400);
        let mut model = Model::default();
        // Applied, though nobody waits for the answer any more.
        stack.tiktok.fault(Fault::hang(8_000).on(MAPPING).applied()).await?;
        let joining = Profile::all(&people, &audience, Action::Add);
        stack.change(&mut model, Transport::Http, &customer.account, &joining).await?;
        let leaving = Profile::all(&people[..100], &audience, Action::Delete);
        stack.change(&mut model, Transport::Http, &customer.account, &leaving).await?;
        tokio::time::sleep(Duration::from_secs(30)).await;
        let calls = stack.tiktok.journal_of(&customer.account.advertiser_id).await?;
        let mapping = calls.iter().filter(|call| call.path == MAPPING).count();
        ensure!((1..40).contains(&mapping), "{mapping} calls while TikTok is slower than the time-out");
        stack.tiktok.clear_faults().await?;
        stack.arrives(&model).await?;

        // Slow, but within the time-out: it is done the first time.
        let before = stack.tiktok.journal_of(&customer.account.advertiser_id).await?.len();
        stack.tiktok.fault(Fault::hang(1_500).on(MAPPING)).await?;
        let joining = Profile::all(&people[..100], &audience, Action::Add);
        stack.change(&mut model, Transport::Http, &customer.account, &joining).await?;
        stack.arrives(&model).await?;
        let calls = stack.tiktok.journal_of(&customer.account.advertiser_id).await?;
        let applied = calls[before..].iter().filter(|call| call.path == MAPPING).map(|call| call.rows).sum::<usize>();
        ensure!(applied == 100, "{applied} rows for 100 changes");
        Ok(())
    })
    .await
}

pub(crate) async fn an_uploader_killed_while_it_deletes_loses_and_reverts_nothing() -> Result<()> {
    use e2e::cloud::{AwsFault, AwsFaultKind};
    let options = Options::new().with("UploaderTimeoutSeconds", "30");
    story(options, async |stack| {
        let (customer, audience) = stack.connected("Killed").await?;
        let people = People::new("killed").plain(1_000);
        let mut model = Model::default();
        stack.uploader.hold().await?;
        // Each message leaves another hundred out: whichever of a lane is told last, it shows.
        for out in 0..10 {
            let action = |n| if n / 100 == out { Action::Delete } else { Action::Add };
            let profiles = people.iter().enumerate().map(|(n, person)| Profile::of(person, &audience, action(n)));
            let profiles: Vec<_> = profiles.collect();
            stack.change(&mut model, Transport::Lambda, &customer.account, &profiles).await?;
        }
        let before = stack.queue.depth().await?.all();
        // Some are deleted; the later ones take so long that the process dies among them.
        let slow = AwsFault::sqs(AwsFaultKind::Slow(4_000)).on("DeleteMessageBatch").by("uploader").after(3);
        stack.cloud.fault(&slow).await?;
        stack.uploader.release().await?;
        until("it has begun to delete", async || {
            let left = stack.queue.depth().await?.all();
            Ok(left < before && left > 0)
        })
        .await?;
        ensure!(stack.cloud.kill("uploader").await? > 0, "no uploader ran");
        let left = stack.queue.depth().await?.all();
        ensure!(left > 0 && left < before, "killed too early or too late: {left} of {before} messages are left");
        // Newer than what comes back when the visibility of the killed one ends.
        stack.cloud.clear_faults().await?;
        let back = Profile::all(&people[..500], &audience, Action::Add);
        stack.change(&mut model, Transport::Http, &customer.account, &back).await?;
        stack.arrives(&model).await
    })
    .await
}
