//! `/segment/audience/` and the audience lists.

use anyhow::Result;
use serde_json::{Value, json};

use crate::Story;

const LIST: &str = "/dmp/custom_audience/list/";

#[tokio::test]
async fn the_same_name_makes_twins_and_a_long_one_is_cut() -> Result<()> {
    let story = Story::begin().await?;
    let (one, two) = (story.create_audience("Same").await?, story.create_audience("Same").await?);
    assert_ne!(one, two);
    story.create_audience(&"é".repeat(71)).await?;
    let list = story.get(LIST, &[("advertiser_id", story.advertiser()), ("page_size", "100")]).await?.data;
    let mut names: Vec<&str> =
        list["list"].as_array().into_iter().flatten().filter_map(|row| row["name"].as_str()).collect();
    names.sort_unstable();
    let cut = format!("{}...", "é".repeat(67));
    assert_eq!(names, ["Same", "Same", &cut]);
    assert_eq!(list["list"][0]["audience_type"], "Partner Audience");
    Ok(())
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
    for (name, value) in [("page_size", "101"), ("page", "0"), ("colour", "red")] {
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
async fn no_audience_is_created_beyond_the_limit() -> Result<()> {
    let story = Story::with(|rules| rules.max_audiences = 1).await?;
    story.create_audience("A").await?;
    let body = json!({"advertiser_id": story.advertiser(), "action": "create", "custom_audience_name": "B"});
    assert_eq!(story.post("/segment/audience/", &body).await?.code, 40002);
    Ok(())
}

#[tokio::test]
async fn an_audience_in_use_is_not_deleted_and_a_deleted_one_is_gone() -> Result<()> {
    let story = Story::begin().await?;
    let id = story.create_audience("A").await?;
    let body = json!({"advertiser_id": story.advertiser(), "action": "delete", "delete_audience_id": id});
    story.control.set_in_use(&id, true).await?;
    assert_eq!(story.post("/segment/audience/", &body).await?.code, 40002);
    story.control.set_in_use(&id, false).await?;
    assert_eq!(story.post("/segment/audience/", &body).await?.code, 0);
    assert_eq!(story.post("/segment/audience/", &body).await?.code, 40007);
    let rows = json!([[{"id": crate::md5(1), "audience_ids": [id]}, {}]]);
    assert_eq!(story.map("add", &rows).await?.code, 40007);
    let view = story.control.audiences(story.advertiser()).await?;
    assert!(view[0].deleted);
    Ok(())
}

#[tokio::test]
async fn a_deletion_may_show_late() -> Result<()> {
    let story = Story::with(|rules| rules.deletion_shows_after_ms = 60_000).await?;
    let id = story.create_audience("A").await?;
    story.control.delete_audience(&id).await?;
    let list = story.get(LIST, &[("advertiser_id", story.advertiser())]).await?.data;
    assert_eq!(list["list"][0]["audience_id"], Value::String(id));
    Ok(())
}

#[tokio::test]
async fn create_and_delete_do_not_mix_their_fields() -> Result<()> {
    let story = Story::begin().await?;
    for (action, fields) in [
        ("create", json!({})),
        ("create", json!({"custom_audience_name": " "})),
        ("create", json!({"custom_audience_name": "A", "delete_audience_id": "7"})),
        ("delete", json!({"custom_audience_name": "A"})),
    ] {
        let mut body = fields;
        body["advertiser_id"] = json!(story.advertiser());
        body["action"] = json!(action);
        assert_eq!(story.post("/segment/audience/", &body).await?.code, 40002, "{body}");
    }
    Ok(())
}
