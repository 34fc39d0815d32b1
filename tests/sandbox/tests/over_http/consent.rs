//! The consent page, as a browser would use it.

use anyhow::{Context as _, Result};
use reqwest::Url;
use sandbox::Rules;
use serde_json::json;

use crate::Story;

fn link(story: &Story, path: &str) -> Result<String> {
    let base = format!("{}{path}", story.sandbox.base_url());
    let query = [
        ("app_id", &*Rules::default().app_id),
        ("state", "a&b=\"><script>"),
        ("redirect_uri", "http://127.0.0.1:9/v1/auth?shown=0"),
    ];
    Ok(Url::parse_with_params(&base, query)?.to_string())
}

fn parameter(url: &str, name: &str) -> Result<Option<String>> {
    let url = Url::parse(url)?;
    let found = url.query_pairs().find(|(key, _)| key == name);
    Ok(found.map(|(_, value)| value.into_owned()))
}

#[tokio::test]
async fn both_addresses_show_the_page_and_escape_what_they_are_given() -> Result<()> {
    let story = Story::begin().await?;
    for path in ["/portal/auth", "/marketing_api/auth"] {
        let page = story.http.get(link(&story, path)?).send().await?;
        assert_eq!(page.status(), 200);
        let html = page.text().await?;
        assert!(html.contains("Ada Admin") && html.contains("type=\"checkbox\""));
        assert!(!html.contains("<script>") && !html.contains("<b>Hal</b>"));
    }
    let unknown = format!("{}/portal/auth?app_id=1&redirect_uri=http://x/", story.sandbox.base_url());
    assert_eq!(story.http.get(unknown).send().await?.status(), 400);
    Ok(())
}

#[tokio::test]
async fn allowing_sends_the_browser_back_with_a_code_that_works() -> Result<()> {
    let story = Story::begin().await?;
    let back = story.control.allow(&link(&story, "/portal/auth")?, "analyst", &[1]).await?;
    assert!(back.starts_with("http://127.0.0.1:9/v1/auth?shown=0&"), "{back}");
    assert_eq!(parameter(&back, "state")?.as_deref(), Some("a&b=\"><script>"));
    assert_eq!(parameter(&back, "code")?, parameter(&back, "auth_code")?);
    let code = parameter(&back, "auth_code")?.context("no code")?;
    let Rules { app_id, app_secret, .. } = Rules::default();
    let body = json!({"app_id": app_id, "secret": app_secret, "auth_code": code});
    let answer = story.post("/oauth2/access_token/", &body).await?;
    assert_eq!((answer.code, &answer.data["scope"]), (0, &json!([1])));
    Ok(())
}

#[tokio::test]
async fn canceling_sends_the_browser_back_with_an_error() -> Result<()> {
    let story = Story::begin().await?;
    let back = story.control.cancel(&link(&story, "/marketing_api/auth")?).await?;
    assert_eq!(parameter(&back, "error")?.as_deref(), Some("access_denied"));
    assert_eq!(parameter(&back, "auth_code")?, None);
    assert_eq!(parameter(&back, "state")?.as_deref(), Some("a&b=\"><script>"));
    Ok(())
}
