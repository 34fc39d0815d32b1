//! Faults: each kind, when it is due, and whether the call took effect.

use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::{Method, Response};
use sandbox::Fault;
use sandbox::fault::Kind;
use serde_json::{Value, json};

use crate::{Story, md5};

async fn create(story: &Story) -> reqwest::Result<Response> {
    let body = json!({"advertiser_id": story.advertiser(), "action": "create", "custom_audience_name": "A"});
    story.as_customer(Method::POST, "/segment/audience/").json(&body).send().await
}

async fn audiences(story: &Story) -> Result<usize> {
    Ok(story.control.audiences(story.advertiser()).await?.len())
}

#[tokio::test]
async fn a_code_comes_for_the_next_calls_after_some_and_only_where_it_is_scoped() -> Result<()> {
    let story = Story::begin().await?;
    let fault = Fault::code(50000, "Internal").on("/segment/audience/").advertiser(story.advertiser());
    let number = story.control.fault(fault.action("create").after(1).next(2)).await?;
    let other = story.control.customer("Other").await?;
    let mut codes = Vec::new();
    for _ in 0..4 {
        let body: Value = create(&story).await?.json().await?;
        codes.push(body["code"].clone());
        let body =
            json!({"advertiser_id": other.advertiser.advertiser_id, "action": "create", "custom_audience_name": "B"});
        let request =
            story.request(Method::POST, "/segment/audience/").header("Access-Token", &other.token.access_token);
        let unhurt: Value = request.json(&body).send().await?.json().await?;
        assert_eq!(unhurt["code"], 0);
    }
    assert_eq!(codes, [0, 50000, 50000, 0]);
    assert_eq!(audiences(&story).await?, 2);
    assert!(story.control.faults().await?.is_empty());
    assert_eq!(story.control.fault_hits(number).await?, 2);
    assert!(story.control.fault_hits(number + 1).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_share_of_calls_is_hit_and_the_same_ones_with_the_same_seed() -> Result<()> {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let story = Story::begin().await?;
        story.control.fault(Fault::status(503).share(0.3)).await?;
        let mut hits = Vec::new();
        for _ in 0..100 {
            hits.push(story.as_customer(Method::GET, "/user/info/").send().await?.status() == 503);
        }
        runs.push(hits);
    }
    let hits = runs[0].iter().filter(|hit| **hit).count();
    assert!((15..=45).contains(&hits), "{hits}");
    assert_eq!(runs[0], runs[1]);
    Ok(())
}

#[tokio::test]
async fn a_cut_connection_loses_the_call_or_only_its_answer() -> Result<()> {
    let story = Story::begin().await?;
    story.control.fault(Fault::cut().next(1)).await?;
    assert!(create(&story).await.is_err());
    assert_eq!(audiences(&story).await?, 0);
    story.control.fault(Fault::cut().applied().next(1)).await?;
    assert!(create(&story).await.is_err());
    assert_eq!(audiences(&story).await?, 1);
    let journal = story.control.journal().await?;
    let seen: Vec<_> = journal.iter().map(|entry| (entry.fault.as_deref(), entry.status, entry.applied)).collect();
    assert_eq!(seen, [(Some("cut"), None, false), (Some("cut"), None, true)]);
    assert!(create(&story).await?.status().is_success());
    Ok(())
}

#[tokio::test]
async fn a_hang_delays_and_whoever_hangs_up_leaves_the_call_undone() -> Result<()> {
    let story = Story::begin().await?;
    story.control.fault(Fault::hang(60).next(1)).await?;
    let start = Instant::now();
    let body: Value = create(&story).await?.json().await?;
    assert!(start.elapsed() >= Duration::from_millis(60));
    assert_eq!(body["code"], 0);
    for (fault, after) in [(Fault::hang(300), 1), (Fault::hang(300).applied(), 2)] {
        story.control.fault(fault.next(1)).await?;
        let given_up = tokio::time::timeout(Duration::from_millis(100), create(&story)).await;
        assert!(given_up.is_err());
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(audiences(&story).await?, after);
    }
    Ok(())
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be() -> Result<()> {
    let story = Story::begin().await?;
    story.control.fault(Fault::text("<html>busy</html>").next(1)).await?;
    assert_eq!(create(&story).await?.text().await?, "<html>busy</html>");

    story.control.fault(Fault::new(Kind::Truncated).applied().next(1)).await?;
    let truncated = create(&story).await?;
    assert_eq!(truncated.status(), 200);
    assert!(truncated.text().await.is_err());
    assert_eq!(audiences(&story).await?, 1);

    story.control.fault(Fault::new(Kind::Oversized { bytes: 3_000_000 }).next(1)).await?;
    let body = create(&story).await?.text().await?;
    assert!(body.len() > 3_000_000);
    assert_eq!(serde_json::from_str::<Value>(&body)?["code"], 0);
    Ok(())
}

#[tokio::test]
async fn a_redirect_that_is_followed_shows_in_the_journal() -> Result<()> {
    let story = Story::begin().await?;
    story.control.fault(Fault::new(Kind::Redirect { location: None }).next(1)).await?;
    let response = create(&story).await?;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["location"] == "/open_api/v1.3/redirected/"),
        (307, true)
    );
    story.as_customer(Method::POST, "/redirected/").send().await?;
    assert_eq!(story.control.journal().await?[1].path, "/redirected/");
    Ok(())
}

#[tokio::test]
async fn an_answer_can_be_a_failure_although_the_call_took_effect() -> Result<()> {
    let story = Story::begin().await?;
    let audience = story.create_audience("A").await?;
    story.control.fault(Fault::code(51010, "Time-out").applied().next(1)).await?;
    let rows = json!([[{"id": md5(1), "audience_ids": [audience]}, {}]]);
    assert_eq!(story.map("add", &rows).await?.code, 51010);
    assert_eq!(story.control.members(&audience).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_fault_can_be_taken_back() -> Result<()> {
    let story = Story::begin().await?;
    let number = story.control.fault(Fault::status(500)).await?;
    story.control.clear_fault(number).await?;
    assert!(story.control.clear_fault(number).await.is_err());
    story.control.fault(Fault::status(500)).await?;
    story.control.clear_faults().await?;
    assert_eq!(create(&story).await?.status(), 200);
    Ok(())
}
