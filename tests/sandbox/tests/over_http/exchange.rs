//! `/oauth2/access_token/`: a code is spent by a token, and by nothing else.

use anyhow::Result;
use reqwest::Method;
use sandbox::control::NewGrant;
use sandbox::{Fault, RateLimits, Rules};
use serde_json::{Value, json};

use crate::{Answer, Story};

const EXCHANGE: &str = "/oauth2/access_token/";

fn body(code: &str, secret: &str) -> Value {
    json!({"app_id": Rules::default().app_id, "secret": secret, "auth_code": code})
}

async fn exchange(story: &Story, code: &str) -> Result<Answer> {
    story.post(EXCHANGE, &body(code, &Rules::default().app_secret)).await
}

#[tokio::test]
async fn a_code_is_exchanged_once_and_in_time() -> Result<()> {
    let story = Story::begin().await?;
    let secret = Rules::default().app_secret;
    let grant = NewGrant::of("operator");
    let code = story.control.auth_code(&grant).await?;
    assert_eq!(story.post(EXCHANGE, &body(&code, "wrong")).await?.code, 40113);
    let answer = exchange(&story, &code).await?;
    let operator = story.control.person("operator").await?;
    assert_eq!(answer.data["advertiser_ids"], json!(operator.advertisers));
    assert_eq!(answer.data["scope"], json!([1, 3, 4]));
    assert_eq!(answer.data["access_token"].as_str().map(str::len), Some(40));
    assert_eq!(exchange(&story, &code).await?.code, 40110);

    let late = story.control.auth_code(&NewGrant { life_ms: Some(0), ..grant.clone() }).await?;
    assert_eq!(exchange(&story, &late).await?.code, 40110);

    let mut body = body(&story.control.auth_code(&grant).await?, &secret);
    body["return_advertiser_ids"] = json!(false);
    assert_eq!(story.post(EXCHANGE, &body).await?.data["advertiser_ids"], json!([]));
    body["app_id"] = json!("7999999999999999999");
    assert_eq!(story.post(EXCHANGE, &body).await?.code, 40101);
    Ok(())
}

#[tokio::test]
async fn a_throttled_exchange_leaves_the_code_unspent() -> Result<()> {
    let story = Story::begin().await?;
    let code = story.control.auth_code(&NewGrant::of("operator")).await?;
    story.control.fault(Fault::code(40100, "Too many requests").on(EXCHANGE).next(1)).await?;
    assert_eq!(exchange(&story, &code).await?.code, 40100);
    story.control.set_limits(RateLimits { per_day: Some(0), ..RateLimits::none() }, RateLimits::none()).await?;
    assert_eq!(exchange(&story, &code).await?.code, 40100);
    story.control.set_limits(RateLimits::none(), RateLimits::none()).await?;
    assert_eq!(exchange(&story, &code).await?.code, 0);
    Ok(())
}

#[tokio::test]
async fn a_cut_connection_spends_the_code_only_if_the_exchange_was_applied() -> Result<()> {
    let story = Story::begin().await?;
    for (fault, code_after) in [(Fault::cut(), 0), (Fault::cut().applied(), 40110), (Fault::status(502), 0)] {
        let code = story.control.auth_code(&NewGrant::of("operator")).await?;
        story.control.fault(fault.clone().on(EXCHANGE).next(1)).await?;
        let request = story.request(Method::POST, EXCHANGE).json(&body(&code, &Rules::default().app_secret));
        let lost = request.send().await;
        assert!(lost.map_or(true, |response| response.status() == 502));
        assert_eq!(exchange(&story, &code).await?.code, code_after, "{fault:?}");
    }
    Ok(())
}

#[tokio::test]
async fn calls_that_a_fault_skips_are_carried_out_as_if_there_were_none() -> Result<()> {
    let story = Story::begin().await?;
    story.control.fault(Fault::code(40100, "Too many requests").on(EXCHANGE).after(1).next(1)).await?;
    let mut codes = Vec::new();
    for _ in 0..2 {
        let code = story.control.auth_code(&NewGrant::of("operator")).await?;
        for _ in 0..2 {
            codes.push(exchange(&story, &code).await?.code);
        }
    }
    // The second call is the one that is hit, and its code was spent by the first; the third and fourth are unhurt.
    assert_eq!(codes, [0, 40100, 0, 40110]);
    Ok(())
}
