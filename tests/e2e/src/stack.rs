//! A stack as one story uses it: the deployed template with the real binaries, the local cloud and the sandbox, on free ports. It is
//! the story's own, or shared with others (`running.rs`); what a story makes and says is its own in any case.

mod description;
mod options;
mod process;
mod running;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use sandbox::control::{Control, loopback_client};
use serde_json::Value;

use crate::cloud::Cloud;
use crate::consent::{self, Page};
use crate::leaks::Confidential;
use crate::letters::Letter;
use crate::logs::Logs;
use crate::message::{self, Account, Audience, Profile};
use crate::model::Model;
use crate::mparticle::{MParticle, Transport};
use crate::queue::Queue;
use crate::story::until;
use crate::uploader::Uploader;

pub use description::Description;
pub use options::{Elsewhere, Options};
use process::Process;
use running::{Running, no_leaks};
pub use running::{SharedStack, take_shared};

/// A running stack, in the hands of one story.
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
    /// The function behind the queue.
    pub uploader: Uploader,
    /// The local cloud itself.
    pub cloud: Cloud,
    /// A browser without script: it follows no redirect by itself.
    pub http: Client,
    /// What must not be in the logs.
    pub confidential: Arc<Confidential>,
    running: Arc<Running>,
    /// The advertisers whose letters are this story's.
    advertisers: Mutex<BTreeSet<String>>,
    /// How much had been logged when the story began.
    logged_before: usize,
}

impl Stack {
    /// Starts a stack, or joins the shared one that these options name, and waits until it answers.
    ///
    /// # Errors
    /// What is missing, or why it did not start.
    pub async fn up(options: &Options) -> Result<Self> {
        let running = Running::get(options).await?;
        let at = running.at.clone();
        let http = loopback_client()?;
        let cloud = Cloud::new(http.clone(), &at.aws_endpoint, &at.aws_access_key_id, &at.region);
        let confidential = Arc::new(Confidential::of_story(Arc::clone(&running.confidential)));
        let mparticle = MParticle::new(
            http.clone(),
            cloud.clone(),
            &at.api_url,
            &at.ingest_function,
            &at.firehose_token,
            Arc::clone(&confidential),
        );
        let logged_before = running.logs.lock().await.read(&cloud).await?.len();
        Ok(Self {
            tiktok: Control::new(at.tiktok_url()?)?,
            queue: Queue::new(cloud.clone(), &at.queue_url),
            uploader: Uploader::find(cloud.clone()).await?,
            at,
            mparticle,
            cloud,
            http,
            confidential,
            running,
            advertisers: Mutex::default(),
            logged_before,
        })
    }

    /// A number for a configuration that no other story has.
    pub(crate) fn next_account_id() -> i64 {
        static NEXT: AtomicI64 = AtomicI64::new(100_001);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// Says that this advertiser's dead letters belong to the story.
    pub fn claim_letters_of(&self, advertiser_id: &str) {
        self.advertisers.lock().unwrap_or_else(PoisonError::into_inner).insert(advertiser_id.to_owned());
    }

    /// Connects an audience, as when a customer presses the button in mParticle.
    ///
    /// # Errors
    /// When `ingest` refuses.
    pub async fn connect(&self, account: &Account, audience_id: i64, name: &str) -> Result<Audience> {
        self.claim_letters_of(&account.advertiser_id);
        let mut audience = Audience { audience_id, name: name.to_owned(), by_email: false, tiktok_id: None };
        let request = message::subscription(account, &audience, "add");
        let response = self.mparticle.deliver(Transport::Http, &request).await?;
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
        transport: Transport,
        account: &Account,
        profiles: &[Profile<'_>],
    ) -> Result<Value> {
        model.apply(profiles);
        self.mparticle.deliver(transport, &message::membership(account, profiles)).await
    }

    /// Waits until TikTok holds what the model says; on a stack of the story's own, until the queue is empty. When the stack ends
    /// TikTok must still hold it, unless the story says something newer.
    ///
    /// # Errors
    /// When it is not so in time, and what differs.
    pub async fn arrives(&self, model: &Model) -> Result<()> {
        self.running.expect(model);
        if self.running.is_shared {
            let arrived = async || Ok(model.differing(&self.tiktok).await?.is_empty());
            let waited = until("TikTok holds what it should", arrived).await;
            return match waited {
                Ok(()) => Ok(()),
                Err(_) => model.holds_at(&self.tiktok).await,
            };
        }
        self.queue.drained().await?;
        model.holds_at(&self.tiktok).await
    }

    /// Takes the story's dead letters: those of its advertisers; on a stack of its own, all.
    ///
    /// # Errors
    /// When SQS is not reached.
    pub async fn take_letters(&self) -> Result<Vec<Letter>> {
        let mine = self.advertisers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_mine = |letter: &Letter| !self.running.is_shared || mine.contains(letter.attribute("advertiser"));
        self.running.letters.lock().await.claim(&self.cloud, is_mine).await
    }

    /// Takes dead letters until they hold this many changes together.
    ///
    /// # Errors
    /// When they do not in time, or hold more.
    pub async fn take_letters_with(&self, changes: usize) -> Result<Vec<Letter>> {
        let taken = Mutex::new(Vec::new());
        let count = || crate::letters::changes(&taken.lock().unwrap_or_else(PoisonError::into_inner));
        let waited = until("the dead letters are there", async || {
            let new = self.take_letters().await?;
            taken.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
            Ok(count() >= changes)
        })
        .await;
        ensure!(count() == changes, "{} changes in dead letters instead of {changes} ({waited:?})", count());
        Ok(taken.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Authorizes by the published consent link, as this person with these scopes.
    ///
    /// # Errors
    /// When a page on the way is not there.
    pub async fn authorize(&self, person: &str, scopes: &[u64]) -> Result<Page> {
        let page = consent::follow(&self.http, &self.tiktok, &self.at.authorize_url, person, scopes).await?;
        page.auth_code().into_iter().for_each(|code| self.confidential.add(code));
        if let Ok(shown) = page.authorized() {
            self.confidential.add(&shown.token);
            shown.accounts.iter().for_each(|(advertiser_id, _)| self.claim_letters_of(advertiser_id));
        }
        Ok(page)
    }

    /// All that the functions logged since the story began; the lines of an invocation come when it ends.
    ///
    /// # Errors
    /// When the local cloud does not answer.
    pub async fn logs(&self) -> Result<Logs> {
        let mut logs = self.running.logs.lock().await;
        let text = logs.read(&self.cloud).await?;
        Ok(Logs::new(text.get(self.logged_before..).unwrap_or_default().to_owned()))
    }

    /// What must be so at the end of every story: no dead letter of its own is left, and nothing that it sent is in a log. On a stack
    /// of its own, all that must be so at the end of a stack.
    ///
    /// # Errors
    /// What is not so.
    pub async fn in_order(&self) -> Result<()> {
        let letters = self.take_letters().await?;
        let unexpected: Vec<_> = letters.iter().map(|letter| &letter.attributes).collect();
        ensure!(unexpected.is_empty(), "dead letters that the story did not expect: {unexpected:#?}");
        no_leaks(&self.confidential, self.logs().await?.text())?;
        if self.running.is_shared { Ok(()) } else { self.running.in_order().await }
    }

    /// Where its logs are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.running.process.directory()
    }

    /// Keeps the logs when the stack ends, and says where.
    pub async fn keep_logs(&self) -> &Path {
        self.running.keep_logs(&self.cloud).await
    }
}
