//! Tokens: how they end, and how TikTok can be made to refuse them though they live.

use anyhow::Result;
use sandbox::Rules;
use sandbox::control::{NewApp, NewGrant, PersonChange};
use serde_json::json;

use crate::Story;

#[tokio::test]
async fn revoking_a_token_ends_it() -> Result<()> {
    let story = Story::begin().await?;
    let Rules { app_id, app_secret, .. } = Rules::default();
    let body = json!({"app_id": app_id, "secret": app_secret, "access_token": story.token()});
    assert_eq!(story.post("/oauth2/revoke_token/", &body).await?.code, 0);
    assert_eq!(story.get("/user/info/", &[]).await?.code, 40105);
    assert_eq!(story.post("/oauth2/revoke_token/", &body).await?.code, 40105);
    Ok(())
}

#[tokio::test]
async fn authorizing_again_ends_older_tokens_of_the_same_person_and_app_if_the_rule_says_so() -> Result<()> {
    let story = Story::with(|rules| rules.authorizing_again_ends_older_tokens = true).await?;
    let person = &story.customer.person.key;
    let app = NewApp { app_id: "7300000000000000002".to_owned(), secret: "s".to_owned(), blocked: false };
    story.control.set_app(&app).await?;
    let grant = NewGrant { app_id: Some(app.app_id), ..NewGrant::of(person) };
    let of_other_app = story.control.token_with(&grant).await?;
    let of_other_person = story.control.token("admin").await?;

    let code = story.control.auth_code(&NewGrant::of(person)).await?;
    let Rules { app_id, app_secret, .. } = Rules::default();
    let body = json!({"app_id": app_id, "secret": app_secret, "auth_code": code});
    let answer = story.post("/oauth2/access_token/", &body).await?;
    let new = answer.data["access_token"].as_str().unwrap_or_default();
    let mut codes = Vec::new();
    for token in [story.token(), new, &of_other_app.access_token, &of_other_person.access_token] {
        codes.push(story.user_info(token).await?.code);
    }
    assert_eq!(codes, [40105, 0, 0, 0]);
    Ok(())
}

#[tokio::test]
async fn by_default_older_tokens_live_on_and_a_person_can_have_another_answer() -> Result<()> {
    let story = Story::begin().await?;
    let person = &story.customer.person.key;
    let second = story.control.token(person).await?.access_token;
    assert_eq!(story.user_info(story.token()).await?.code, 0);
    let ends = PersonChange { authorizing_again_ends_older_tokens: Some(true), ..PersonChange::default() };
    story.control.change_person(person, &ends).await?;
    let third = story.control.token(person).await?.access_token;
    let mut codes = Vec::new();
    for token in [story.token(), &second, &third] {
        codes.push(story.user_info(token).await?.code);
    }
    assert_eq!(codes, [40105, 40105, 0]);
    Ok(())
}

#[tokio::test]
async fn every_token_can_be_refused_until_the_fault_is_taken_back() -> Result<()> {
    let story = Story::begin().await?;
    let number = story.control.refuse_tokens().await?;
    assert_eq!(story.user_info(story.token()).await?.code, 40105);
    assert_eq!(story.map("add", &json!([])).await?.code, 40105);
    // A call that brings no token is not refused for it.
    let body = json!({"app_id": Rules::default().app_id, "secret": "wrong", "auth_code": "c"});
    let request = story.request(reqwest::Method::POST, "/oauth2/access_token/").json(&body);
    assert_eq!(crate::Answer::read(request.send().await?).await?.code, 40113);
    story.control.clear_fault(number).await?;
    assert_eq!(story.user_info(story.token()).await?.code, 0);
    assert!(story.control.faults().await?.is_empty());
    Ok(())
}
