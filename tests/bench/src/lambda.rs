//! The real binary of a function behind stubs of all that it calls, measured from outside: the time of each answer, CPU and peak memory
//! of the process.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use ids::ConnectionId;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use crate::backlog::Backlog;
use crate::surroundings::{Answer, Surroundings, Uploads, answer};

/// The token of every connection, and of the Firehose.
pub(crate) const TOKEN: &str = "bench-token";
/// mParticle's number of every configuration.
pub(crate) const ACCOUNT: &str = "123";

/// A running function.
pub(crate) struct Lambda {
    child: Child,
    events: mpsc::Sender<Bytes>,
    answers: mpsc::Receiver<Answer>,
    around: Arc<Surroundings>,
}

/// What a function is started with.
pub(crate) struct Setup<'a> {
    pub(crate) name: &'a str,
    /// Besides what every function needs.
    pub(crate) environment: &'a [(&'a str, &'a str)],
    pub(crate) timeout: Duration,
    pub(crate) tiktok_takes: Duration,
    /// Whose changes wait on the queue, and how many users each message of mParticle's has.
    pub(crate) backlog: (&'a [ConnectionId], u32),
}

impl Lambda {
    /// Starts `target/release/<name>`.
    pub(crate) async fn start(setup: &Setup<'_>) -> Result<Self> {
        let Setup { name, environment, timeout, tiktok_takes, backlog: (connections, users) } = *setup;
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
            |directory| Path::new(&directory).to_path_buf(),
        );
        let binary = target.join("release").join(name);
        anyhow::ensure!(binary.exists(), "{name} is not built: run `cargo build --release -p {name}`");
        let (events, take_events) = mpsc::channel(1);
        let (give_answers, answers) = mpsc::channel(1);
        let around = Arc::new(Surroundings {
            events: AsyncMutex::new(take_events),
            answers: give_answers,
            timeout,
            secret: secret().to_string(),
            tiktok_takes,
            queue: Mutex::new(Backlog::new(connections, users)),
            uploads: Mutex::default(),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&around));
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let child = command(&binary, name, &address)
            .envs(environment.iter().copied())
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        Ok(Self { child, events, answers, around })
    }

    /// Invokes the function and waits for its answer.
    pub(crate) async fn invoke(&mut self, event: &Bytes) -> Result<(Duration, Bytes)> {
        let started = Instant::now();
        self.events.send(event.clone()).await.context("the stub is gone")?;
        let answer = tokio::time::timeout(Duration::from_mins(3), self.answers.recv()).await?.context("no answer")?;
        if answer.failed {
            bail!("the function failed: {}", String::from_utf8_lossy(&answer.body));
        }
        Ok((answer.at - started, answer.body))
    }

    /// What TikTok was sent so far.
    pub(crate) fn uploads(&self) -> Uploads {
        self.around.uploads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests to SQS so far, as it bills them.
    pub(crate) fn sqs_requests(&self) -> u64 {
        self.around.queue.lock().unwrap_or_else(PoisonError::into_inner).requests
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

/// What every secret of the stub says: the Firehose token, and a record with one living connection.
fn secret() -> Value {
    let connection = json!({
        "token": TOKEN, "user": "1", "source": "connect", "since_ms": 1, "state": {"active": {}}, "last_used_week": 1_000_000,
    });
    json!({ "current": TOKEN, "version": 2, "connections": { (ACCOUNT): connection } })
}

fn command(binary: &Path, name: &str, address: &str) -> Command {
    let url = format!("http://{address}");
    let mut command = Command::new(binary);
    command
        .env_clear()
        .envs([
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_RUNTIME_API", address),
            ("AWS_ENDPOINT_URL", &url),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "bench"),
            ("AWS_SECRET_ACCESS_KEY", "bench"),
            ("QUEUE_URL", &format!("{url}/queue.fifo")),
            ("DEAD_LETTER_QUEUE_URL", &format!("{url}/dead-letters.fifo")),
            ("ADVERTISER_SECRET_PREFIX", "bench/advertiser/"),
            ("FIREHOSE_TOKEN_SECRET_ID", "bench/firehose"),
            ("TIKTOK_API_BASE_URL", &format!("{url}/open_api/v1.3")),
            ("LOG_LEVEL", "error"),
            ("METRICS_NAMESPACE", "bench"),
        ])
        .stdout(Stdio::null())
        .kill_on_drop(true);
    command
}
