//! Connects audiences: an audience of mParticle's gets one at TikTok, and keeps it for as long as it is there and usable.
//!
//! TikTok keeps no names apart, and its list lags behind: a repeated or concurrent request must find what is there, and undo what it made
//! twice.

use std::sync::Arc;
use std::time::Duration;

use connections::{Accepted, Connection, Mark, Record, Source, UserId};
use firehose::{Account, Subscription, SubscriptionAction};
use ids::AudienceId;
use secrecy::SecretString;
use secrets::{Error, Secrets};
use startup::clock::now_ms;
use tiktok::{Acceptance, Audience, Client, Failure, Meaning};
use tokio::time::{Instant, sleep};

use crate::audience::{self, Found, Kept, Wanted};
use crate::connection::fingerprint;
use crate::observation::Observation;
use crate::pace::Pace;
use crate::retry::{pause, pauses, retried};
use crate::{Refusal, connection};

/// TikTok's limit for an advertiser.
const MAX_AUDIENCES: usize = 400;
/// How long the list may lag behind a creation until it is relied on without it.
const LIST_LAG: Duration = Duration::from_secs(8);
const LIST_EVERY: Duration = Duration::from_secs(1);
/// A connection's own audience of this age need not be in the list yet.
const YOUNG_MS: i64 = 10 * 60_000;

/// What connecting needs.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    pub(crate) tiktok: Client,
    pub(crate) secrets: Secrets,
    pub(crate) pace: Pace,
    pub(crate) delete_on_disconnect: bool,
}

impl Subscriptions {
    pub(crate) fn new(tiktok: Client, secrets: Secrets, delete_on_disconnect: bool) -> Self {
        Self { tiktok, secrets, pace: Pace::default(), delete_on_disconnect }
    }

    /// Does what a customer did to a subscription; tells the audience at TikTok that belongs to it from now on. The caller bounds the time.
    pub(crate) async fn change(
        &self,
        request: &Subscription<'_>,
        seen: &mut Observation<'_>,
    ) -> Result<Option<AudienceId>, Refusal> {
        match request.action {
            SubscriptionAction::Add => self.connect(request, None, Source::Connect).await.map(Some),
            SubscriptionAction::Update => {
                self.connect(request, request.tiktok_audience, Source::Update).await.map(Some)
            }
            SubscriptionAction::Remove => {
                self.disconnect(request, seen).await?;
                Ok(None)
            }
        }
    }

    /// Finds the audience, `kept` if it is still usable, or creates it.
    async fn connect(
        &self,
        request: &Subscription<'_>,
        kept: Option<AudienceId>,
        source: Source,
    ) -> Result<AudienceId, Refusal> {
        let (record, accepted) = match self.accepted(&request.account).await {
            Ok(accepted) => accepted,
            Err(Refusal::TokenRefused(failure)) => {
                let Some(token) = self.replacement(&request.account).await? else {
                    return Err(Refusal::TokenRefused(failure));
                };
                let account = Account { token, ..request.account };
                let request = Subscription { account, audience_name: request.audience_name.clone(), ..*request };
                return Box::pin(self.connect(&request, kept, source)).await;
            }
            Err(refusal) => return Err(refusal),
        };
        let audiences = self.audiences(&request.account).await?;
        let wanted = Wanted { kept, ..wanted(request, &record) };
        let Found { marked, kept: listed, total } = wanted.find(&audiences);
        let there = match (kept, listed, marked) {
            (Some(kept), Kept::Usable, _) => Some(kept),
            (_, _, Some(marked)) => Some(marked),
            (Some(kept), Kept::Absent, None) if is_young(&record, &request.account, kept) => Some(kept),
            (_, _, None) => None,
        };
        let found = match there {
            Some(there) => Created::Before(there),
            None => self.create(request, &record, total).await?,
        };
        // Only now: a request that is refused changes nothing.
        let record = self.accept(&request.account, &accepted, source).await?;
        match found {
            // Another request deleted it meanwhile, which TikTok's list did not show yet.
            Created::Before(audience) if record.was_deleted(audience) => {
                Box::pin(self.connect(request, kept, source)).await
            }
            Created::Before(audience) => Ok(audience),
            Created::Now(audience) => self.settle(request, &record, audience).await,
        }
    }

