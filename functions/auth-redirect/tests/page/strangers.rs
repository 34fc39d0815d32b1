//! Whatever strangers, scanners and browsers of their own accord send: a page, no alarm, and no code of anybody's lost.

use std::time::Duration;

use sandbox::control::NewGrant;
use serde_json::{Value, json};

use crate::world::{EXCHANGE, REQUEST_ID, Visit, World};

#[tokio::test]
async fn any_query_is_a_page() {
    let world = World::new().await;
    let app = world.app();
    let code = "a".repeat(600);
    let table = [
        ("state=<b>".to_owned(), 400, "This link is damaged"),
        ("state={\"a\":1}".to_owned(), 400, "This link is damaged"),
        ("auth_code=a&auth_code=a&state=your_custom_params".to_owned(), 400, "This link is damaged"),
        (format!("auth_code={code}&state=your_custom_params"), 400, "This link is damaged"),
        ("auth_code=a%0Ab&state=your_custom_params".to_owned(), 400, "This link is damaged"),
        ("auth_code=%3Cscript%3E&state=your_custom_params".to_owned(), 400, "This link is damaged"),
        ("auth_code=%ff%fe".to_owned(), 400, "This link is damaged"),
        ("auth_code=%&state=%".to_owned(), 400, "This link is damaged"),
        ("\u{0}\u{1}=ü<>\"{}|\\^`".to_owned(), 200, "Continue to TikTok"),
        ("?".repeat(5_000), 200, "Continue to TikTok"),
        ("x".repeat(9_000), 400, "This link is damaged"),
    ];
    for (query, status, text) in table {
        let page = Visit::of(&query).to(&app).await;
        assert_eq!(page.status, status, "{query}");
        page.says(text);
    }
    assert_eq!(world.calls(EXCHANGE).await, 0);
}

#[tokio::test]
async fn any_event_is_a_page() {
    let world = World::new().await;
    let app = world.app();
    for event in ["", "null", "[]", "7", "{\"rawPath\":\"\\ud800\"}", "{\"rawPath\":{},\"requestContext\":[]}"] {
        let answer = app.handle(event, REQUEST_ID).await;
        assert!((400..500).contains(&answer.status_code) && answer.body.contains("<h1>"), "{event}");
    }
}

#[tokio::test]
async fn other_addresses_have_a_page_too() {
    let world = World::new().await;
    let app = world.app();
    let table = [
        ("/", 200, "Continue to TikTok"),
        ("/v1/auth/", 200, "Continue to TikTok"),
        ("/v1/firehose", 404, "There is no page here"),
        ("/favicon.ico", 404, "There is no page here"),
        ("/v1/auth/..%2f..", 404, "There is no page here"),
    ];
    for (path, status, text) in table {
        let page = Visit { path, ..Visit::of("") }.to(&app).await;
        assert_eq!(page.status, status, "{path}");
        page.says(text).says("href=\"/v1/auth?start=1\"");
    }
}

#[tokio::test]
async fn prefetches_and_scanners_spend_no_code() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    let app = world.app();
    let headers = [
        json!({"sec-purpose": "prefetch"}),
        json!({"Sec-Purpose": "prefetch;prerender"}),
        json!({"purpose": "prefetch"}),
        json!({"x-moz": "prefetch"}),
    ];
    for headers in headers {
        for query in [&*callback, "start=1", ""] {
            let answer = Visit { headers: headers.clone(), ..Visit::of(query) }.to(&app).await;
            assert_eq!((answer.status, &*answer.html, answer.cookies.len()), (204, "", 0), "{headers} {query}");
        }
    }
    let head = Visit { method: "HEAD", ..Visit::of(&callback) }.to(&app).await;
    assert_eq!((head.status, &*head.html), (204, ""));
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", ""] {
        let refused = Visit { method, ..Visit::of(&callback) }.to(&app).await;
        assert_eq!((refused.status, &*refused.headers["allow"]), (405, "GET, HEAD"), "{method}");
    }
    assert_eq!(world.calls(EXCHANGE).await, 0);
    assert_eq!(Visit::of(&callback).to(&app).await.token().len(), 40);
}

#[tokio::test]
async fn a_flood_of_wrong_codes_makes_few_calls_and_keeps_nobody_out() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    let app = world.app();
    let mut statuses = Vec::new();
    for number in 0..40 {
        let page = Visit::of(&format!("auth_code={number:040x}&state=your_custom_params")).to(&app).await;
        statuses.push(page.status);
    }
    assert!(statuses.iter().all(|status| [410, 429].contains(status)), "{statuses:?}");
    let spent = world.calls(EXCHANGE).await;
    assert!(spent <= 8, "{spent} exchanges for 40 wrong codes");
    let page = Visit { source: "198.51.100.7".to_owned(), ..Visit::of(&callback) }.to(&app).await;
    assert_eq!((page.status, page.token().len()), (200, 40), "a person elsewhere gets the token at once");
}

#[tokio::test]
async fn behind_the_same_address_as_a_flood_the_page_succeeds_by_trying_again() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    let app = world.app();
    for number in 0..20 {
        Visit::of(&format!("auth_code={number:040x}&state=your_custom_params")).to(&app).await;
    }
    let busy = Visit::of(&callback).to(&app).await;
    assert_eq!(busy.status, 429);
    let wait = busy.headers["retry-after"].parse().unwrap();
    assert!((1..=8).contains(&wait), "{wait}");
    busy.says(&format!("tries again by itself in {wait} seconds"));
    tokio::time::sleep(Duration::from_secs(wait)).await;
    assert_eq!(Visit::of(&callback).to(&app).await.token().len(), 40);
}

#[tokio::test]
async fn an_answer_has_the_form_that_the_gateway_takes() {
    let world = World::new().await;
    let event =
        json!({"rawPath": "/v1/auth", "rawQueryString": "start=1", "requestContext": {"http": {"method": "GET"}}});
    let answer = world.app().handle(&event.to_string(), REQUEST_ID).await;
    let answer: Value = serde_json::to_value(&answer).unwrap();
    assert_eq!(answer["statusCode"], 302);
    assert!(
        answer["headers"]["location"]
            .as_str()
            .unwrap()
            .starts_with("https://ads.tiktok.com/marketing_api/auth?app_id=")
    );
    assert!(answer["cookies"][0].as_str().unwrap().starts_with("__Host-consent-state="));
    assert_eq!(answer["body"], "");
}
