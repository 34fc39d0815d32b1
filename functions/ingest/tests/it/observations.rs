//! What those who run the function see of a request: one line and its counts, and nothing private in either.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once};

use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use serde_json::{Value, json};

use crate::tiktok::Fault;
use crate::world::{ADVERTISER, FIREHOSE_TOKEN, TOKEN, World, http_event, membership, subscription};

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
            .with_env_filter("warn,ingest=trace,firehose=trace,tiktok=trace,secrets=trace")
            .with_writer(|| OwnLines)
            .init();
    });
    LINES.take();
}

fn heard() -> Vec<Value> {
    let text = String::from_utf8(LINES.take()).unwrap();
    for private in [TOKEN, FIREHOSE_TOKEN, "66b728c2", "New Users", "Buyers"] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Counts by name and labels.
#[derive(Clone, Default)]
struct Counts(Arc<Mutex<BTreeMap<String, u64>>>);

struct Count(Counts, String);

impl CounterFn for Count {
    fn increment(&self, by: u64) {
        *self.0.0.lock().unwrap().entry(self.1.clone()).or_default() += by;
    }

    fn absolute(&self, _: u64) {
        panic!("nothing here counts that way");
    }
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<_> = key.labels().map(|label| format!(" {}={}", label.key(), label.value())).collect();
        Counter::from_arc(Arc::new(Count(self.clone(), format!("{}{}", key.name(), labels.concat()))))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

impl Counts {
    fn take(&self) -> Value {
        json!(std::mem::take(&mut *self.0.lock().unwrap()))
    }
}

#[tokio::test]
async fn every_request_is_one_line_without_anything_private() {
    let world = World::new().await;
    listen();
    world.direct(&membership(TOKEN, 3)).await;
    world.http(&membership("two words", 3)).await;
    world.http_event(&http_event(&membership(TOKEN, 3), Some("Token wrong"))).await;
    world.tiktok.with(|state| state.faults.push_back(("/dmp/custom_audience/list/", Fault::Code(40_101))));
    world.http(&subscription(TOKEN, "add", "New Users", None)).await;
    world.cloud.with(|state| state.secrets_down = true);
    world.direct(&membership("another", 1)).await;

    let lines = heard();
    let answers: Vec<_> = lines.iter().map(|line| line["answer"].as_str().unwrap()).collect();
    assert_eq!(
        answers,
        ["ok", "invalid_setting", "unauthorised", "tiktok_unavailable", "secrets_unavailable"],
        "{lines:?}"
    );
    let levels: Vec<_> = lines.iter().map(|line| line["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["INFO", "WARN", "WARN", "ERROR", "ERROR"]);
    let first = &lines[0];
    assert_eq!((&first["kind"], &first["door"]), (&json!("membership"), &json!("direct")));
    assert_eq!((&first["advertiser"], &first["account"]), (&json!(ADVERTISER), &json!(123_456)));
    assert_eq!((&first["users"], &first["changes"], &first["messages"]), (&json!(3), &json!(3), &json!(1)));
    assert!(first["duration_us"].is_u64());
    assert!(lines[3]["reason"].as_str().unwrap().contains("(request_id req-1)"));
}

#[tokio::test]
async fn a_failure_of_aws_is_told_with_its_cause() {
    let world = World::new().await;
    world.cloud.with(|state| state.secrets_down = true);
    listen();
    world.direct(&membership(TOKEN, 1)).await;
    world.cloud.with(|state| (state.secrets_down, state.queue_failures) = (false, 9));
    world.direct(&membership(TOKEN, 1)).await;
    let causes: Vec<_> = heard().iter().map(|line| line["cause"].clone()).collect();
    assert_eq!(causes[0], "Secrets Manager: refused without a code");
    assert!(causes[1].as_str().unwrap().starts_with("the membership changes are not queued: "), "{causes:?}");
}

#[tokio::test]
async fn requests_and_what_they_hold_are_counted() {
    let world = World::new().await;
    let counts = Counts::default();
    let _guard = metrics::set_default_local_recorder(&counts);
    world.direct(&membership(TOKEN, 3)).await;
    assert_eq!(
        counts.take(),
        json!({"requests type=membership answer=ok": 1, "users_received": 3, "changes_queued": 3, "messages_queued": 1})
    );

    let fixture = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/membership-full.json"));
    let fixture: Value = serde_json::from_str(&fixture.unwrap()).unwrap();
    world.direct(&fixture["message"].to_string()).await;
    assert_eq!(
        counts.take(),
        json!({
            "requests type=membership answer=ok": 1, "users_received": 1, "changes_queued": 2, "messages_queued": 1,
            "dropped reason=identity_type": 2, "dropped reason=attribute_update": 1,
        })
    );

    world.direct("{}").await;
    world.cloud.with(|state| state.secrets.insert("firehose".to_owned(), "nonsense".to_owned()));
    world.http(&membership(TOKEN, 1)).await;
    assert_eq!(
        counts.take(),
        json!({
            "requests type=unknown answer=invalid_field": 1,
            "requests type=unknown answer=secrets_unavailable": 1,
            "operator_faults": 1,
        })
    );
}