    /// The connection's own token, if it took the place of the request's: the page replaces it without a change of the settings.
    async fn replacement(&self, account: &Account) -> Result<Option<SecretString>, Error> {
        let refused = fingerprint(account);
        let is_replaced = |connection: &Connection| connection.replaced.contains(&refused);
        Ok(self.active(account).await?.filter(is_replaced).map(|connection| connection.token))
    }

    /// The connection of `account`, if its token works as far as its record says. The record is read afresh: what is decided by it is final.
    ///
    /// # Errors
    /// The record cannot be read now, whatever was read before.
    pub(crate) async fn active(&self, account: &Account) -> Result<Option<Connection>, Error> {
        let found = self.secrets.fresh_record(account.advertiser).await?;
        if found.stale {
            return Err(Error::Unavailable("it does not answer, and what was read before is too old".to_owned()));
        }
        let connection = found.record.as_deref().and_then(|record| record.get(account.id));
        Ok(connection.filter(|connection| connection.state.is_active()).cloned())
    }

    /// The token, if TikTok accepts it for the advertiser, and the record. That is read again before each try: of several requests with a new
    /// token the first one stores it, and the others need not ask whether it may take the old one's place.
    async fn accepted(&self, account: &Account) -> Result<(Arc<Record>, Accepted), Refusal> {
        let displaces_living = |record: &Record| {
            let connection = record.get(account.id);
            connection.is_some_and(|of| of.state.is_active() && of.fingerprint != fingerprint(account))
        };
        let tried = retried(async || {
            // As it is now: what another instance deleted a moment ago must not be found in a list that lags.
            let record = match self.secrets.update(account.advertiser, |_| ()).await {
                Ok((record, ())) => record,
                Err(error) => return Ok(Err(error)),
            };
            let displaces_living = displaces_living(&record);
            if displaces_living {
                self.pace.turn(account.advertiser).await;
            }
            Ok(Ok((record, connection::accepts(&self.tiktok, account, displaces_living).await?)))
        });
        match tried.await?? {
            (record, Acceptance::Accepted { user, .. }) => {
                Ok((record, Accepted { token: account.token.clone(), user: UserId::new(user.core_user_id) }))
            }
            (_, Acceptance::Refused(failure)) => Err(Refusal::TokenRefused(failure)),
        }
    }

    async fn accept(&self, account: &Account, accepted: &Accepted, source: Source) -> Result<Arc<Record>, Refusal> {
        let now_ms = now_ms();
        let accept = |record: &mut Record| record.accept(account.id, accepted, source, now_ms);
        let (record, transition) = self.secrets.update(account.advertiser, accept).await?;
        connection::report(account, transition);
        Ok(record)
    }

    /// All audiences of the advertiser.
    pub(crate) async fn audiences(&self, account: &Account) -> Result<Vec<Audience>, Failure> {
        let mut all = Vec::new();
        let mut number = 1;
        loop {
            let page = retried(|| self.tiktok.audiences(&account.token, account.advertiser, number)).await?.data;
            all.extend(page.audiences);
            if number >= page.total_pages {
                return Ok(all);
            }
            number += 1;
        }
    }

    async fn create(&self, request: &Subscription<'_>, record: &Record, total: usize) -> Result<Created, Refusal> {
        let account = &request.account;
        let name = audience::name(mark(request), &request.audience_name);
        let mut pauses = pauses();
        loop {
            self.pace.turn(account.advertiser).await;
            let failure = match self.tiktok.create_audience(&account.token, account.advertiser, &name).await {
                Ok(created) => return Ok(Created::Now(created.data)),
                Err(failure) => failure,
            };
            let Some(pause) = pause(&failure, &mut pauses) else { return Err(refused(failure, total)) };
            sleep(pause).await;
            // It may have been created all the same, by this call or by another request's meanwhile.
            if let Some(found) = self.find(request, record).await?.marked {
                return Ok(Created::Before(found));
            }
        }
    }

