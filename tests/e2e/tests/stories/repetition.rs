//! The same twice, and back and forth: what is sent, delivered or carried out more than once changes nothing.

use anyhow::{Result, ensure};
use e2e::cloud::{AwsFault, AwsFaultKind};
use e2e::{Action, Model, Options, People, Profile, Transport, message, story};
use sandbox::Fault;
use sandbox::fault::Kind;

const MAPPING: &str = "/segment/mapping/";

pub(crate) async fn requests_that_mparticle_repeats_change_nothing() -> Result<()> {
    story(Options::shared(), async |stack| {
        let (customer, audience) = stack.connected("Twice").await?;
        let people = People::new("twice").of_every_kind(400);
        let mut model = Model::default();
        let joining = Profile::all(&people, &audience, Action::Add);
        let leaving = Profile::all(&people[..150], &audience, Action::Delete);
        for profiles in [&joining, &leaving] {
            model.apply(profiles);
            let request = message::membership(&customer.account, profiles);
            for transport in [Transport::Http, Transport::Lambda, Transport::Http] {
                stack.mparticle.deliver(transport, &request).await?;
            }
        }
        stack.arrives(&model).await
    })
    .await
}

pub(crate) async fn thousands_arrive_while_thirty_percent_of_calls_fail() -> Result<()> {
    story(Options::new(), async |stack| {
        let mapping = |fault: Fault| fault.on(MAPPING).share(0.06);
        let faults = [
            Fault::status(502),
            Fault::code(50000, "Internal error"),
            Fault::code(51010, "Segment time-out").applied(),
            Fault::cut(),
            Fault::cut().applied(),
            Fault::new(Kind::Truncated).applied(),
        ];
        for fault in faults {
            stack.tiktok.fault(mapping(fault)).await?;
        }
        let (mut people, mut model) = (People::new("thousands"), Model::default());
        for name in ["North", "East", "South", "West"] {
            let (customer, audience) = stack.connected(name).await?;
            for _ in 0..5 {
                let people = people.plain(1_000);
                let changes = |range: std::ops::Range<usize>, action| Profile::all(&people[range], &audience, action);
                let requests = [
                    [changes(0..500, Action::Add), changes(600..700, Action::Delete)].concat(),
                    [changes(500..550, Action::Add), changes(500..550, Action::Delete)].concat(),
                    [changes(500..1_000, Action::Add), changes(400..500, Action::Delete)].concat(),
                ];
                for (number, profiles) in requests.iter().enumerate() {
                    let transport = Transport::BOTH[number % 2];
                    stack.change(&mut model, transport, &customer.account, profiles).await?;
                }
            }
        }
        stack.arrives(&model).await?;
        let calls = stack.tiktok.journal().await?;
        let calls: Vec<_> = calls.iter().filter(|call| call.path == MAPPING).collect();
        let failed = calls.iter().filter(|call| call.fault.is_some()).count();
        ensure!(failed * 6 > calls.len(), "only {failed} of {} calls failed", calls.len());
        Ok(())
    })
    .await
}

pub(crate) async fn sqs_failing_in_part_is_answered_with_503_and_a_repetition_does_no_harm() -> Result<()> {
    // What a lost answer held comes back when the invocation would have ended.
    story(Options::new().with("UploaderTimeoutSeconds", "30"), async |stack| {
        let (customer, audience) = stack.connected("Half accepted").await?;
        let people = People::new("half accepted").plain(1_500);
        let mut model = Model::default();
        let joining = Profile::all(&people, &audience, Action::Add);
        model.apply(&joining);
        let request = message::membership(&customer.account, &joining);
        let sending = |kind| AwsFault::sqs(kind).on("SendMessageBatch").by("ingest");

        // One entry of each batch is refused for as long as ingest may try.
        stack.cloud.fault(&sending(AwsFaultKind::EntryRefused)).await?;
        let refusal = stack.mparticle.send(Transport::Http, &request).await?.refusal()?;
        ensure!((refusal.status, refusal.error.code.as_str()) == (Some(503), "queue_unavailable"), "{refusal}");
        stack.cloud.clear_faults().await?;
        stack.mparticle.deliver(Transport::Lambda, &request).await?;
        stack.arrives(&model).await?;

        // Once refused, once lost after it was carried out: made up for within the request.
        stack.cloud.fault(&sending(AwsFaultKind::EntryRefused).next(1)).await?;
        stack.cloud.fault(&sending(AwsFaultKind::AnswerLost).next(1)).await?;
        let leaving = Profile::all(&people[..700], &audience, Action::Delete);
        let answer = stack.mparticle.send(Transport::Http, &message::membership(&customer.account, &leaving)).await?;
        model.apply(&leaving);
        answer.response()?;
        stack.arrives(&model).await?;

        // The uploader's side: answers to receives and deletes are lost.
        for action in ["ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"] {
            stack.cloud.fault(&AwsFault::sqs(AwsFaultKind::AnswerLost).on(action).by("uploader").next(2)).await?;
        }
        let joining = Profile::all(&people[..300], &audience, Action::Add);
        stack.change(&mut model, Transport::Http, &customer.account, &joining).await?;
        let leaving = Profile::all(&people[..100], &audience, Action::Delete);
        stack.change(&mut model, Transport::Http, &customer.account, &leaving).await?;
        stack.arrives(&model).await
    })
    .await
}
