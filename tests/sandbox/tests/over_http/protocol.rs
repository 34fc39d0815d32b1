//! What holds for every call: slashes, headers, JSON, tokens, limits.

use anyhow::Result;
use reqwest::Method;
use sandbox::RateLimits;
use serde_json::json;

use crate::{Answer, Story};

#[tokio::test]
async fn a_path_without_its_slash_is_not_found() -> Result<()> {
    let story = Story::begin().await?;
    assert_eq!(story.as_customer(Method::GET, "/user/info").send().await?.status(), 404);
    assert_eq!(story.as_customer(Method::POST, "/user/info/").send().await?.status(), 405);
    let journal = story.control.journal().await?;
    assert_eq!(journal.iter().map(|entry| entry.status).collect::<Vec<_>>(), [Some(404), Some(405)]);
    Ok(())
}

#[tokio::test]
async fn an_answer_carries_its_request_id_in_body_and_header() -> Result<()> {
    let story = Story::begin().await?;
    let response = story.as_customer(Method::GET, "/user/info/").send().await?;
    let header = response.headers()["x-tt-logid"].to_str()?.to_owned();
    let body: serde_json::Value = response.json().await?;
    assert_eq!(body["request_id"], header);
    assert_eq!(body["code"], 0);
    assert_eq!(story.control.journal().await?[0].request_id, header);
    Ok(())
}

#[tokio::test]
async fn a_token_is_needed_and_must_live() -> Result<()> {
    let story = Story::begin().await?;
    let none = story.request(Method::GET, "/user/info/").send().await?;
    assert_eq!(Answer::read(none).await?.code, 40104);
    let bearer = story.request(Method::GET, "/user/info/").bearer_auth(story.token()).send().await?;
    assert_eq!(Answer::read(bearer).await?.code, 40104);
    let wrong = story.request(Method::GET, "/user/info/").header("Access-Token", "bogus").send().await?;
    assert_eq!(Answer::read(wrong).await?.code, 40105);
    story.control.revoke(story.token()).await?;
    assert_eq!(story.get("/user/info/", &[]).await?.code, 40105);
    Ok(())
}

#[tokio::test]
async fn a_body_must_be_json_say_so_and_have_no_field_too_many() -> Result<()> {
    let story = Story::begin().await?;
    let path = "/segment/audience/";
    let good = json!({"advertiser_id": story.advertiser(), "action": "create", "custom_audience_name": "A"});
    let untyped = story.as_customer(Method::POST, path).body(good.to_string()).send().await?;
    assert_eq!(Answer::read(untyped).await?.code, 40002);
    let broken = story.as_customer(Method::POST, path).header("Content-Type", "application/json").body("{").send();
    assert_eq!(Answer::read(broken.await?).await?.code, 40002);
    let fields = json!([story.advertiser(), "create", "A", null]);
    assert_eq!(story.post(path, &fields).await?.code, 40002);
    let mut more = good.clone();
    more["surprise"] = json!(1);
    let answer = story.post(path, &more).await?;
    assert_eq!(answer.code, 40002);
    assert!(answer.message.contains("surprise"), "{}", answer.message);
    assert_eq!(story.post(path, &good).await?.code, 0);
    Ok(())
}

#[tokio::test]
async fn a_body_over_the_limit_is_an_invalid_batch() -> Result<()> {
    let story = Story::with(|rules| rules.max_body_bytes = 100).await?;
    let body = json!({"advertiser_id": story.advertiser(), "action": "create", "custom_audience_name": "A".repeat(60)});
    assert_eq!(story.post("/segment/audience/", &body).await?.code, 40061);
    Ok(())
}

#[tokio::test]
async fn calls_over_the_limits_of_app_and_advertiser_are_refused() -> Result<()> {
    let story = Story::begin().await?;
    let list = [("advertiser_id", story.advertiser())];
    let day = |calls| RateLimits { per_day: Some(calls), ..RateLimits::none() };
    story.control.set_limits(day(2), RateLimits::none()).await?;
    for expected in [0, 0, 40100] {
        assert_eq!(story.get("/dmp/custom_audience/list/", &list).await?.code, expected);
    }
    story.control.set_limits(RateLimits::none(), day(1)).await?;
    for expected in [0, 40132] {
        assert_eq!(story.get("/dmp/custom_audience/list/", &list).await?.code, expected);
    }
    assert_eq!(story.get("/user/info/", &[]).await?.code, 0);
    Ok(())
}