    /// Of several that concurrent requests created the oldest stays, and each deletes its own. All of them see the same list once each
    /// sees its own in it.
    async fn settle(
        &self,
        request: &Subscription<'_>,
        record: &Record,
        mine: AudienceId,
    ) -> Result<AudienceId, Refusal> {
        let until = Instant::now() + LIST_LAG;
        let oldest = loop {
            let audiences = self.audiences(&request.account).await?;
            let oldest = wanted(request, record).find(&audiences).marked;
            let is_listed = audiences.iter().any(|audience| audience.audience_id == mine);
            if is_listed || Instant::now() + LIST_EVERY > until {
                break oldest.map_or(mine, |oldest| oldest.min(mine));
            }
            sleep(LIST_EVERY).await;
        };
        if oldest == mine {
            self.note(&request.account, |record| record.note_created(request.account.id, mine, now_ms())).await;
        } else if let Err(cause) = self.delete(&request.account, &request.account.token, mine).await {
            let Account { advertiser, id: account, .. } = &request.account;
            tracing::warn!(%advertiser, %account, %cause, audience = %mine, kept = %oldest, "an audience that was created twice is left at TikTok");
        } else {
            self.note(&request.account, |record| record.note_deleted(request.account.id, mine, now_ms())).await;
        }
        Ok(oldest)
    }

    async fn find(&self, request: &Subscription<'_>, record: &Record) -> Result<Found, Failure> {
        Ok(wanted(request, record).find(&self.audiences(&request.account).await?))
    }

    /// Writes to the record what is good to know and not worth a refusal.
    async fn note(&self, account: &Account, change: impl Fn(&mut Record)) {
        if let Err(cause) = self.secrets.update(account.advertiser, change).await {
            tracing::warn!(advertiser = %account.advertiser, account = %account.id, %cause, "the record of a connection could not be written");
        }
    }
}

/// An audience at TikTok.
enum Created {
    /// It was there, or another call created it.
    Before(AudienceId),
    /// This call created it; another request may have done so too.
    Now(AudienceId),
}

pub(crate) fn mark(request: &Subscription<'_>) -> Mark {
    Mark { account: request.account.id, audience: request.audience_id }
}

fn wanted<'a>(request: &Subscription<'_>, record: &'a Record) -> Wanted<'a> {
    Wanted { mark: mark(request), kept: None, record, now_ms: now_ms() }
}

/// Whether the connection created the audience so lately that TikTok's list may not show it yet.
fn is_young(record: &Record, account: &Account, audience: AudienceId) -> bool {
    let created = record.get(account.id).map_or(&[][..], |connection| &connection.created);
    let now_ms = now_ms();
    let is_young = created.iter().any(|of| of.audience == audience && now_ms.saturating_sub(of.at_ms) < YOUNG_MS);
    is_young && !record.was_deleted(audience)
}

/// TikTok's code for too many audiences is not known: a rejection when there are as many as it allows is taken for it.
fn refused(failure: Failure, total: usize) -> Refusal {
    match failure.meaning {
        Meaning::Rejected | Meaning::RejectedUnknown if total >= MAX_AUDIENCES => Refusal::TooManyAudiences(failure),
        Meaning::PartlySuccessful
        | Meaning::AppThrottled
        | Meaning::AdvertiserThrottled
        | Meaning::Unavailable
        | Meaning::Reauthorize
        | Meaning::NotPermitted
        | Meaning::NotAllowListed
        | Meaning::Missing
        | Meaning::RestartConsent
        | Meaning::Operator
        | Meaning::TooLarge
        | Meaning::Rejected
        | Meaning::RejectedUnknown => failure.into(),
    }
}
