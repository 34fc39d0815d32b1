//! One line a request that tells what came of it, and nothing of code, token, state or secret in any.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use lambda_http::http::Method;
use serde_json::Value;

use crate::support::{APP_SECRET, CALLBACK, CODE, REQUEST_ID, TOKEN, World, account, refused};

thread_local! {
    /// What this thread's test logged since it began to listen.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes to the lines of the thread that logs: each test has its own.
struct OwnLines;

impl Write for OwnLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From now on everything is heard that our own crates log, at the most talkative level.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_env_filter("warn,auth_redirect=trace,tiktok=trace,secrets=trace")
            .with_writer(|| OwnLines)
            .init();
    });
    LINES.take();
}

fn heard() -> Vec<Value> {
    let text = String::from_utf8(LINES.take()).unwrap();
    for private in [TOKEN, CODE, APP_SECRET, "your_custom_params", "c00kie", "5tate"] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn every_request_is_one_line_without_anything_private() {
    let world = World::granting(&[account(7001, "Northwind"), account(7002, "Contoso")], &[3]).await;
    listen();
    for query in ["", "start=1", "shown=1", "error=5tate", CALLBACK, CALLBACK, "auth_code=c00kie&state=5tate"] {
        world.ask(Method::GET, query, "__Host-consent-state=c00kie").await;
    }
    let lines = heard();
    let outcomes: Vec<_> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["start", "begin", "shown", "not_finished", "shown_usable", "used", "other_browser"]);
    let shown = &lines[4];
    assert_eq!((&shown["accounts"], &shown["ready"], &shown["status"]), (&2.into(), &2.into(), &200.into()));
    assert_eq!((&shown["request_id"], &shown["level"]), (&REQUEST_ID.into(), &"INFO".into()));
    assert_eq!(shown["tiktok_request_id"], "2026112200001");
    assert!(shown["duration_ms"].is_u64());
}

#[tokio::test]
async fn the_operator_finds_the_detail_by_the_reference() {
    let world = World::new().await;
    world.exchange(refused(40113, &format!("The secret {APP_SECRET} for {CODE} is wrong"))).await;
    listen();
    world.get(CALLBACK).await.says(REQUEST_ID);
    let lines = heard();
    assert_eq!((lines.len(), &lines[0]["level"], &lines[0]["request_id"]), (1, &"ERROR".into(), &REQUEST_ID.into()));
    assert_eq!(lines[0]["fault"], "TikTok code 40113: The secret [secret] for [secret] is wrong");
    assert_eq!(lines[0]["tiktok_request_id"], "2026112200002");
}

#[tokio::test]
async fn what_could_not_be_checked_is_told_in_the_same_line() {
    let world = World::new().await;
    world.exchange(crate::support::granted(&[account(7001, "")], &[3])).await;
    listen();
    world.get(CALLBACK).await.says(TOKEN);
    let lines = heard();
    let fault = lines[0]["fault"].as_str().unwrap();
    assert!(fault.contains("HTTP 404") && fault.ends_with("; and 1 more"), "{fault}");
    assert_eq!((lines.len(), &lines[0]["unchecked"]), (1, &1.into()));
}
