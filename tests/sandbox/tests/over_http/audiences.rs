//! `/segment/audience/`: creating and deleting.

use anyhow::Result;
use sandbox::control::{AudienceChange, PersonChange};
use sandbox::world::Role;
use sandbox::{NameUnit, RateLimits};
use serde_json::json;

use crate::Story;

#[tokio::test]
async fn the_same_name_makes_twins_and_a_long_one_is_cut() -> Result<()> {
    let story = Story::begin().await?;
    let (one, two) = (story.create_audience("Same").await?, story.create_audience("Same").await?);
    assert_ne!(one, two);
    story.create_audience(&"é".repeat(71)).await?;
    let list = story.list(&[("page_size", "100")]).await?;
    let mut names: Vec<&str> = list.iter().filter_map(|row| row["name"].as_str()).collect();
    names.sort_unstable();
    let cut = format!("{}...", "é".repeat(67));
    assert_eq!(names, ["Same", "Same", &cut]);
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
    story.control.set_in_use(&id, true).await?;
    assert_eq!(story.delete_audience(&id).await?.code, 40002);
    story.control.set_in_use(&id, false).await?;
    assert_eq!(story.delete_audience(&id).await?.code, 0);
    assert_eq!(story.delete_audience(&id).await?.code, 40007);
    let rows = json!([[{"id": crate::md5(1), "audience_ids": [id]}, {}]]);
    assert_eq!(story.map("add", &rows).await?.code, 40007);
    let view = story.control.audiences(story.advertiser()).await?;
    assert!(view[0].deleted);
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

#[tokio::test]
async fn audiences_change_once_a_second_for_each_advertiser() -> Result<()> {
    let story = Story::with(|rules| rules.audience_limits = RateLimits::a_second(1)).await?;
    let missing = "7000000000000000000";
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(story.delete_audience(missing).await?.code);
        assert_eq!(story.list(&[]).await?, Vec::<serde_json::Value>::new());
    }
    // Four calls in a row lie in two calendar seconds at most.
    assert!(codes.iter().filter(|code| **code == 40133).count() >= 2, "{codes:?}");
    assert_eq!(codes.first(), Some(&40007));
    let other = story.control.customer("Other").await?;
    let body =
        json!({"advertiser_id": other.advertiser.advertiser_id, "action": "create", "custom_audience_name": "A"});
    let request = story.request(reqwest::Method::POST, "/segment/audience/").json(&body);
    let answer = request.header("Access-Token", &other.token.access_token).send().await?;
    assert_eq!(crate::Answer::read(answer).await?.code, 0);
    Ok(())
}

#[tokio::test]
async fn deleting_what_cannot_exist_tells_who_may_delete() -> Result<()> {
    let story = Story::begin().await?;
    let missing = "7000000000000000000";
    for (role, code) in [(Role::Admin, 40007), (Role::Operator, 40007), (Role::Analyst, 40001)] {
        let change = PersonChange { role: Some(role), ..PersonChange::default() };
        story.control.change_person(&story.customer.person.key, &change).await?;
        assert_eq!(story.delete_audience(missing).await?.code, code, "{role:?}");
    }
    // An Analyst who may read is refused all the same.
    let rules = story.control.rules().await?;
    story.control.set_rules(&sandbox::Rules { analyst_reads_audiences: true, ..rules }).await?;
    assert_eq!(story.delete_audience(missing).await?.code, 40001);
    assert!(story.list(&[]).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn names_are_cut_by_the_unit_of_the_rule() -> Result<()> {
    let story = Story::begin().await?;
    let name = "😀".repeat(36);
    for (unit, shown) in [
        (NameUnit::Characters, name.clone()),
        (NameUnit::Utf16Units, format!("{}\u{fffd}...", "😀".repeat(33))),
        (NameUnit::Bytes, format!("{}\u{fffd}...", "😀".repeat(16))),
    ] {
        let rules = story.control.rules().await?;
        story.control.set_rules(&sandbox::Rules { names_counted_in: unit, ..rules }).await?;
        let id = story.create_audience(&name).await?;
        assert_eq!(story.list(&[]).await?[0]["name"], json!(shown), "{unit:?}");
        assert_eq!(story.delete_audience(&id).await?.code, 0);
    }
    Ok(())
}

#[tokio::test]
async fn an_expired_audience_is_good_for_deletion_only() -> Result<()> {
    let story = Story::begin().await?;
    let id = story.create_audience("A").await?;
    let rows = json!([[{"id": crate::md5(1), "audience_ids": [id]}, {}]]);
    assert_eq!(story.map("add", &rows).await?.code, 0);
    story.control.expire_audience(&id).await?;
    for action in ["add", "delete"] {
        let answer = story.map(action, &rows).await?;
        assert_eq!(answer.code, 40002);
        assert!(answer.message.contains("expired"), "{}", answer.message);
    }
    assert_eq!(story.delete_audience(&id).await?.code, 0);
    Ok(())
}

#[tokio::test]
async fn an_audience_that_was_shared_can_neither_be_fed_nor_deleted() -> Result<()> {
    let story = Story::begin().await?;
    let id = story.create_audience("Theirs").await?;
    story.control.change_audience(&id, &AudienceChange { shared: Some(true), ..AudienceChange::default() }).await?;
    let rows = json!([[{"id": crate::md5(1), "audience_ids": [id]}, {}]]);
    assert_eq!(story.map("add", &rows).await?.code, 40007);
    assert_eq!(story.delete_audience(&id).await?.code, 40007);
    Ok(())
}
