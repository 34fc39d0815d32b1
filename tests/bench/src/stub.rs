//! What a function calls: the Runtime API, an SQS, a Secrets Manager and a TikTok, on one port.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, SetOnce, mpsc};

use crate::queue::Queue;

/// What the function answered, and when.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) at: Instant,
    pub(crate) failed: bool,
    pub(crate) body: Bytes,
}

#[derive(Debug)]
pub(crate) struct Stub {
    pub(crate) events: AsyncMutex<mpsc::Receiver<Bytes>>,
    pub(crate) answers: mpsc::Sender<Answer>,
    /// How long an invocation may last.
    pub(crate) timeout: Duration,
    /// The value of every secret.
    pub(crate) secret: String,
    /// How long TikTok takes for a mapping call.
    pub(crate) tiktok_takes: Duration,
    pub(crate) queue: Mutex<Queue>,
    /// The bodies of mapping calls.
    pub(crate) uploads: Mutex<Vec<Bytes>>,
    /// When the first event was asked for.
    pub(crate) polled: SetOnce<Instant>,
}

/// Answers any call.
pub(crate) async fn answer(State(stub): State<Arc<Stub>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path();
    if path.starts_with("/2018-06-01/runtime/") {
        return stub.runtime(path, body).await;
    }
    if path.starts_with("/open_api/") {
        return stub.tiktok(path, body).await;
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    match target.split_once('.') {
        Some(("AmazonSQS", operation)) => stub.sqs(operation, &body).await,
        Some(("secretsmanager", "GetSecretValue")) => {
            axum::Json(json!({"Name": "bench", "VersionId": "1", "SecretString": stub.secret})).into_response()
        }
        _ => failed(&format!("{path} {target} is not expected here")),
    }
}

impl Stub {
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn uploads(&self) -> MutexGuard<'_, Vec<Bytes>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn runtime(&self, path: &str, body: Bytes) -> Response {
        if path.ends_with("/invocation/next") {
            return self.next_event().await;
        }
        let failed = !path.ends_with("/response");
        // Whoever waits for the answer may have given up.
        self.answers.send(Answer { at: Instant::now(), failed, body }).await.ok();
        StatusCode::ACCEPTED.into_response()
    }

    async fn next_event(&self) -> Response {
        // Only the first time counts.
        self.polled.set(Instant::now()).ok();
        let Some(event) = self.events.lock().await.recv().await else {
            return StatusCode::GONE.into_response();
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let deadline = (now + self.timeout).as_millis().to_string();
        let headers = [
            ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
            ("lambda-runtime-deadline-ms", deadline),
            ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        (headers, event).into_response()
    }

    /// Accepts every call, and every token as that of user 1.
    async fn tiktok(&self, path: &str, body: Bytes) -> Response {
        if path.ends_with("/segment/mapping/") {
            self.uploads().push(body);
            tokio::time::sleep(self.tiktok_takes).await;
        }
        let data = json!({"core_user_id": "1", "list": [], "page_info": {"total_page": 1}});
        axum::Json(json!({"code": 0, "message": "OK", "request_id": "bench", "data": data})).into_response()
    }

    async fn sqs(&self, operation: &str, body: &Bytes) -> Response {
        if operation == "ReceiveMessage" {
            self.wait_for_a_lane(body).await;
        }
        match self.queue().call(operation, body) {
            Ok(output) => output.into_response(),
            Err(error) => failed(&error.to_string()),
        }
    }

    /// A receive waits for a free lane, for as long as it asks to.
    async fn wait_for_a_lane(&self, body: &[u8]) {
        let input: Value = serde_json::from_slice(body).unwrap_or_default();
        let wait = input.get("WaitTimeSeconds").and_then(Value::as_u64).unwrap_or_default();
        let until = Instant::now() + Duration::from_secs(wait);
        while !self.queue().has_free_lane() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn failed(why: &str) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, why.to_owned()).into_response()
}
