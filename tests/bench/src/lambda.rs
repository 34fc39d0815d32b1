//! The real binary of a function behind stubs of all that it calls, measured from outside.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use axum::body::Bytes;
use ids::ConnectionId;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{SetOnce, mpsc};

use crate::process::Process;
use crate::queue::Queue;
use crate::stub::{Answer, Stub, answer};

/// The token of every connection, and of the Firehose.
pub const TOKEN: &str = "bench-token";
/// The mParticle account of every connection.
pub const ACCOUNT: u32 = 123;
/// The certificate file of Lambda's Amazon Linux, as in the template's `CertificateFile`, and that of Debian.
const CERTIFICATES: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// A function that runs, and its stub.
#[derive(Debug)]
pub struct Lambda {
    child: Child,
    started: Instant,
    events: mpsc::Sender<Bytes>,
    answers: mpsc::Receiver<Answer>,
    stub: Arc<Stub>,
}

/// What a function is started with.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// Its binary.
    pub name: &'a str,
    /// Settings besides those that every function gets.
    pub environment: &'a [(&'a str, &'a str)],
    /// How long an invocation may last.
    pub timeout: Duration,
    /// How long TikTok takes for a mapping call.
    pub tiktok_takes: Duration,
    /// Whose changes wait on the queue.
    pub connections: &'a [ConnectionId],
    /// Users of each message that mParticle sent.
    pub users: u32,
}

impl Setup<'_> {
    /// A function with an empty queue, and a TikTok that answers at once.
    #[must_use]
    pub const fn of(name: &str) -> Setup<'_> {
        let timeout = Duration::from_secs(25);
        Setup { name, environment: &[], timeout, tiktok_takes: Duration::ZERO, connections: &[], users: 1 }
    }
}

impl Lambda {
    /// Starts `target/release/<name>`.
    ///
    /// # Errors
    /// It is not built, or does not start.
    pub async fn start(setup: &Setup<'_>) -> Result<Self> {
        let (events, take_events) = mpsc::channel(1);
        let (give_answers, answers) = mpsc::channel(1);
        let stub = Arc::new(Stub {
            events: take_events.into(),
            answers: give_answers,
            timeout: setup.timeout,
            secret: secret().to_string(),
            tiktok_takes: setup.tiktok_takes,
            queue: Queue::new(setup.connections, setup.users).into(),
            uploads: Mutex::default(),
            polled: SetOnce::new(),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&stub));
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut command = command(setup.name, &address)?;
        command.envs(setup.environment.iter().copied());
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("{} does not start", setup.name))?;
        Ok(Self { child, started, events, answers, stub })
    }

    /// From the start of the process to when it asks for its first event.
    ///
    /// # Errors
    /// It does not ask within 10 s.
    pub async fn first_poll(&self) -> Result<Duration> {
        let polled = tokio::time::timeout(Duration::from_secs(10), self.stub.polled.wait()).await;
        Ok(*polled.context("the function does not ask for an event within 10 s")? - self.started)
    }

    /// Invokes the function and waits for its answer.
    ///
    /// # Errors
    /// The function failed, or has no answer.
    pub async fn invoke(&mut self, event: &Bytes) -> Result<(Duration, Bytes)> {
        let started = Instant::now();
        self.events.send(event.clone()).await.context("the stub is gone")?;
        let answer = tokio::time::timeout(Duration::from_mins(3), self.answers.recv()).await;
        let answer = answer.context("the function does not answer within 3 minutes")?.context("the stub is gone")?;
        if answer.failed {
            bail!("the function failed: {}", String::from_utf8_lossy(&answer.body));
        }
        Ok((answer.at - started, answer.body))
    }

    /// What the kernel knows of it.
    ///
    /// # Errors
    /// It has ended.
    pub fn process(&self) -> Result<Process> {
        Ok(Process(self.child.id().context("the function has ended")?))
    }

    /// The bodies of the mapping calls since this was asked last.
    #[must_use]
    pub fn take_uploads(&self) -> Vec<Bytes> {
        std::mem::take(&mut *self.stub.uploads())
    }

    /// What it receives from and sends to.
    pub fn queue(&self) -> MutexGuard<'_, Queue> {
        self.stub.queue()
    }
}

/// The advertiser with this number.
#[must_use]
pub fn advertiser(number: u32) -> u64 {
    7_000_000_000_000_000_001 + u64::from(number)
}

/// The connection of that advertiser.
///
/// # Errors
/// Its ids are none.
pub fn connection(number: u32) -> Result<ConnectionId> {
    Ok(format!("{}.{ACCOUNT}", advertiser(number)).parse()?)
}

/// The path of a release binary.
///
/// # Errors
/// It is not built.
pub fn binary(name: &str) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let binary = target.join("release").join(name);
    ensure!(binary.exists(), "{} is missing: make load and make bench build it", binary.display());
    Ok(binary)
}

/// The value of every secret of the stub: the Firehose token, the app's secret, and an advertiser's record with one active connection.
fn secret() -> Value {
    let connection = json!({
        "token": TOKEN, "user": "1", "source": "connect", "since_ms": 1, "state": {"active": {}}, "last_used_week": 1_000_000,
    });
    json!({
        "app_id": "7", "secret": "bench", "current": TOKEN, "version": 2, "connections": { (ACCOUNT.to_string()): connection },
    })
}

/// With the settings of all functions, which saves telling them apart.
fn command(name: &str, address: &str) -> Result<Command> {
    let url = format!("http://{address}");
    let mut command = Command::new(binary(name)?);
    command
        .env_clear()
        .envs([
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
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
            ("TIKTOK_APP_SECRET_ID", "bench/app"),
            ("TIKTOK_API_BASE_URL", &format!("{url}/open_api/v1.3")),
            ("TIKTOK_AUTHORIZE_URL", "https://ads.tiktok.com/marketing_api/auth?app_id=7&state=bench"),
            ("LOG_LEVEL", "info"),
            ("METRICS_NAMESPACE", "bench"),
        ])
        .stdout(Stdio::null())
        .kill_on_drop(true);
    // As in the template: of the functions, this one alone.
    if name == "ingest" {
        command.env("MALLOC_MMAP_THRESHOLD_", "262144");
    }
    if let Some(file) = CERTIFICATES.iter().find(|file| Path::new(file).exists()) {
        command.env("SSL_CERT_FILE", file);
    }
    Ok(command)
}
