//! The same twice, and back and forth: what SQS and mParticle may deliver more than once changes nothing.

use anyhow::Result;
use e2e::mparticle::Door;
use e2e::{Action, Model, Options, People, Profile, message, story, until};
use sandbox::{Fault, RateLimits};

#[tokio::test]
async fn every_message_delivered_twice_changes_nothing() -> Result<()> {
    story(Options::new(), async |stack| {
        let customer = stack.customer("Twice").await?;
        let audience = stack.connect(&customer.account, 1, "Twice").await?;
        let people = People::new("twice").of_every_kind(1_000);
        let mut model = Model::default();
        stack.uploader.hold().await?;
        let everybody = Profile::all(&people, &audience, Action::Add);
        let leaving = Profile::all(&people[..300], &audience, Action::Delete);
        for profiles in [&everybody[..500], &everybody[500..], &leaving] {
            stack.change(&mut model, Door::Http, &customer.account, profiles).await?;
        }
        let messages = stack.queue.receive_all().await?;
        assert_eq!(messages.len(), 3);
        // The copies come last: of the joins, too, which are older than the deletions.
        for message in &messages {
            stack.queue.send(&message.body, &customer.account.advertiser_id).await?;
        }
        stack.queue.put_back(&messages).await?;
        stack.uploader.release().await?;
        stack.arrives(&model, 60).await?;

        stack.queue.send(&messages[2].body, &customer.account.advertiser_id).await?;
        stack.arrives(&model, 60).await
    })
    .await
}

#[tokio::test]
async fn a_hundred_thousand_people_arrive_while_thirty_percent_of_calls_fail() -> Result<()> {
    story(Options::new().with("BatchSize", "20"), async |stack| {
        stack.tiktok.set_limits(RateLimits::a_second(10), RateLimits::none()).await?;
        let mapping = |fault: Fault| fault.on("/segment/mapping/").share(0.06);
        let faults = [
            Fault::status(502),
            Fault::code(50000, "Internal error"),
            Fault::code(51010, "Segment time-out").applied(),
            Fault::cut(),
            Fault::cut().applied(),
            Fault::new(sandbox::fault::Kind::Truncated).applied(),
        ];
        for fault in faults {
            stack.tiktok.fault(mapping(fault)).await?;
        }
        let mut people = People::new("a hundred thousand");
        let mut model = Model::default();
        stack.uploader.hold().await?;
        for name in ["North", "South"] {
            let customer = stack.customer(name).await?;
            let audience = stack.connect(&customer.account, 1, name).await?;
            for _ in 0..25 {
                let people = people.plain(2_000);
                let changes = |range: std::ops::Range<usize>, action| Profile::all(&people[range], &audience, action);
                // Of two messages side by side, which one invocation holds, the newer is queued first.
                let older = [
                    changes(0..1_000, Action::Add),
                    changes(1_200..1_400, Action::Delete),
                    changes(1_000..1_100, Action::Add),
                    changes(1_000..1_100, Action::Delete),
                ];
                let newer = [changes(1_000..2_000, Action::Add), changes(800..1_000, Action::Delete)];
                let (older, newer) = (older.concat(), newer.concat());
                let messages = [&older, &newer].map(|profiles| {
                    model.apply(profiles);
                    message::membership(&customer.account, profiles)
                });
                let [older, newer] = messages;
                stack.mparticle.deliver(Door::Http, &newer).await?;
                stack.mparticle.deliver(Door::Direct, &older).await?;
            }
        }
        stack.uploader.release().await?;
        stack.arrives(&model, 300).await?;

        let calls = stack.tiktok.journal().await?;
        let calls: Vec<_> = calls.iter().filter(|call| call.path == "/segment/mapping/").collect();
        let failed = calls.iter().filter(|call| call.fault.is_some()).count();
        assert!(failed * 5 > calls.len(), "only {failed} of {} calls failed", calls.len());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn sqs_refusing_part_of_a_request_is_answered_with_503_and_a_repetition_does_no_harm() -> Result<()> {
    story(Options::new(), async |stack| {
        let customer = stack.customer("Half accepted").await?;
        let audience = stack.connect(&customer.account, 1, "Half accepted").await?;
        let people = People::new("half accepted").plain(3_000);
        let profiles = Profile::all(&people, &audience, Action::Add);
        let mut model = Model::default();
        model.apply(&profiles);
        let message = message::membership(&customer.account, &profiles);
        // The last envelope is not full, and is all that fits.
        stack.queue.limit(200_000).await?;
        let refusal = stack.mparticle.send(Door::Direct, &message).await?.refusal()?;
        assert_eq!(refusal.told.code, "queue_unavailable", "{refusal}");
        until("what was accepted is delivered", 20, async || {
            let held = model.compare_one(&stack.tiktok, &audience).await?;
            Ok(held.held > 0 && held.missing > 0)
        })
        .await?;
        stack.queue.limit(1_048_576).await?;
        stack.mparticle.deliver(Door::Direct, &message).await?;
        stack.arrives(&model, 60).await
    })
    .await
}
