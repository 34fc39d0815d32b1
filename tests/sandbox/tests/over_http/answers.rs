//! `/user/info/`, `/advertiser/info/` and `/oauth2/advertiser/get/`: what they say, and what they can be made to say.

use anyhow::Result;
use sandbox::control::{AdvertiserChange, PersonChange};
use sandbox::{Rules, Unreached};
use serde_json::{Value, json};

use crate::{Answer, Story};

async fn info(story: &Story, advertisers: &[&str]) -> Result<Answer> {
    let ids = json!(advertisers).to_string();
    story.get("/advertiser/info/", &[("advertiser_ids", &ids), ("fields", r#"["advertiser_id","name"]"#)]).await
}

#[tokio::test]
async fn an_advertiser_that_the_token_does_not_reach_is_left_out() -> Result<()> {
    let story = Story::begin().await?;
    let other = story.control.customer("Other").await?.advertiser.advertiser_id;
    let answer = info(&story, &[&other, story.advertiser(), "7000000000000000000"]).await?;
    let own = json!([{"advertiser_id": story.advertiser(), "name": "Acme"}]);
    assert_eq!((answer.code, &answer.data["list"]), (0, &own));
    let answer = info(&story, &[&other]).await?;
    assert_eq!((answer.code, &answer.data["list"]), (0, &json!([])));
    Ok(())
}

#[tokio::test]
async fn or_the_call_is_refused_if_the_rule_says_so() -> Result<()> {
    let story = Story::with(|rules| rules.unreached_advertisers = Unreached::Refuse).await?;
    let other = story.control.customer("Other").await?.advertiser.advertiser_id;
    assert_eq!(info(&story, &[story.advertiser()]).await?.code, 0);
    assert_eq!(info(&story, &[story.advertiser(), &other]).await?.code, 40001);
    assert_eq!(info(&story, &["7000000000000000000"]).await?.code, 40300);
    Ok(())
}

#[tokio::test]
async fn an_unknown_field_of_an_advertiser_is_refused() -> Result<()> {
    let story = Story::begin().await?;
    let ids = json!([story.advertiser()]).to_string();
    let query = [("advertiser_ids", &*ids), ("fields", r#"["advertiser_id","color"]"#)];
    assert_eq!(story.get("/advertiser/info/", &query).await?.code, 40002);
    Ok(())
}

#[tokio::test]
async fn what_user_info_says_of_a_person_can_be_set() -> Result<()> {
    let story = Story::begin().await?;
    let key = &story.customer.person.key;
    let name = "<img src=x onerror=alert(1)>\u{202e}".to_owned();
    let change = PersonChange {
        display_name: Some(name.clone()),
        email: Some("\"><script>@example.com".to_owned()),
        avatar_url: Some("javascript:alert(1)".to_owned()),
        ..PersonChange::default()
    };
    story.control.change_person(key, &change).await?;
    let user = story.get("/user/info/", &[]).await?.data;
    assert_eq!(user["core_user_id"], json!(story.customer.person.core_user_id));
    assert_eq!(user["display_name"], json!(name));
    assert_eq!(user["email"], json!("\"><script>@example.com"));
    assert_eq!(user["avatar_url"], json!("javascript:alert(1)"));

    let odd = Some(json!({"core_user_id": 7_123_456_789_u64, "email": null}));
    story.control.change_person(key, &PersonChange { shown_as: odd, ..PersonChange::default() }).await?;
    let user = story.get("/user/info/", &[]).await?.data;
    assert_eq!((&user["core_user_id"], &user["email"]), (&json!(7_123_456_789_u64), &Value::Null));
    assert_eq!(user["display_name"], json!(name));
    Ok(())
}

#[tokio::test]
async fn rows_of_advertisers_can_be_odd() -> Result<()> {
    let story = Story::begin().await?;
    let number: u64 = story.advertiser().parse()?;
    let odd = Some(json!({"advertiser_id": number, "advertiser_name": null, "name": null}));
    let change = AdvertiserChange { shown_as: odd, ..AdvertiserChange::default() };
    story.control.change_advertiser(story.advertiser(), &change).await?;
    let list = info(&story, &[story.advertiser()]).await?.data;
    assert_eq!(list["list"], json!([{"advertiser_id": number, "name": null}]));
    let Rules { app_id, app_secret, .. } = Rules::default();
    let list = story.get("/oauth2/advertiser/get/", &[("app_id", &app_id), ("secret", &app_secret)]).await?.data;
    assert_eq!(list["list"][0]["advertiser_id"], json!(number));

    let change = AdvertiserChange { shown_as: Some(json!("not a row")), ..AdvertiserChange::default() };
    story.control.change_advertiser(story.advertiser(), &change).await?;
    assert_eq!(info(&story, &[story.advertiser()]).await?.data["list"], json!(["not a row"]));
    Ok(())
}
