//! Disconnects audiences: deletes them at TikTok, or says in TikTok's words why not. Where access is gone there is nothing left to do.

use connections::{Connection, Mark, Record};
use firehose::{Account, Subscription};
use ids::AudienceId;
use secrecy::{ExposeSecret, SecretString};
use startup::clock::now_ms;
use tiktok::{Failure, Meaning};

use crate::Refusal;
use crate::observation::Observation;
use crate::retry::retried;
use crate::subscription::{Subscriptions, mark};

/// What became of an audience that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deletion {
    Deleted,
    /// It was gone already.
    Missing,
    /// It is another connection's, by its name: it stays.
    Anothers,
}

impl Subscriptions {
    /// Deletes the subscription's audience. Without access to the advertiser TikTok keeps it, and the disconnection succeeds all the same.
    pub(crate) async fn disconnect(
        &self,
        request: &Subscription<'_>,
        seen: &mut Observation<'_>,
    ) -> Result<(), Refusal> {
        let Some(audience) = request.tiktok_audience.filter(|_| self.delete_on_disconnect) else { return Ok(()) };
        let account = &request.account;
        let mut outcome = self.delete_own(request, &account.token, audience).await;
        if let Err(failure) = &outcome
            && is_without_access(failure)
            && let Some(token) = self.token_in_use(account).await?
        {
            outcome = self.delete_own(request, &token, audience).await;
        }
        match outcome {
            Ok(Deletion::Anothers) => {
                tracing::warn!(advertiser = %account.advertiser, account = %account.id, %audience, "the audience in the settings is another connection's; it is not deleted");
                Ok(())
            }
            Ok(deletion) => self.remember(account, audience, deletion).await,
            Err(failure) if is_without_access(&failure) => {
                seen.without_access = Some(failure);
                Ok(())
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Deletes the audience of the subscription, unless its name says that it is another one's: settings can be copied.
    async fn delete_own(
        &self,
        request: &Subscription<'_>,
        token: &SecretString,
        audience: AudienceId,
    ) -> Result<Deletion, Failure> {
        let account = Account { token: token.clone(), ..request.account };
        let listed = self.audiences(&account).await?;
        let listed = listed.iter().find(|listed| listed.audience_id == audience);
        if listed.and_then(|listed| Mark::of(&listed.name)).is_some_and(|listed| listed != mark(request)) {
            return Ok(Deletion::Anothers);
        }
        self.try_delete(&account, token, audience).await
    }

    /// Deletes an audience; one that is gone already counts as deleted.
    pub(crate) async fn delete(
        &self,
        account: &Account,
        token: &SecretString,
        audience: AudienceId,
    ) -> Result<(), Failure> {
        self.try_delete(account, token, audience).await.map(|_| ())
    }

    async fn try_delete(
        &self,
        account: &Account,
        token: &SecretString,
        audience: AudienceId,
    ) -> Result<Deletion, Failure> {
        let call = async || {
            self.pace.turn(account.advertiser).await;
            self.tiktok.delete_audience(token, account.advertiser, audience).await
        };
        match retried(call).await {
            Ok(_) => Ok(Deletion::Deleted),
            Err(failure) if failure.meaning == Meaning::Missing => Ok(Deletion::Missing),
            Err(failure) => Err(failure),
        }
    }

    /// The connection's own token, if it is another one than the request's: the page may have replaced what stands in the settings. A record
    /// that no repetition makes readable fails no disconnection.
    async fn token_in_use(&self, account: &Account) -> Result<Option<SecretString>, Refusal> {
        let is_other = |connection: &Connection| connection.token.expose_secret() != account.token.expose_secret();
        match self.active(account).await {
            Ok(connection) => Ok(connection.filter(is_other).map(|connection| connection.token)),
            Err(error) if error.is_passing() => Err(error.into()),
            Err(cause) => {
                tracing::warn!(advertiser = %account.advertiser, account = %account.id, %cause, "the token in use could not be read, to delete an audience with");
                Ok(None)
            }
        }
    }

    /// Notes the deletion, since TikTok goes on listing the audience: connecting again must not find it. A record that cannot take the
    /// note fails no disconnection; one that may take it in a moment is worth a repetition, which finds the audience gone.
    async fn remember(&self, account: &Account, audience: AudienceId, deletion: Deletion) -> Result<(), Refusal> {
        let now_ms = now_ms();
        let note = |record: &mut Record| {
            // That it is missing anybody may hear; a record is only for those whom TikTok accepted.
            if deletion == Deletion::Deleted || record.get(account.id).is_some() {
                record.note_deleted(account.id, audience, now_ms);
            }
        };
        match self.secrets.update(account.advertiser, note).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_passing() => Err(error.into()),
            Err(cause) => {
                tracing::warn!(advertiser = %account.advertiser, account = %account.id, %audience, %cause, "that an audience was deleted could not be written");
                Ok(())
            }
        }
    }
}

/// The token is refused, or the advertiser is gone.
fn is_without_access(failure: &Failure) -> bool {
    matches!(failure.meaning, Meaning::Reauthorize | Meaning::NotPermitted)
}
