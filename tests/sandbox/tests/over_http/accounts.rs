//! People, apps and advertisers: who may do what.

use anyhow::Result;
use reqwest::Method;
use sandbox::Rules;
use sandbox::control::{AdvertiserChange, NewApp, NewGrant, PersonChange};
use sandbox::world::Role;
use serde_json::json;

use crate::{Answer, Story};

const LIST: &str = "/dmp/custom_audience/list/";

async fn list_with(story: &Story, token: &str, advertiser: &str) -> Result<u64> {
    let request = story.request(Method::GET, LIST).header("Access-Token", token);
    Ok(Answer::read(request.query(&[("advertiser_id", advertiser)]).send().await?).await?.code)
}

#[tokio::test]
async fn a_token_reaches_only_its_own_advertisers() -> Result<()> {
    let story = Story::begin().await?;
    let other = story.control.customer("Other").await?;
    let theirs = &other.advertiser.advertiser_id;
    assert_eq!(list_with(&story, story.token(), story.advertiser()).await?, 0);
    assert_eq!(list_with(&story, story.token(), theirs).await?, 40001);
    let change = PersonChange { advertisers: Some(Vec::new()), ..PersonChange::default() };
    story.control.change_person(&other.person.core_user_id, &change).await?;
    assert_eq!(list_with(&story, &other.token.access_token, theirs).await?, 40001);
    story.control.remove_advertiser(theirs).await?;
    assert_eq!(list_with(&story, story.token(), theirs).await?, 40300);
    Ok(())
}

#[tokio::test]
async fn an_analyst_may_not_touch_audiences() -> Result<()> {
    let story = Story::begin().await?;
    let change = PersonChange { role: Some(Role::Analyst), ..PersonChange::default() };
    story.control.change_person(&story.customer.person.key, &change).await?;
    assert_eq!(list_with(&story, story.token(), story.advertiser()).await?, 40001);
    let rules = story.control.rules().await?;
    story.control.set_rules(&Rules { analyst_reads_audiences: true, ..rules }).await?;
    assert_eq!(list_with(&story, story.token(), story.advertiser()).await?, 0);
    let body = json!({"advertiser_id": story.advertiser(), "action": "create", "custom_audience_name": "A"});
    assert_eq!(story.post("/segment/audience/", &body).await?.code, 40001);
    Ok(())
}

#[tokio::test]
async fn scopes_say_what_a_token_is_good_for() -> Result<()> {
    let story = Story::begin().await?;
    let ids = json!([story.advertiser()]).to_string();
    for (scopes, list, info) in [(&[3][..], 0, 40001), (&[30], 0, 40001), (&[31], 40001, 40001), (&[10], 40001, 0)] {
        let grant = NewGrant::of(&story.customer.person.key).scopes(scopes);
        let token = story.control.token_with(&grant).await?.access_token;
        assert_eq!(list_with(&story, &token, story.advertiser()).await?, list, "{scopes:?}");
        let request = story.request(Method::GET, "/advertiser/info/").header("Access-Token", &token);
        let answer = Answer::read(request.query(&[("advertiser_ids", &ids)]).send().await?).await?;
        assert_eq!(answer.code, info, "{scopes:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_advertiser_must_be_approved_and_enabled() -> Result<()> {
    let story = Story::begin().await?;
    let off = AdvertiserChange { allow_listed: Some(false), ..AdvertiserChange::default() };
    story.control.change_advertiser(story.advertiser(), &off).await?;
    assert_eq!(list_with(&story, story.token(), story.advertiser()).await?, 40118);
    let disabled = Some("STATUS_DISABLE".to_owned());
    let change = AdvertiserChange { allow_listed: Some(true), status: disabled, ..AdvertiserChange::default() };
    story.control.change_advertiser(story.advertiser(), &change).await?;
    assert_eq!(list_with(&story, story.token(), story.advertiser()).await?, 40001);
    let ids = json!([story.advertiser()]).to_string();
    let query = [("advertiser_ids", &*ids), ("fields", r#"["status"]"#)];
    let info = story.get("/advertiser/info/", &query).await?.data;
    assert_eq!(info["list"], json!([{"status": "STATUS_DISABLE"}]));
    Ok(())
}

#[tokio::test]
async fn a_blocked_app_can_do_nothing() -> Result<()> {
    let story = Story::begin().await?;
    let Rules { app_id, app_secret, .. } = Rules::default();
    let mut app = NewApp { app_id: app_id.clone(), secret: app_secret.clone(), blocked: true };
    story.control.set_app(&app).await?;
    assert_eq!(story.get("/user/info/", &[]).await?.code, 40113);
    let query = [("app_id", &*app_id), ("secret", &*app_secret)];
    assert_eq!(story.get("/oauth2/advertiser/get/", &query).await?.code, 40113);
    app.blocked = false;
    story.control.set_app(&app).await?;
    let data = story.get("/oauth2/advertiser/get/", &query).await?.data;
    assert_eq!(data["list"], json!([{"advertiser_id": story.advertiser(), "advertiser_name": "Acme"}]));
    Ok(())
}

#[tokio::test]
async fn a_token_of_another_app_is_inconsistent() -> Result<()> {
    let story = Story::begin().await?;
    let app = NewApp { app_id: "7300000000000000002".to_owned(), secret: "s".to_owned(), blocked: false };
    story.control.set_app(&app).await?;
    let query = [("app_id", &*app.app_id), ("secret", "s")];
    let answer = story.get("/oauth2/advertiser/get/", &query).await?;
    assert_eq!(answer.code, 40000);
    assert!(answer.message.contains("app_id is inconsistent"), "{}", answer.message);
    Ok(())
}

#[tokio::test]
async fn the_seeded_people_are_there() -> Result<()> {
    let story = Story::begin().await?;
    for (key, accounts) in [("admin", 3), ("operator", 2), ("analyst", 1), ("business-center", 0), ("many", 137)] {
        assert_eq!(story.control.person(key).await?.advertisers.len(), accounts, "{key}");
    }
    let hostile = story.control.person("hostile").await?;
    let first = story.control.advertiser(&hostile.advertisers[0]).await?;
    assert!(first.name.starts_with("<script>"));
    let user = story.get("/user/info/", &[]).await?.data;
    assert_eq!(user["core_user_id"], json!(story.customer.person.core_user_id));
    Ok(())
}
