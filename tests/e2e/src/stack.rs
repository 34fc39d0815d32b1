//! A stack of one's own: the deployed template with the real binaries, the local cloud and the sandbox, on free ports.
//! It ends with the value that holds it, however that happens.

mod description;
mod options;
mod process;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::Client;
use sandbox::control::{Control, loopback_client};
use serde_json::Value;

use crate::cloud::Cloud;
use crate::consent::{self, Page};
use crate::hush::Hush;
use crate::logs::Logs;
use crate::message::{self, Account, Audience, Profile};
use crate::model::Model;
use crate::mparticle::{Door, MParticle};
use crate::queue::Queue;
use crate::uploader::Uploader;

pub use description::Description;
pub use options::{Elsewhere, Options};
use process::Process;

/// How long a stack may take to be ready: it takes about three seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A customer: an advertiser of his own at TikTok, and his configuration in mParticle.
#[derive(Clone, Debug)]
pub struct Customer {
    /// The configuration, with the token that the admin granted.
    pub account: Account,
    /// The admin, by his id at TikTok.
    pub person: String,
}

/// A running stack.
#[derive(Debug)]
pub struct Stack {
    /// Where everything is.
    pub at: Description,
    /// What TikTok holds and was asked, and how it misbehaves.
    pub tiktok: Control,
    /// Messages go in here.
    pub mparticle: MParticle,
    /// Changes on their way.
    pub queue: Queue,
    /// Changes that were given up.
    pub dead_letters: Queue,
    /// The function behind the queue.
    pub uploader: Uploader,
    /// The local cloud itself.
    pub cloud: Cloud,
    /// A browser without script: it follows no redirect by itself.
    pub http: Client,
    /// What must not be in the logs.
    pub hush: Arc<Hush>,
    process: Process,
}

impl Stack {
    /// Starts a stack and waits until it answers.
    ///
    /// # Errors
    /// What is missing, or why it did not start.
    pub async fn up(options: &Options) -> Result<Self> {
        let mut process = Process::start(options)?;
        let deadline = Instant::now() + PATIENCE;
        let at = loop {
            if let Some(description) = Description::read(process.directory())? {
                break description;
            }
            process.still_runs()?;
            ensure!(Instant::now() < deadline, "the stack is not ready after {} s", PATIENCE.as_secs());
            tokio::time::sleep(Duration::from_millis(30)).await;
        };
        let http = loopback_client()?;
        let cloud = Cloud::new(http.clone(), &at.aws_endpoint, &at.aws_access_key_id, &at.region);
        let hush = Arc::new(Hush::default());
        hush.word(&at.tiktok_app_secret);
        hush.word(&at.firehose_token);
        let mparticle = MParticle::new(
            http.clone(),
            cloud.clone(),
            &at.api_url,
            &at.ingest_function,
            &at.firehose_token,
            Arc::clone(&hush),
        );
        Ok(Self {
            tiktok: Control::new(at.tiktok_url()?)?,
            queue: Queue::new(cloud.clone(), &at.queue_url),
            dead_letters: Queue::new(cloud.clone(), &at.dead_letter_queue_url),
            uploader: Uploader::find(cloud.clone()).await?,
            at,
            mparticle,
            cloud,
            http,
            hush,
            process,
        })
    }

    /// A new customer, whose admin has granted a token.
    ///
    /// # Errors
    /// When the sandbox says no.
    pub async fn customer(&self, name: &str) -> Result<Customer> {
        let made = self.tiktok.customer(name).await?;
        let account_id = i64::from(self.process.next_number());
        let (advertiser_id, token) = (made.advertiser.advertiser_id, made.token.access_token);
        self.hush.word(&token);
        Ok(Customer { account: Account { account_id, advertiser_id, token }, person: made.person.core_user_id })
    }

    /// Connects an audience, as when a customer presses the button in mParticle.
    ///
    /// # Errors
    /// When `ingest` refuses.
    pub async fn connect(&self, account: &Account, audience_id: i64, name: &str) -> Result<Audience> {
        let mut audience = Audience { audience_id, name: name.to_owned(), tiktok_id: None };
        let request = message::subscription(account, &audience, "add");
        let response = self.mparticle.deliver(Door::Http, &request).await?;
        let id = response["audience_subscription_settings"]["tiktokAudienceId"].as_str();
        audience.tiktok_id =
            Some(id.with_context(|| format!("connected without an audience id: {response}"))?.to_owned());
        Ok(audience)
    }

    /// Sends a membership change, and applies it to the model.
    ///
    /// # Errors
    /// When `ingest` refuses it.
    pub async fn change(
        &self,
        model: &mut Model,
        door: Door,
        account: &Account,
        profiles: &[Profile<'_>],
    ) -> Result<Value> {
        model.apply(profiles);
        self.mparticle.deliver(door, &message::membership(account, profiles)).await
    }

    /// Waits until the queue is empty, and sees that TikTok holds what the model says.
    ///
    /// # Errors
    /// When the queue is not empty after `seconds`, or what differs.
    pub async fn arrives(&self, model: &Model, seconds: u64) -> Result<()> {
        self.queue.drained(Duration::from_secs(seconds)).await?;
        model.holds_at(&self.tiktok).await
    }

    /// Authorises by the published consent link, as this person with these scopes.
    ///
    /// # Errors
    /// When a page on the way is not there.
    pub async fn authorise(&self, person: &str, scopes: &[u64]) -> Result<Page> {
        let page = consent::follow(&self.http, &self.tiktok, &self.at.authorize_url, person, scopes).await?;
        page.auth_code().into_iter().for_each(|code| self.hush.word(code));
        if let Ok(shown) = page.authorised() {
            self.hush.word(&shown.token);
        }
        Ok(page)
    }

    /// All that the functions logged so far.
    ///
    /// # Errors
    /// When the local cloud does not answer.
    pub async fn logs(&self) -> Result<Logs> {
        self.process.command("logs", &[]).await.map(Logs::new)
    }

    /// Kills the processes of `uploader`, `ingest` or `auth-redirect`, as a crash would. Returns how many.
    ///
    /// # Errors
    /// When the local cloud does not answer.
    pub async fn kill(&self, function: &'static str) -> Result<u32> {
        let said = self.process.command("kill", &[function]).await?;
        let count = said.split_whitespace().find_map(|word| word.parse().ok());
        count.with_context(|| format!("stack.py says {said}"))
    }

    /// What must be so at the end of every story: the queues are empty, and nothing that is secret or personal is in a log.
    ///
    /// # Errors
    /// What is not so.
    pub async fn in_order(&self) -> Result<()> {
        let depth = self.queue.depth().await?;
        ensure!(depth.all() == 0, "the queue is not empty: {depth:?}");
        let letters = self.dead_letters.take_all().await?;
        let unexpected: Vec<_> = letters.iter().map(|letter| &letter.attributes).collect();
        ensure!(unexpected.is_empty(), "dead letters that no one expected: {unexpected:#?}");
        let leaks = self.hush.leaks(self.logs().await?.text());
        let (first, count) = (leaks.first(), leaks.len());
        first.map_or(Ok(()), |first| bail!("{count} log lines hold what they must not; the first: {first}"))
    }

    /// Where its logs are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.process.directory()
    }

    /// Keeps the logs when it ends, which a stack otherwise does only in a panic, and says where.
    pub fn keep_logs(&mut self) -> &Path {
        self.process.keep_logs();
        self.process.directory()
    }
}
