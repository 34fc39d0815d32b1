//! TikTok throttles: the sender slows down for whom it is meant, catches up afterwards, and loses nothing.

use anyhow::Result;
use e2e::mparticle::Door;
use e2e::{Action, Model, Options, People, Profile, story, until};
use sandbox::{Fault, RateLimits};

const MAPPING: &str = "/segment/mapping/";

#[tokio::test]
async fn a_throttling_storm_is_ridden_out_and_a_throttled_advertiser_waits_alone() -> Result<()> {
    story(Options::new(), async |stack| {
        let mut people = People::new("storm");
        let mut model = Model::default();
        let (loud, other) = (stack.customer("Loud").await?, stack.customer("Other").await?);
        let loud_throttled =
            Fault::code(40133, "Advertiser too loud").on(MAPPING).advertiser(&loud.account.advertiser_id);
        let number = stack.tiktok.fault(loud_throttled).await?;
        stack.tiktok.fault(Fault::code(40100, "Too many requests").on(MAPPING).next(3)).await?;
        stack.tiktok.set_limits(RateLimits::a_second(3), RateLimits::none()).await?;

        stack.uploader.hold().await?;
        let mut audiences = Vec::new();
        for customer in [&loud, &other] {
            let audience = stack.connect(&customer.account, 1, "Stormy").await?;
            let people = people.plain(4_000);
            for people in people.chunks(1_000) {
                let profiles = Profile::all(people, &audience, Action::Add);
                stack.change(&mut model, Door::Direct, &customer.account, &profiles).await?;
            }
            audiences.push(audience);
        }
        stack.uploader.release().await?;

        until("the other advertiser is served", 30, async || {
            Ok(model.compare_one(&stack.tiktok, &audiences[1]).await?.agrees())
        })
        .await?;
        assert_eq!(model.compare_one(&stack.tiktok, &audiences[0]).await?.held, 0, "throttled all the while");
        stack.tiktok.clear_fault(number).await?;
        stack.arrives(&model, 120).await?;

        let calls = stack.tiktok.journal().await?;
        let throttled = calls.iter().filter(|call| matches!(call.code, Some(40100 | 40132 | 40133))).count();
        assert!(throttled < 40, "{throttled} calls against a closed door");
        assert!(stack.logs().await?.total("uploader", "throttles") > 0);
        Ok(())
    })
    .await
}
