//! `/dmp/custom_audience/list/` and `/get/`: pages, lag, spelling, expiry, and odd rows.

use anyhow::Result;
use sandbox::control::{AudienceChange, NewAudience};
use serde_json::{Value, json};

use crate::{Story, md5};

const LIST: &str = "/dmp/custom_audience/list/";
const YEAR_MS: u64 = 365 * 86_400_000;

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row["name"].as_str()).collect()
}

#[tokio::test]
async fn the_list_comes_in_pages() -> Result<()> {
    let story = Story::begin().await?;
    for number in 0..5 {
        story.create_audience(&format!("A{number}")).await?;
    }
    let page = |page| [("advertiser_id", story.advertiser()), ("page", page), ("page_size", "2")];
    let last = story.get(LIST, &page("3")).await?.data;
    assert_eq!(last["list"].as_array().map(Vec::len), Some(1));
    assert_eq!(last["page_info"], json!({"page": 3, "page_size": 2, "total_number": 5, "total_page": 3}));
    for (name, value) in [("page_size", "101"), ("page", "0"), ("color", "red")] {
        let query = [("advertiser_id", story.advertiser()), (name, value)];
        assert_eq!(story.get(LIST, &query).await?.code, 40002, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn one_audience_can_be_looked_at() -> Result<()> {
    let story = Story::begin().await?;
    let id = story.create_audience("A").await?;
    let ids = json!([id]).to_string();
    let query = [("advertiser_id", story.advertiser()), ("custom_audience_ids", &ids)];
    let data = story.get("/dmp/custom_audience/get/", &query).await?.data;
    assert_eq!(data["list"][0]["audience_details"]["name"], "A");
    story.control.delete_audience(&id).await?;
    assert_eq!(story.get("/dmp/custom_audience/get/", &query).await?.code, 40007);
    Ok(())
}

#[tokio::test]
async fn creations_and_deletions_may_show_late() -> Result<()> {
    let story = Story::with(|rules| {
        rules.creation_shows_after_ms = 60_000;
        rules.deletion_shows_after_ms = 60_000;
    })
    .await?;
    let id = story.create_audience("A").await?;
    assert!(story.list(&[]).await?.is_empty());
    let ids = json!([id]).to_string();
    let query = [("advertiser_id", story.advertiser()), ("custom_audience_ids", &ids)];
    assert_eq!(story.get("/dmp/custom_audience/get/", &query).await?.code, 40007);
    // It takes users meanwhile.
    let rows = json!([[{"id": md5(1), "audience_ids": [id]}, {}]]);
    assert_eq!(story.map("add", &rows).await?.code, 0);

    let rules = story.control.rules().await?;
    story.control.set_rules(&sandbox::Rules { creation_shows_after_ms: 0, ..rules }).await?;
    assert_eq!(story.delete_audience(&id).await?.code, 0);
    assert_eq!(story.list(&[]).await?[0]["audience_id"], json!(id));
    assert_eq!(story.map("add", &rows).await?.code, 40007);
    let rules = story.control.rules().await?;
    story.control.set_rules(&sandbox::Rules { deletion_shows_after_ms: 0, ..rules }).await?;
    assert!(story.list(&[]).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn the_type_is_spelled_as_the_rule_says() -> Result<()> {
    let story = Story::begin().await?;
    let id = story.create_audience("A").await?;
    let rows = json!([[{"id": md5(1), "audience_ids": [id]}, {}]]);
    for spelling in ["Partner Audience", "Partner", "Segment"] {
        let rules = story.control.rules().await?;
        let rules = sandbox::Rules { partner_audience_type: spelling.to_owned(), ..rules };
        story.control.set_rules(&rules).await?;
        assert_eq!(story.list(&[]).await?[0]["audience_type"], spelling);
        assert_eq!(story.control.audiences(story.advertiser()).await?[0].audience_type, spelling);
        assert_eq!(story.map("add", &rows).await?.code, 0);
    }
    Ok(())
}

#[tokio::test]
async fn a_creator_asks_for_nothing_that_others_shared() -> Result<()> {
    let story = Story::begin().await?;
    story.create_audience("Own").await?;
    let advertiser_id = story.advertiser().to_owned();
    let new = NewAudience { advertiser_id, name: "Shared".to_owned(), audience_type: None };
    let shared = story.control.create_audience(&new).await?;
    let change = AudienceChange { shared: Some(true), ..AudienceChange::default() };
    story.control.change_audience(&shared, &change).await?;
    assert_eq!(names(&story.list(&[("is_creator", "true")]).await?), ["Own"]);
    assert_eq!(names(&story.list(&[]).await?), ["Shared", "Own"]);
    assert_eq!(names(&story.list(&[("is_creator", "false")]).await?), ["Shared", "Own"]);
    let query = [("advertiser_id", story.advertiser()), ("is_creator", "1")];
    assert_eq!(story.get(LIST, &query).await?.code, 40002);
    Ok(())
}

#[tokio::test]
async fn a_row_can_be_odd() -> Result<()> {
    let story = Story::begin().await?;
    let id = story.create_audience("A").await?;
    let number: u64 = id.parse()?;
    let show = async |shown_as: Value| {
        let change = AudienceChange { shown_as: Some(shown_as), ..AudienceChange::default() };
        story.control.change_audience(&id, &change).await?;
        anyhow::Ok(story.list(&[]).await?.remove(0))
    };
    let row = show(json!({"audience_id": number, "name": null, "expired_time": null})).await?;
    assert_eq!((&row["audience_id"], &row["name"]), (&json!(number), &Value::Null));
    assert_eq!(row["audience_type"], "Partner Audience");
    assert_eq!(show(json!("not a row")).await?, json!("not a row"));
    assert_eq!(show(json!({})).await?["audience_id"], json!(id));
    Ok(())
}

#[tokio::test]
async fn size_and_age_decide_whether_an_audience_is_valid() -> Result<()> {
    let story = Story::with(|rules| rules.minimum_members = 2).await?;
    let id = story.create_audience("A").await?;
    let seen = async || {
        let row = story.list(&[]).await?.remove(0);
        anyhow::Ok((row["cover_num"].as_u64(), row["is_valid"].as_bool(), row["is_expiring"].as_bool()))
    };
    let add = async |number| {
        let rows = json!([[{"id": md5(number), "audience_ids": [id]}, {}]]);
        anyhow::Ok(story.map("add", &rows).await?.code)
    };
    add(1).await?;
    assert_eq!(seen().await?, (Some(1), Some(false), Some(false)));
    add(2).await?;
    assert_eq!(seen().await?, (Some(2), Some(true), Some(false)));

    let now_ms = story.control.audiences(story.advertiser()).await?[0].expires_ms - YEAR_MS;
    let soon = AudienceChange { expires_ms: Some(now_ms + 86_400_000), ..AudienceChange::default() };
    story.control.change_audience(&id, &soon).await?;
    assert_eq!(seen().await?, (Some(2), Some(true), Some(true)));
    // Being used makes it last for another year.
    assert_eq!(add(3).await?, 0);
    assert_eq!(seen().await?, (Some(3), Some(true), Some(false)));
    story.control.expire_audience(&id).await?;
    assert_eq!(seen().await?, (Some(3), Some(false), Some(false)));

    let set = AudienceChange { cover_num: Some(60_000), is_valid: Some(true), ..AudienceChange::default() };
    story.control.change_audience(&id, &set).await?;
    assert_eq!(seen().await?, (Some(60_000), Some(true), Some(false)));
    Ok(())
}
