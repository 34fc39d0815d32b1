//! One message a file, sent by both doors: what comes back, and what is queued.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::world::{Answer, World};

/// A file in `tests/fixtures`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows.
    #[serde(rename = "about")]
    _about: String,
    /// The message, byte for byte.
    message: Option<Box<RawValue>>,
    /// Instead of it, a text that JSON cannot hold as it is.
    text: Option<String>,
    answer: Expected,
    /// The rows in the queue, all envelopes together.
    #[serde(default)]
    queued: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Expected {
    Response { response: Value },
    Refusal { status: u16, error: Value },
}

#[tokio::test]
async fn every_case_is_answered_alike_by_both_doors() {
    let mut files: Vec<_> = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 30, "the fixtures are not found");
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let case: Case = serde_json::from_str(&std::fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let message = case.message.as_ref().map(|message| message.get()).or(case.text.as_deref()).unwrap();
        for door in ["direct", "http"] {
            let world = World::new().await;
            let answer = if door == "direct" { world.direct(message).await } else { world.http(message).await };
            let queued = world.queued_rows();
            if !matches(&case.answer, &answer) || queued != case.queued {
                wrong.push(format!("{name}, {door}: {} {} {queued:?}", answer.status, answer.json));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn matches(expected: &Expected, answer: &Answer) -> bool {
    match expected {
        Expected::Refusal { status, error } => answer.status == *status && answer.json["error"] == *error,
        Expected::Response { response } => {
            let said = |(field, value): (&String, &Value)| answer.json[field] == *value;
            let dated = answer.json["timestamp_ms"].as_u64().is_some_and(|ms| ms > 1_700_000_000_000);
            answer.status == 200
                && dated
                && answer.json["firehose_version"] == "3.2.0"
                && response.as_object().unwrap().iter().all(said)
        }
    }
}
