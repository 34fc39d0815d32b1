//! TikTok throttles: the sender slows down for whom it is meant, catches up afterwards, and loses nothing.

use std::time::Duration;

use anyhow::Result;
use e2e::mparticle::Door;
use e2e::{Action, Model, Options, People, Profile, story};
use sandbox::{Fault, RateLimits};

const MAPPING: &str = "/segment/mapping/";

#[tokio::test]
async fn a_throttling_storm_is_ridden_out_and_a_throttled_advertiser_waits_alone() -> Result<()> {
    story(Options::new(), async |stack| {
        let mut people = People::new("storm");
        let mut model = Model::default();
        let (loud, other) = (stack.customer("Loud").await?, stack.customer("Other").await?);
        let loud_throttled = Fault::code(40133, "Advertiser too loud").on(MAPPING).advertiser(&loud.account.advertiser_id);
        let number = stack.tiktok.fault(loud_throttled).await?;
        stack.tiktok.fault(Fault::code(40100, "Too many requests").on(MAPPING).next(3)).await?;
        stack.tiktok.set_limits(RateLimits::a_second(3), RateLimits::none()).await?;

        stack.uploader.hold().await?;
        let mut first = Vec::new();
        for customer in [&loud, &other] {
            let audience = stack.connect(&customer.account, 1, "Stormy").await?;
            let people = people.plain(4_000);
            for people in people.chunks(1_000) {
                let profiles = Profile::all(&people, &audience, Action::Add);
                stack.change(&mut model, Door::Direct, &customer.account, &profiles).await?;
            }
            first.push(audience);
        }
        stack.uploader.release().await?;

        let id = |index: usize| first[index].tiktok_id.clone().unwrap_or_default();
        let held = async |id: &str| -> Result<usize> { Ok(stack.tiktok.members(id).await?.values().map(Vec::len).sum()) };
        let mut waited = 0;
        while held(&id(1)).await? < model.members(&id(1)) {
            assert!(waited < 150, "the other advertiser waits for the loud one");
            tokio::time::sleep(Duration::from_millis(200)).await;
            waited += 1;
        }
        assert_eq!(held(&id(0)).await?, 0, "the loud one is throttled all the while");
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
