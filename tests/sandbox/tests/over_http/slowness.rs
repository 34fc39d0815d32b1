//! A slow TikTok: when a call takes effect that waits, and what a caller who hangs up leaves behind.

use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::Method;
use sandbox::journal::Query;
use sandbox::{CarriedOut, Fault, RateLimits, Rules};
use serde_json::json;

use crate::Story;

const WAIT_MS: u64 = 300;
/// No test waits for so long: what is answered did not wait.
const HOUR_MS: u64 = 3_600_000;

async fn slow(story: &Story, carried_out: CarriedOut) -> Result<()> {
    let rules = story.control.rules().await?;
    story.control.set_rules(&Rules { answer_after_ms: WAIT_MS, carried_out, ..rules }).await?;
    Ok(())
}

#[tokio::test]
async fn every_call_waits_and_takes_effect_before_or_after() -> Result<()> {
    let story = Story::begin().await?;
    for (carried_out, early) in [(CarriedOut::BeforeWait, true), (CarriedOut::AfterWait, false)] {
        slow(&story, carried_out).await?;
        let start = Instant::now();
        let id = story.create_audience("A").await?;
        assert!(start.elapsed() >= Duration::from_millis(WAIT_MS));
        let call = story.control.journal().await?.pop();
        let call = call.ok_or_else(|| anyhow::anyhow!("no call"))?;
        let (applied, answered) = (call.applied_at_ms.unwrap_or_default(), call.answered_at_ms.unwrap_or_default());
        assert_eq!(applied < call.at_ms + WAIT_MS, early, "{call:?}");
        assert!(answered >= call.at_ms + WAIT_MS, "{call:?}");
        assert_eq!(call.audience_ids, [id]);
    }
    Ok(())
}

#[tokio::test]
async fn a_call_whose_caller_hung_up_is_done_or_not_as_the_rule_says() -> Result<()> {
    for (carried_out, applied) in
        [(CarriedOut::BeforeWait, true), (CarriedOut::AfterWait, false), (CarriedOut::AfterWaitRegardless, true)]
    {
        let story = Story::begin().await?;
        slow(&story, carried_out).await?;
        let given_up = tokio::time::timeout(Duration::from_millis(100), story.create_audience("A")).await;
        assert!(given_up.is_err());
        tokio::time::sleep(Duration::from_millis(WAIT_MS)).await;
        let call = story.control.journal().await?.pop();
        assert_eq!(call.map(|call| call.applied), Some(applied), "{carried_out:?}");
        assert_eq!(story.control.audiences(story.advertiser()).await?.len(), usize::from(applied));
    }
    Ok(())
}

#[tokio::test]
async fn a_slow_call_can_land_behind_a_newer_one() -> Result<()> {
    let story = Story::begin().await?;
    let audience = story.create_audience("A").await?;
    let rows = json!([[{"id": crate::md5(1), "audience_ids": [audience]}, {}]]);
    slow(&story, CarriedOut::AfterWaitRegardless).await?;
    let given_up = tokio::time::timeout(Duration::from_millis(50), story.map("add", &rows)).await;
    assert!(given_up.is_err());
    let rules = story.control.rules().await?;
    story.control.set_rules(&Rules { answer_after_ms: 0, ..rules }).await?;
    assert_eq!(story.map("delete", &rows).await?.code, 0);
    assert!(story.control.members(&audience).await?.is_empty());
    let late = Query { action: Some("add".to_owned()), ..Query::path("/segment/mapping/") };
    let late = story.control.next_call(&late, Duration::from_secs(5)).await?;
    assert_eq!(late.map(|call| call.applied), Some(true));
    assert_eq!(story.control.members(&audience).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_fault_waits_too_and_a_limit_refuses_at_once() -> Result<()> {
    let story = Story::begin().await?;
    slow(&story, CarriedOut::AfterWait).await?;
    story.control.fault(Fault::status(503).next(1)).await?;
    let start = Instant::now();
    assert_eq!(story.as_customer(Method::GET, "/user/info/").send().await?.status(), 503);
    assert!(start.elapsed() >= Duration::from_millis(WAIT_MS));
    let app_limits = RateLimits { per_day: Some(0), ..RateLimits::none() };
    let rules = story.control.rules().await?;
    story.control.set_rules(&Rules { app_limits, answer_after_ms: HOUR_MS, ..rules }).await?;
    assert_eq!(story.user_info(story.token()).await?.code, 40100);
    Ok(())
}
