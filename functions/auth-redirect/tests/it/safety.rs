//! What every answer has to keep to, whatever it says.

use auth_redirect::App;
use lambda_http::http::Method;
use lambda_http::request::from_reader;
use serde_json::json;

use crate::support::{CALLBACK, CODE, TOKEN, World, account, refused};

const EXPECTED: [(&str, &str); 9] = [
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("strict-transport-security", "max-age=63072000"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-robots-tag", "noindex, nofollow"),
    (
        "permissions-policy",
        "camera=(), clipboard-read=(), clipboard-write=(self), display-capture=(), geolocation=(), microphone=(), \
         payment=(), publickey-credentials-get=(), usb=()",
    ),
];

#[tokio::test]
async fn every_answer_has_the_same_headers() {
    let world = World::granting(&[account(7001, "Northwind")], &[3]).await;
    let mut answers = vec![world.ask(Method::POST, CALLBACK, "").await, world.ask(Method::HEAD, "", "").await];
    for query in
        ["", "start=1", "shown=1", CALLBACK, CALLBACK, "auth_code=a&auth_code=b", "error=x", "auth_code=a&state=z"]
    {
        answers.push(world.get(query).await);
    }
    world.vault.lock().unwrap().clear();
    answers.push(world.get(CALLBACK).await);
    for answer in answers {
        for (name, value) in EXPECTED {
            assert_eq!(answer.headers[name], value, "{name} of {}", answer.status);
        }
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
        if answer.status != 302 {
            assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
        }
    }
}

#[tokio::test]
async fn pages_load_nothing_and_have_no_inline_handlers_or_styles() {
    let world = World::granting(&[account(7001, "Northwind")], &[3]).await;
    for query in ["", "shown=1", "error=x", CALLBACK] {
        let page = world.get(query).await;
        let html = crate::support::without_style_and_script(&page.html);
        for foreign in ["http:", "https:", "//", " on", " style=", " src=", "@import", "url("] {
            let attributes = html.split('<').filter_map(|tag| tag.split_once('>')).map(|(tag, _)| tag.to_lowercase());
            for tag in attributes {
                assert!(!tag.contains(foreign), "{foreign} in <{tag}>");
            }
        }
        page.keeps_quiet_about("@import").keeps_quiet_about("url(").keeps_quiet_about("innerHTML");
    }
}

#[tokio::test]
async fn only_get_is_answered_and_head_spends_no_code() {
    let world = World::granting(&[account(7001, "Northwind")], &[3]).await;
    for verb in [Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = world.ask(verb, CALLBACK, "").await;
        assert_eq!((answer.status, &answer.headers["allow"]), (405, &"GET".parse().unwrap()));
    }
    assert_eq!(world.calls("/oauth2/access_token/").await, 0);
    world.get(CALLBACK).await.says(TOKEN);
}

#[tokio::test]
async fn a_code_with_a_state_of_nobodys_is_not_exchanged() {
    let world = World::new().await;
    world.exchange(refused(40110, "used")).await;
    let page = world.get(&format!("auth_code={CODE}&state=0123456789abcdef0123456789abcdef")).await;
    page.says("start again in this browser");
    assert_eq!(world.calls("/oauth2/access_token/").await, 0);
}

#[tokio::test]
async fn an_event_of_the_gateway_is_understood_with_its_cookies() {
    let mut world = World::granting(&[account(7001, "Northwind")], &[3]).await;
    world.config.require_fresh_state = true;
    let app: App = world.app();
    let state = "0123456789abcdef0123456789abcdef";
    let event = json!({
        "version": "2.0", "routeKey": "GET /v1/auth", "rawPath": "/v1/auth",
        "rawQueryString": format!("auth_code={CODE}&state={state}&odd=%3C%E2%82%AC%00"),
        "cookies": ["other=1", format!("__Host-consent-state={state}")],
        "headers": {"host": "api.example"},
        "queryStringParameters": {"auth_code": CODE, "state": state},
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "api.example", "domainPrefix": "api", "requestId": "g",
            "routeKey": "GET /v1/auth", "stage": "$default", "time": "22/Nov/2026:00:00:00 +0000", "timeEpoch": 1,
            "http": {"method": "GET", "path": "/v1/auth", "protocol": "HTTP/1.1", "sourceIp": "1.2.3.4", "userAgent": "b"}
        },
        "isBase64Encoded": false
    });
    let request = from_reader(event.to_string().as_bytes()).unwrap();
    let response = app.handle(request).await;
    assert_eq!(response.status(), 200);
    assert!(String::from_utf8(response.body().to_vec()).unwrap().contains(TOKEN));
}
