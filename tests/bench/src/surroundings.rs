//! What a function calls: the Runtime API, an SQS, a Secrets Manager and a TikTok, on one port.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, SetOnce, mpsc};

use crate::backlog::Backlog;

/// What the function answered, and when.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) at: Instant,
    pub(crate) failed: bool,
    pub(crate) body: Bytes,
}

/// What the surroundings are made of.
#[derive(Debug)]
pub(crate) struct Around {
    pub(crate) events: mpsc::Receiver<Bytes>,
    pub(crate) answers: mpsc::Sender<Answer>,
    /// How long an invocation may last.
    pub(crate) timeout: Duration,
    /// What every secret says.
    pub(crate) secret: String,
    /// How long TikTok takes for a call.
    pub(crate) tiktok_takes: Duration,
    pub(crate) queue: Backlog,
}

/// Everything around a function.
#[derive(Debug)]
pub(crate) struct Surroundings {
    events: AsyncMutex<mpsc::Receiver<Bytes>>,
    answers: mpsc::Sender<Answer>,
    timeout: Duration,
    secret: String,
    tiktok_takes: Duration,
    pub(crate) queue: Mutex<Backlog>,
    /// The bodies of mapping calls.
    pub(crate) uploads: Mutex<Vec<Bytes>>,
    /// When the first event was asked for.
    pub(crate) polled: SetOnce<Instant>,
}

impl Surroundings {
    #[must_use]
    pub(crate) fn new(around: Around) -> Self {
        let Around { events, answers, timeout, secret, tiktok_takes, queue } = around;
        let (events, queue) = (AsyncMutex::new(events), Mutex::new(queue));
        Self {
            events,
            answers,
            timeout,
            secret,
            tiktok_takes,
            queue,
            uploads: Mutex::default(),
            polled: SetOnce::new(),
        }
    }
}

/// Answers any call.
pub(crate) async fn answer(
    State(around): State<Arc<Surroundings>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path();
    if path.ends_with("/invocation/next") {
        return next(&around).await;
    }
    if path.starts_with("/2018-06-01/runtime/") {
        let failed = !path.ends_with("/response");
        // Whoever waits for the answer may have given up.
        around.answers.send(Answer { at: Instant::now(), failed, body }).await.ok();
        return StatusCode::ACCEPTED.into_response();
    }
    if path.starts_with("/open_api/") {
        if path.ends_with("/segment/mapping/") {
            around.uploads.lock().unwrap_or_else(PoisonError::into_inner).push(body);
            tokio::time::sleep(around.tiktok_takes).await;
        }
        let data = json!({"core_user_id": "1", "list": [], "page_info": {"total_page": 1}});
        return axum::Json(json!({"code": 0, "message": "OK", "request_id": "bench", "data": data})).into_response();
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    match target.split_once('.') {
        Some(("AmazonSQS", operation)) => {
            if operation == "ReceiveMessage" {
                wait_for_a_lane(&around, &body).await;
            }
            let mut queue = around.queue.lock().unwrap_or_else(PoisonError::into_inner);
            match queue.call(operation, &body) {
                Ok(output) => (StatusCode::OK, output).into_response(),
                Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
            }
        }
        _ => axum::Json(json!({"Name": "bench", "VersionId": "1", "SecretString": around.secret})).into_response(),
    }
}

/// A receive waits as long as it was told to for something that it can bring.
async fn wait_for_a_lane(around: &Surroundings, body: &[u8]) {
    let input: Value = serde_json::from_slice(body).unwrap_or_default();
    let wait = input.get("WaitTimeSeconds").and_then(Value::as_u64).unwrap_or_default();
    let until = Instant::now() + Duration::from_secs(wait);
    let has_free_lane = || around.queue.lock().unwrap_or_else(PoisonError::into_inner).has_free_lane();
    while !has_free_lane() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn next(around: &Surroundings) -> Response {
    // Later polls change nothing.
    around.polled.set(Instant::now()).ok();
    let Some(event) = around.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let deadline = (now + around.timeout).as_millis().to_string();
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event).into_response()
}
