//! A function's surroundings: the Runtime API, and an SQS, a Secrets Manager and a TikTok that answer at once.
//!
//! It runs the real binary and measures it from outside: the time of each answer, CPU and peak memory of the process.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Router, body::Bytes};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};

/// A running function.
pub(crate) struct Lambda {
    child: Child,
    events: mpsc::Sender<Bytes>,
    answers: mpsc::Receiver<Answer>,
}

/// What the function answered, and when.
struct Answer {
    at: Instant,
    failed: bool,
    body: Bytes,
}

struct Surroundings {
    events: Mutex<mpsc::Receiver<Bytes>>,
    answers: mpsc::Sender<Answer>,
    secret: String,
}

impl Lambda {
    /// Starts `target/release/<name>` with `environment` besides what every function needs; every secret reads `secret`.
    pub(crate) async fn start(name: &str, environment: &[(&str, &str)], secret: Value) -> Result<Self> {
        let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release").join(name);
        anyhow::ensure!(binary.exists(), "{name} is not built: run `cargo build --release -p {name}`");
        let (events, take_events) = mpsc::channel(1);
        let (give_answers, answers) = mpsc::channel(1);
        let surroundings =
            Surroundings { events: Mutex::new(take_events), answers: give_answers, secret: secret.to_string() };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let router = Router::new().fallback(answer).with_state(Arc::new(surroundings));
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let url = format!("http://{address}");
        let child = Command::new(binary)
            .env_clear()
            .envs([
                ("AWS_LAMBDA_FUNCTION_NAME", name),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_LAMBDA_RUNTIME_API", &address),
                ("AWS_ENDPOINT_URL", &url),
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", "bench"),
                ("AWS_SECRET_ACCESS_KEY", "bench"),
                ("QUEUE_URL", &format!("{url}/queue")),
                ("DEAD_LETTER_QUEUE_URL", &format!("{url}/dead-letters")),
                ("ADVERTISER_SECRET_PREFIX", "bench/advertiser/"),
                ("FIREHOSE_TOKEN_SECRET_ID", "bench/firehose"),
                ("TIKTOK_API_BASE_URL", &format!("{url}/open_api/v1.3")),
                ("LOG_LEVEL", "error"),
                ("METRICS_NAMESPACE", "bench"),
            ])
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        Ok(Self { child, events, answers })
    }

    /// Invokes the function and waits for its answer.
    pub(crate) async fn invoke(&mut self, event: &Bytes) -> Result<(Duration, Bytes)> {
        let started = Instant::now();
        self.events.send(event.clone()).await.context("the stub is gone")?;
        let answer = tokio::time::timeout(Duration::from_mins(2), self.answers.recv()).await?.context("no answer")?;
        if answer.failed {
            bail!("the function failed: {}", String::from_utf8_lossy(&answer.body));
        }
        Ok((answer.at - started, answer.body))
    }

    /// CPU that the process has used so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = self.read("stat")?;
        // After the name in parentheses; user and system time are fields 14 and 15, in hundredths of a second.
        let after = stat.rsplit(") ").next().context("an unknown form of /proc")?;
        let ticks: u64 = after.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 10))
    }

    /// The most memory that the process has had, in MB.
    pub(crate) fn peak_memory_mb(&self) -> Result<f64> {
        let status = self.read("status")?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("an unknown form of /proc")?;
        let kb: u32 = peak.trim().trim_end_matches(" kB").parse()?;
        Ok(f64::from(kb) / 1024.0)
    }

    fn read(&self, file: &str) -> Result<String> {
        let pid = self.child.id().context("the function has ended")?;
        std::fs::read_to_string(format!("/proc/{pid}/{file}")).context("measuring needs Linux's /proc")
    }
}

async fn answer(State(stub): State<Arc<Surroundings>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path();
    if path.ends_with("/invocation/next") {
        return next(&stub).await;
    }
    if path.starts_with("/2018-06-01/runtime/") {
        let failed = !path.ends_with("/response");
        // Whoever waits for the answer may have given up.
        stub.answers.send(Answer { at: Instant::now(), failed, body }).await.ok();
        return StatusCode::ACCEPTED.into_response();
    }
    if path.starts_with("/open_api/") {
        let data = json!({"core_user_id": "1", "list": [], "page_info": {"total_page": 1}});
        return axum::Json(json!({"code": 0, "message": "OK", "request_id": "bench", "data": data})).into_response();
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    axum::Json(aws(target, &body, &stub.secret)).into_response()
}

async fn next(stub: &Surroundings) -> Response {
    let Some(event) = stub.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let deadline = (now + Duration::from_mins(2)).as_millis().to_string();
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event).into_response()
}

fn aws(target: &str, body: &[u8], secret: &str) -> Value {
    match target.rsplit('.').next().unwrap_or_default() {
        "SendMessageBatch" | "ChangeMessageVisibilityBatch" => {
            let request: Value = serde_json::from_slice(body).unwrap_or_default();
            let entries = request.get("Entries").and_then(Value::as_array).into_iter().flatten();
            let done = entries.map(|entry| {
                json!({"Id": entry.get("Id"), "MessageId": "m", "MD5OfMessageBody": "00000000000000000000000000000000"})
            });
            json!({"Successful": done.collect::<Vec<_>>(), "Failed": []})
        }
        _ => json!({"Name": "bench", "SecretString": secret}),
    }
}
