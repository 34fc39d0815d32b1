//! What every answer has to keep to, whatever it says.

use sandbox::control::NewGrant;

use crate::world::{Visit, World};

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
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    let app = world.app();
    let queries = [
        "",
        "start=1",
        "shown=1",
        &callback,
        &callback,
        "auth_code=a&auth_code=b",
        "error=x",
        "auth_code=a&state=z",
        "state=<b>",
    ];
    let mut answers = Vec::new();
    for query in queries {
        answers.push(Visit::of(query).to(&app).await);
    }
    answers.push(Visit { method: "POST", ..Visit::of(&callback) }.to(&app).await);
    answers.push(Visit { method: "HEAD", ..Visit::of(&callback) }.to(&app).await);
    answers.push(Visit { path: "/nowhere", ..Visit::of("") }.to(&app).await);
    world.aws.set_down(true);
    answers.push(world.get(&callback).await);
    for answer in answers {
        for (name, value) in EXPECTED {
            assert_eq!(answer.headers[name], value, "{name} of {}", answer.status);
        }
        let policy = &answer.headers["content-security-policy"];
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
        if ![204, 302].contains(&answer.status) {
            assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
        }
    }
}

#[tokio::test]
async fn pages_load_nothing_and_have_no_inline_handlers_or_styles() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    for query in ["", "shown=1", "error=x", &callback] {
        let page = world.get(query).await;
        let plain = page.plain();
        let tags = plain.split('<').filter_map(|tag| tag.split_once('>')).map(|(tag, _)| tag.to_lowercase());
        for tag in tags {
            for foreign in ["http:", "https:", "//", " on", " style=", " src=", "@import", "url("] {
                assert!(!tag.contains(foreign), "{foreign} in <{tag}>");
            }
        }
        for dangerous in ["@import", "url(", "innerHTML"] {
            assert!(!page.html.contains(dangerous), "{dangerous}");
        }
    }
}
