//! One message a file, sent either way: what comes back, and what is queued.

use std::path::Path;

use sandbox::Rules;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::world::{Answer, World};

/// What stands in the files for an advertiser, its token and the first audience that it gets at TikTok.
const ADVERTISER: &str = "7000000000000000001";
const TOKEN: &str = "token-of-ann";
const CREATED: &str = "7000000000000000100";

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
    /// The rows in the queue, all envelopes together, in any order.
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
async fn every_case_is_answered_alike_either_way() {
    let mut files: Vec<_> = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 40, "the fixtures are not found");
    let mut wrong = Vec::new();
    let mut world = World::with(Rules { app_limits: sandbox::RateLimits::none(), ..Rules::default() }, |_| {}).await;
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let case: Case = serde_json::from_str(&std::fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        for way in ["direct", "http"] {
            world.start_over().await;
            let message = case.message.as_ref().map(|message| message.get()).or(case.text.as_deref()).unwrap();
            let message = message.replace(ADVERTISER, &world.sender.advertiser).replace(TOKEN, &world.sender.token);
            let answer = if way == "direct" { world.direct(&message).await } else { world.http(&message).await };
            let created = world.audiences().await.first().map(|audience| audience.audience_id.clone());
            let queued = world.queued_rows();
            let mut expected = case.queued.clone();
            expected.sort_by_key(Value::to_string);
            if !matches(&case.answer, &answer, created.as_deref()) || queued != expected {
                wrong.push(format!("{name}, {way}: {} {} {}", answer.status, answer.json, Value::from(queued)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn matches(expected: &Expected, answer: &Answer, created: Option<&str>) -> bool {
    match expected {
        Expected::Refusal { status, error } => answer.status == *status && answer.json["error"] == *error,
        Expected::Response { response } => {
            let response = response.to_string().replace(CREATED, created.unwrap_or(CREATED));
            let response: Value = serde_json::from_str(&response).unwrap();
            let said = |(field, value): (&String, &Value)| answer.json[field] == *value;
            let dated = answer.json["timestamp_ms"].as_u64().is_some_and(|ms| ms > 1_700_000_000_000);
            answer.status == 200
                && dated
                && answer.json["firehose_version"] == "3.2.0"
                && response.as_object().unwrap().iter().all(said)
        }
    }
}
