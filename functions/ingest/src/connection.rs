//! Connects audiences: an audience of mParticle's gets one at TikTok, keeps it, and loses it.
//!
//! Only the token of the request is used. TikTok keeps no names apart, so a repeated or concurrent request must find what is
//! there, and undo what it made beside it.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use firehose::{Subscription, SubscriptionAction};
use ids::AudienceId;
use secrets::Secrets;
use tiktok::{Client, Failure, Meaning};

use crate::{Refusal, audience, tokens};

/// How long all calls of one request may take; the function's own time-out is 20 s.
const PATIENCE: Duration = Duration::from_secs(15);
/// 100 audiences a page, and 400 audiences an advertiser: more pages than these are nonsense.
const MAX_PAGES: u32 = 100;

/// What connecting needs.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) tiktok: Client,
    pub(crate) secrets: Secrets,
    pub(crate) delete_on_disconnect: bool,
}

impl Connections {
    /// Does what a customer did to a subscription; tells the audience at TikTok that belongs to it from now on.
    pub(crate) async fn change(&self, request: &Subscription<'_>) -> Result<Option<AudienceId>, Refusal> {
        tokio::time::timeout(PATIENCE, self.act(request)).await.unwrap_or(Err(Refusal::TikTokLate))
    }

    async fn act(&self, request: &Subscription<'_>) -> Result<Option<AudienceId>, Refusal> {
        match (request.action, request.tiktok_audience) {
            (SubscriptionAction::Add, _) | (SubscriptionAction::Update, None) => self.connect(request).await.map(Some),
            (SubscriptionAction::Update, Some(kept)) => {
                patiently(|| self.page(request, 1)).await?;
                self.vouch(request).await?;
                Ok(Some(kept))
            }
            (SubscriptionAction::Remove, None) => Ok(None),
            (SubscriptionAction::Remove, Some(audience)) => self.disconnect(request, audience).await.map(|()| None),
        }
    }

    async fn connect(&self, request: &Subscription<'_>) -> Result<AudienceId, Refusal> {
        let found = self.find(request).await?;
        self.vouch(request).await?;
        if let Some(found) = found {
            return Ok(found);
        }
        let mut pauses = backoff().build();
        let name = audience::name(&request.audience_name, request.audience_id);
        loop {
            let account = &request.account;
            match self.tiktok.create_audience(&account.token, account.advertiser, &name).await {
                Ok(created) => return self.settle(request, created.data).await,
                Err(failure) => {
                    let pause = pauses.next().filter(|_| may_pass(&failure)).ok_or(failure)?;
                    tokio::time::sleep(pause).await;
                    // It may have been created all the same.
                    if let Some(found) = self.find(request).await? {
                        return Ok(found);
                    }
                }
            }
        }
    }

    /// Of several that concurrent requests created the oldest stays, and each deletes its own.
    async fn settle(&self, request: &Subscription<'_>, mine: AudienceId) -> Result<AudienceId, Refusal> {
        let oldest = self.find(request).await?.map_or(mine, |found| found.min(mine));
        if oldest != mine
            && let Err(refusal) = self.delete(request, mine).await
        {
            tracing::warn!(%refusal, audience = %mine, kept = %oldest, "an audience that was created twice is left at TikTok");
        }
        Ok(oldest)
    }

    async fn disconnect(&self, request: &Subscription<'_>, audience: AudienceId) -> Result<(), Refusal> {
        if self.delete_on_disconnect { self.delete(request, audience).await.map_err(Refusal::from) } else { Ok(()) }
    }

    /// Deletes an audience; one that is gone already counts as deleted.
    async fn delete(&self, request: &Subscription<'_>, audience: AudienceId) -> Result<(), Failure> {
        let account = &request.account;
        match patiently(|| self.tiktok.delete_audience(&account.token, account.advertiser, audience)).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.names_nothing_that_exists() => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// The audience that belongs to mParticle's, if there is one.
    async fn find(&self, request: &Subscription<'_>) -> Result<Option<AudienceId>, Failure> {
        let mut oldest = None;
        let mut number = 1;
        loop {
            let page = patiently(|| self.page(request, number)).await?;
            let found = audience::oldest_marked(&page.audiences, request.audience_id);
            oldest = oldest.into_iter().chain(found).min();
            if number >= page.total_pages.min(MAX_PAGES) {
                return Ok(oldest);
            }
            number += 1;
        }
    }

    async fn page(&self, request: &Subscription<'_>, number: u32) -> Result<tiktok::AudiencePage, Failure> {
        let account = &request.account;
        self.tiktok.audiences(&account.token, account.advertiser, number).await.map(|answer| answer.data)
    }

    /// TikTok has just accepted the token for the advertiser.
    async fn vouch(&self, request: &Subscription<'_>) -> Result<(), Refusal> {
        let user = match self.tiktok.user(&request.account.token).await {
            Ok(answer) => Some(answer.data.core_user_id),
            Err(failure) => {
                tracing::warn!(%failure, "TikTok does not say whose token it is: the connection will not be healed by another");
                None
            }
        };
        Ok(tokens::vouch(&self.secrets, &request.account, user.as_deref()).await?)
    }
}

fn backoff() -> ExponentialBuilder {
    ExponentialBuilder::default().with_min_delay(Duration::from_millis(400)).with_max_times(3).with_jitter()
}

/// Calls again, a few times, while that may help.
async fn patiently<T, F: Future<Output = Result<T, Failure>>>(call: impl FnMut() -> F) -> Result<T, Failure> {
    call.retry(backoff()).when(may_pass).await
}

/// Whether the same call may work in a moment.
const fn may_pass(failure: &Failure) -> bool {
    match failure.meaning {
        Meaning::AppThrottled | Meaning::AdvertiserThrottled | Meaning::Unavailable => true,
        Meaning::PartlySuccessful
        | Meaning::Reauthorise
        | Meaning::RestartConsent
        | Meaning::Operator
        | Meaning::TooLarge
        | Meaning::Rejected
        | Meaning::RejectedUnknown => false,
    }
}
