//! Rules: everybody's, and those of one advertiser.

use std::time::{Duration, Instant};

use anyhow::Result;
use sandbox::{RateLimits, Rules};
use serde_json::json;

use crate::{Answer, Story};

#[tokio::test]
async fn rules_set_at_run_time_keep_the_first_app() -> Result<()> {
    let story = Story::begin().await?;
    let changed = Rules { app_id: "1".to_owned(), max_rows: 5, ..Rules::default() };
    story.control.set_rules(&changed).await?;
    let rules = story.control.rules().await?;
    assert_eq!((rules.max_rows, rules.app_id), (5, Rules::default().app_id));
    Ok(())
}

#[tokio::test]
async fn an_advertiser_can_have_rules_of_its_own() -> Result<()> {
    let story = Story::begin().await?;
    let other = story.control.customer("Other").await?;
    let own = Rules {
        partner_audience_type: "Segment".to_owned(),
        answer_after_ms: 300,
        advertiser_limits: RateLimits { per_day: Some(3), ..RateLimits::none() },
        ..story.control.rules().await?
    };
    story.control.set_rules_of(story.advertiser(), &own).await?;
    assert_eq!(story.control.rules_of(story.advertiser()).await?, own);
    story.create_audience("A").await?;
    let start = Instant::now();
    assert_eq!(story.list(&[]).await?[0]["audience_type"], "Segment");
    assert!(start.elapsed() >= Duration::from_millis(300));
    story.list(&[]).await?;
    let query = [("advertiser_id", story.advertiser())];
    assert_eq!(story.get("/dmp/custom_audience/list/", &query).await?.code, 40132);

    // No test waits for an hour: what is answered did not wait.
    story.control.set_rules_of(story.advertiser(), &Rules { answer_after_ms: 3_600_000, ..own }).await?;
    let advertiser_id = &other.advertiser.advertiser_id;
    let body = json!({"advertiser_id": advertiser_id, "action": "create", "custom_audience_name": "B"});
    let with_token = |request: reqwest::RequestBuilder| request.header("Access-Token", &other.token.access_token);
    let create = with_token(story.request(reqwest::Method::POST, "/segment/audience/")).json(&body);
    assert_eq!(Answer::read(create.send().await?).await?.code, 0);
    let list = with_token(story.request(reqwest::Method::GET, "/dmp/custom_audience/list/"));
    let list = Answer::read(list.query(&[("advertiser_id", advertiser_id)]).send().await?).await?;
    assert_eq!(list.data["list"][0]["audience_type"], "Partner Audience");

    story.control.clear_rules_of(story.advertiser()).await?;
    assert!(story.control.clear_rules_of(story.advertiser()).await.is_err());
    assert_eq!(story.list(&[]).await?[0]["audience_type"], "Partner Audience");
    Ok(())
}
