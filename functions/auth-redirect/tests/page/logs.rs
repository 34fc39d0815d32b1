//! One line a request that tells what came of it, and nothing of code, token, state or person in any.

use ids::TokenFingerprint;
use sandbox::Fault;
use sandbox::control::{NewApp, NewGrant};
use secrets::in_memory::Fault as AwsFault;
use serde_json::Value;
use telemetry::capture;
use tracing::level_filters::LevelFilter;

use crate::world::{REQUEST_ID, Visit, World};

/// From now on everything is heard that the function logs.
fn listen() {
    capture::listen(LevelFilter::INFO);
}

/// The lines heard, in none of which is any of `private`.
fn heard(private: &[&str]) -> Vec<Value> {
    let text = capture::heard();
    // The next look is at what follows.
    listen();
    for private in private {
        assert!(!text.contains(private), "{private} in {text}");
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn every_request_is_one_line_without_anything_private() {
    let world = World::new().await;
    let person = world.person(&["Northwind", "Contoso"]).await;
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    let code = callback.split(['=', '&']).nth(1).unwrap().to_owned();
    let app = world.app();
    listen();
    let mut token = String::new();
    for query in
        ["", "start=1", "shown=1", "error=5tate", &callback, &callback, "auth_code=c00kie&state=5tate", "state=<b>"]
    {
        let cookies = vec!["__Host-consent-state=c00kie".to_owned()];
        let page = Visit { cookies, ..Visit::of(query) }.to(&app).await;
        if page.html.contains("id=\"token\"") {
            token = page.token();
        }
    }
    let lines =
        heard(&[&token, &code, "your_custom_params", "c00kie", "5tate", &person.email, "Ada Admin", "192.0.2.1"]);
    let outcomes: Vec<_> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    let expected = ["start", "begin", "shown", "not_finished", "shown_usable", "used", "other_browser", "damaged"];
    assert_eq!(outcomes, expected);
    assert!(lines.iter().all(|line| line["level"] == "INFO"));
    let shown = &lines[4];
    assert_eq!((&shown["accounts"], &shown["ready"], &shown["status"]), (&2.into(), &2.into(), &200.into()));
    assert_eq!(shown["lambda_request_id"], REQUEST_ID);
    assert!(shown["tiktok_request_id"].is_string() && shown["duration_ms"].is_u64());
}

#[tokio::test]
async fn the_operator_finds_the_detail_by_the_reference() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    let app_id = world.tiktok.rules().await.unwrap().app_id;
    world.tiktok.set_app(&NewApp { app_id, secret: "another".to_owned(), blocked: false }).await.unwrap();
    listen();
    world.get(&callback).await.says(REQUEST_ID);
    let lines = heard(&["another"]);
    assert_eq!((lines.len(), &lines[0]["level"]), (1, &"ERROR".into()));
    assert_eq!(lines[0]["lambda_request_id"], REQUEST_ID);
    assert_eq!(lines[0]["cause"], "TikTok code 40113: The secret is wrong.");
}

#[tokio::test]
async fn nothing_that_a_stranger_sends_is_logged_above_info() {
    let world = World::new().await;
    let app = world.app();
    listen();
    for code in [40_110, 40_002, 40_003, 40_999] {
        world.tiktok.fault(Fault::code(code, "no").on("/oauth2/access_token/").next(1)).await.unwrap();
        Visit::of("auth_code=0000&state=your_custom_params").to(&app).await;
    }
    for number in 0..10 {
        Visit::of(&format!("auth_code={number}&state=your_custom_params")).to(&app).await;
    }
    app.handle("{\"rawPath\":\"\\ud800\"}", REQUEST_ID).await;
    let lines = heard(&[]);
    assert_eq!(lines.len(), 15);
    assert!(lines.iter().all(|line| line["level"] == "INFO"), "{lines:?}");
}

#[tokio::test]
async fn how_a_connection_came_back_is_told_with_its_ids() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let id = &person.advertisers[0];
    let token = world.tiktok.token(&person.key).await.unwrap().access_token;
    world.connect(id, 123, &token, &person.core_user_id);
    world.stop(id, 123, true);
    world.tiktok.revoke(&token).await.unwrap();
    listen();
    let page = world.authorize(&person).await;
    let new = TokenFingerprint::of(&page.token()).to_string();
    let lines = heard(&[&token, &page.token(), &new, &person.core_user_id]);
    let line = lines.iter().find(|line| line["how"].is_string()).unwrap();
    assert_eq!((&line["advertiser"], &line["account"]), (&id.as_str().into(), &"123".into()));
    assert_eq!((&line["how"], &line["was"], &line["level"]), (&"page".into(), &"dead".into(), &"INFO".into()));
    assert_eq!(lines.last().unwrap()["healed"], 1);
}

#[tokio::test]
async fn what_could_not_be_checked_is_told_in_the_same_line() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    world.tiktok.fault(Fault::status(502).after(1)).await.unwrap();
    listen();
    world.authorize(&person).await;
    let lines = heard(&[]);
    let cause = lines[0]["cause"].as_str().unwrap();
    assert!(cause.contains("HTTP 502") && cause.ends_with("; and 1 more"), "{cause}");
    assert_eq!((lines.len(), &lines[0]["not_checked"]), (1, &1.into()));
}

#[tokio::test]
async fn connections_that_could_not_be_looked_at_are_told_in_the_same_line() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    world.aws.set(&format!("audiences/advertiser/{}", person.advertisers[0]), "{}");
    listen();
    world.authorize(&person).await;
    let cause = heard(&[])[0]["cause"].as_str().unwrap().to_owned();
    assert!(cause.contains("not JSON of the documented form"), "{cause}");
    assert!(cause.ends_with("; the connections of 1 of the accounts are not known"), "{cause}");

    let mut world = World::new().await;
    world.config.time_limits.unconnected = std::time::Duration::ZERO;
    let person = world.tiktok.person("many").await.unwrap();
    world.aws.fail_next("ListSecrets", AwsFault::Refused("AccessDeniedException"));
    world.authorize(&person).await;
    let cause = heard(&[])[0]["cause"].as_str().unwrap().to_owned();
    assert!(cause.contains("the records cannot be listed: AccessDeniedException"), "{cause}");
    assert!(cause.contains("the connections of 87 of the accounts are not known"), "{cause}");
}
