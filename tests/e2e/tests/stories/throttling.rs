//! TikTok throttles: the uploader slows down for whom it is meant, catches up afterwards, and loses nothing.

use anyhow::{Result, ensure};
use e2e::{Action, Model, Options, People, Profile, Transport, story, until};
use sandbox::{Fault, RateLimits};

const MAPPING: &str = "/segment/mapping/";

pub(crate) async fn a_throttled_app_catches_up_and_a_throttled_advertiser_waits_alone() -> Result<()> {
    story(Options::new(), async |stack| {
        let (loud, other) = (stack.connected("Loud").await?, stack.connected("Other").await?);
        let loud_throttled =
            Fault::code(40133, "Advertiser too loud").on(MAPPING).advertiser(&loud.0.account.advertiser_id);
        let number = stack.tiktok.fault(loud_throttled).await?;
        stack.tiktok.fault(Fault::code(40100, "Too many requests").on(MAPPING).next(3)).await?;
        stack.tiktok.set_limits(RateLimits::a_second(3), RateLimits::none()).await?;

        let (mut people, mut model) = (People::new("storm"), Model::default());
        for (customer, audience) in [&loud, &other] {
            let people = people.plain(4_000);
            for people in people.chunks(1_000) {
                let profiles = Profile::all(people, audience, Action::Add);
                stack.change(&mut model, Transport::Lambda, &customer.account, &profiles).await?;
            }
        }
        until("the other advertiser is served", async || {
            Ok(model.compare_one(&stack.tiktok, &other.1).await?.agrees())
        })
        .await?;
        ensure!(model.compare_one(&stack.tiktok, &loud.1).await?.held == 0, "throttled all the while");
        stack.tiktok.clear_fault(number).await?;
        stack.arrives(&model).await?;

        let calls = stack.tiktok.journal().await?;
        let throttled = calls.iter().filter(|call| matches!(call.code, Some(40100 | 40132 | 40133))).count();
        ensure!(throttled < 40, "{throttled} calls while TikTok throttled");
        Ok(())
    })
    .await
}
