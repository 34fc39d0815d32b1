//! A stack that runs, as all the stories on it share it: its process, its letters, its logs, and what TikTok must hold at its end.
//! It holds no client: each story has its own, since stories may run in runtimes of their own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use sandbox::RateLimits;
use sandbox::control::Control;
use tokio::sync::{Mutex as AsyncMutex, OnceCell};

use super::{Description, Options, Process};
use crate::cloud::Cloud;
use crate::leaks::Confidential;
use crate::letters::Letterbox;
use crate::logs::LogReader;
use crate::model::Model;
use crate::queue::Queue;

/// How long a stack may take to be ready: it takes about three seconds on an idle machine.
const START_TIMEOUT: Duration = Duration::from_mins(5);

/// The shared stacks of this process, by what tells them apart.
static SHARED: Mutex<BTreeMap<String, Arc<OnceCell<Arc<Running>>>>> = Mutex::new(BTreeMap::new());

/// A running stack.
#[derive(Debug)]
pub(crate) struct Running {
    pub(super) at: Description,
    pub(super) is_shared: bool,
    pub(super) confidential: Arc<Confidential>,
    pub(super) letters: AsyncMutex<Letterbox>,
    pub(super) logs: AsyncMutex<LogReader>,
    pub(super) process: Process,
    /// What each story said last of the audiences that it fed.
    models: Mutex<Vec<Model>>,
}

impl Running {
    /// The stack for these options: a new one, or the one that other stories share.
    pub(super) async fn get(options: &Options) -> Result<Arc<Self>> {
        if !options.is_shared {
            return Self::start(options).await.map(Arc::new);
        }
        let cell = {
            let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(shared.entry(options.key()).or_default())
        };
        cell.get_or_try_init(async || Self::start(options).await.map(Arc::new)).await.cloned()
    }

    async fn start(options: &Options) -> Result<Self> {
        let mut process = Process::start(options)?;
        let deadline = Instant::now() + START_TIMEOUT;
        let at = loop {
            if let Some(description) = Description::read(process.directory())? {
                break description;
            }
            process.still_runs()?;
            ensure!(Instant::now() < deadline, "the stack is not ready after {} s", START_TIMEOUT.as_secs());
            tokio::time::sleep(Duration::from_millis(30)).await;
        };
        if options.is_shared {
            Control::new(at.tiktok_url()?)?.set_limits(RateLimits::none(), RateLimits::none()).await?;
        }
        let confidential = Arc::new(Confidential::default());
        confidential.add(&at.tiktok_app_secret);
        confidential.add(&at.firehose_token);
        Ok(Self {
            is_shared: options.is_shared,
            letters: AsyncMutex::new(Letterbox::new(&at.dead_letter_queue_url)),
            logs: AsyncMutex::new(LogReader::new(&at.stack_name)),
            models: Mutex::default(),
            at,
            confidential,
            process,
        })
    }

    /// Notes what TikTok must still hold when the stack ends.
    pub(super) fn expect(&self, model: &Model) {
        self.models.lock().unwrap_or_else(PoisonError::into_inner).push(model.clone());
    }

    /// What must be so when all stories are over: nothing is on its way, no dead letter is left that no story expected, TikTok holds
    /// what each of them said last, and no log holds anything secret or personal, or a panic.
    pub(super) async fn in_order(&self) -> Result<()> {
        let http = sandbox::control::loopback_client()?;
        let cloud = Cloud::new(http, &self.at.aws_endpoint, &self.at.aws_access_key_id, &self.at.region);
        Queue::new(cloud.clone(), &self.at.queue_url).drained().await?;
        let letters = self.letters.lock().await.claim(&cloud, |_| true).await?;
        let unexpected: Vec<_> = letters.iter().map(|letter| &letter.attributes).collect();
        ensure!(unexpected.is_empty(), "dead letters that no story expected: {unexpected:#?}");

        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !models.is_empty() {
            let tiktok = Control::new(self.at.tiktok_url()?)?;
            Model::newest_of(models).holds_at(&tiktok).await?;
        }
        let mut logs = self.logs.lock().await;
        let text = logs.read(&cloud).await?;
        if let Some(panic) = text.lines().find(|line| line.contains("panicked at")) {
            bail!("a function panicked: {panic}");
        }
        no_leaks(&self.confidential, text)
    }

    /// Keeps the logs when the stack ends, and says where.
    pub(super) async fn keep_logs(&self, cloud: &Cloud) -> &Path {
        let mut logs = self.logs.lock().await;
        // The cloud may be what failed.
        let text = logs.read(cloud).await.unwrap_or("");
        self.process.keep_logs(text);
        self.process.directory()
    }
}

/// Fails if the logs hold what they must not.
pub(super) fn no_leaks(confidential: &Confidential, logs: &str) -> Result<()> {
    let leaks = confidential.leaks_in(logs);
    let (first, count) = (leaks.first(), leaks.len());
    first.map_or(Ok(()), |first| bail!("{count} log lines hold what they must not; the first: {first}"))
}

/// Takes the shared stacks of this process, each with its parameters. Each ends when its value is dropped.
#[must_use]
pub fn take_shared() -> Vec<(String, SharedStack)> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = std::mem::take(&mut *shared).into_iter();
    taken.filter_map(|(key, cell)| Some((key, SharedStack(cell.get().cloned()?)))).collect()
}

/// A stack that stories shared.
#[derive(Debug)]
pub struct SharedStack(Arc<Running>);

impl SharedStack {
    /// Sees that all is in order when the stories are over, and ends the stack.
    ///
    /// # Errors
    /// What is not in order, and where the logs are.
    pub async fn end(self) -> Result<()> {
        let Err(error) = self.0.in_order().await else { return Ok(()) };
        let at = &self.0.at;
        let http = sandbox::control::loopback_client()?;
        let cloud = Cloud::new(http, &at.aws_endpoint, &at.aws_access_key_id, &at.region);
        let logs = self.0.keep_logs(&cloud).await;
        Err(error.context(format!("the logs are in {}", logs.display())))
    }
}
