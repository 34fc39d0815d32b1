//! `forget`: everything of a customer. The record is replaced by the time of the forgetting, so that what was sent before is dropped.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use ids::{AdvertiserId, AudienceId};
use secrets::Secrets;
use serde::Serialize;
use startup::clock::now_ms;

use crate::arguments::Filter;
use crate::cloud::Cloud;
use crate::confirm::confirm;
use crate::delete::{Deleted, delete_all};
use crate::error::{Error, of_sdk};
use crate::letterbox::elsewhere_text;
use crate::logs::{Function, Line};
use crate::output::{Report, count};
use crate::time::age;
use crate::{audiences, dead_letters};

/// Secrets Manager deletes in the background: a secret of the same name cannot be made at once.
const BETWEEN_TRIES: Duration = Duration::from_secs(2);
const TRIES: u32 = 60;

#[derive(Debug, Serialize)]
struct Gone {
    advertiser: AdvertiserId,
    forgotten_ms: i64,
    connections: usize,
    letters: u64,
    /// Dead letters that another command has, of whichever customer.
    elsewhere: u64,
    /// When mParticle last sent something for the advertiser, in the last 24 hours.
    last_sent_ms: Option<i64>,
    /// What TikTok still has of this integration's; none where TikTok could not be asked.
    audiences: Option<Vec<AudienceId>>,
}

/// `forget`.
pub(crate) async fn forget(cloud: &Cloud, advertiser: AdvertiserId, yes: bool) -> Result<Report, Error> {
    let (record, unreadable) = match cloud.secrets.record(advertiser).await {
        Ok(found) => (found.record.unwrap_or_default(), None),
        Err(why @ secrets::Error::Unreadable { .. }) => (Arc::default(), Some(why)),
        Err(error) => return Err(error.into()),
    };
    let filter = Filter { advertiser: Some(advertiser), ..Filter::default() };
    let found = dead_letters::all(&cloud.dead_letters, &filter).await?;
    let connections = record.connections().count();
    let last_sent_ms = last_sent(cloud, advertiser).await?;
    let warning = unreadable.map_or_else(String::new, |why| {
        format!("{why}: nobody can tell how many connections and tokens go with it.\n")
    });
    let question = question(advertiser, connections, found.letters.len(), last_sent_ms);
    confirm(&format!("{warning}{question}"), yes)?;
    let tokens: Vec<_> = record.connections().map(|(_, connection)| connection.token.clone()).collect();
    let mut ours = None;
    for token in &tokens {
        if let Ok(found) = audiences::list(cloud, advertiser, token).await {
            let marked = found.iter().filter(|audience| connections::Mark::of(&audience.name).is_some());
            ours = Some(marked.map(|audience| audience.audience_id).collect());
            break;
        }
    }
    let forgotten_ms = now_ms();
    forget_record(&cloud.secrets, &cloud.secrets_manager, &cloud.secret_of(advertiser), advertiser, forgotten_ms)
        .await?;
    let Deleted { deleted: letters, elsewhere } =
        delete_all(&cloud.dead_letters, |letter| letter.fits(&filter)).await?;
    let gone = Gone { advertiser, forgotten_ms, connections, letters, elsewhere, last_sent_ms, audiences: ours };
    Ok(Report::new(text(&gone), &gone).unless(elsewhere > 0))
}

fn question(advertiser: AdvertiserId, connections: usize, letters: usize, last_sent_ms: Option<i64>) -> String {
    let still = last_sent_ms.map_or_else(String::new, |ms| {
        format!(
            "mParticle still sends for it, last {} ago: disconnect its audiences there first, or it comes back.\n",
            age(ms, now_ms())
        )
    });
    format!(
        "{still}Forget the advertiser {advertiser}: {} and the tokens, {}, and all of it that waits?",
        count(connections, "connection"),
        count(letters, "dead letter")
    )
}

/// When mParticle last sent something for the advertiser, in the last 24 hours.
async fn last_sent(cloud: &Cloud, advertiser: AdvertiserId) -> Result<Option<i64>, Error> {
    let pattern = format!("{{ $.advertiser = \"{advertiser}\" && $.transport = \"*\" }}");
    let id = advertiser.to_string();
    let is_wanted = |line: &Line| line.advertiser.as_ref() == Some(&id) && line.transport.is_some();
    cloud.logs.newest(Function::Ingest, &pattern, (0, now_ms()), is_wanted).await
}

/// Leaves nothing of the record `secret` but the time. The secret is deleted first, since its former versions hold tokens: also where the
/// record has no connection any more, which a run that was interrupted leaves behind, and where none can be read, since it is not in the
/// documented form or a person has marked the secret for deletion. Until it is gone its name is taken, which may be weeks.
async fn forget_record(
    secrets: &Secrets,
    manager: &aws_sdk_secretsmanager::Client,
    secret: &str,
    advertiser: AdvertiserId,
    forgotten_ms: i64,
) -> Result<(), Error> {
    match secrets.record(advertiser).await {
        // While the secret is deleted, no function is to find the tokens.
        Ok(found) if found.record.is_some() => write_time(secrets, advertiser, forgotten_ms).await?,
        Ok(_) | Err(secrets::Error::Unreadable { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    delete_secret(manager, secret).await?;
    write_time(secrets, advertiser, forgotten_ms).await
}

/// Replaces the record by the time, as soon as Secrets Manager lets a secret of that name be made.
async fn write_time(secrets: &Secrets, advertiser: AdvertiserId, forgotten_ms: i64) -> Result<(), Error> {
    let mut tries = 1;
    loop {
        match secrets.update(advertiser, |record| record.forget(forgotten_ms)).await {
            Ok(_) => return Ok(()),
            Err(secrets::Error::BeingDeleted(_) | secrets::Error::Contended(_)) if tries < TRIES => tries += 1,
            Err(error) => {
                return Err(Error::Unfinished(format!("{error}; start it again: the customer is not forgotten yet")));
            }
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

/// Deletes a secret with all its versions, without the time in which it could be restored, also where that time runs already. That there is
/// none is no error (AWS: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html>).
async fn delete_secret(manager: &aws_sdk_secretsmanager::Client, secret: &str) -> Result<(), Error> {
    match manager.delete_secret().secret_id(secret).force_delete_without_recovery(true).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(()),
        Err(error) => Err(of_sdk("Secrets Manager", &error)),
    }
}

fn text(gone: &Gone) -> String {
    let Gone { advertiser, connections, letters, elsewhere, audiences, .. } = gone;
    let at_tiktok = match audiences {
        Some(audiences) if audiences.is_empty() => "TikTok has no audience of this integration.".to_owned(),
        Some(audiences) => format!(
            "TikTok still has {} with its members: {}. They are deleted in TikTok's Ads Manager.",
            count(audiences.len(), "audience"),
            audiences.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ),
        None => "TikTok did not say which audiences it still has: it was not reached, or accepts no token of the advertiser.".to_owned(),
    };
    let not_seen = elsewhere_text(*elsewhere).map_or_else(String::new, |text| format!("\n{text}"));
    format!(
        "Forgotten: the advertiser {advertiser}, {} and the tokens, {}.\n\
         What was sent for it until now is dropped by the uploader, within 15 minutes, and counted.\n{at_tiktok}{not_seen}",
        count(*connections, "connection"),
        count(*letters, "dead letter")
    )
}

#[cfg(test)]
mod tests {
    use connections::{Accepted, Source, UserId};
    use secrets::in_memory::{Fault, InMemory};

    use super::*;

    const SECRET: &str = "s/advertiser/7";
    const FORGOTTEN_MS: i64 = 1_790_000_000_000;

    fn secrets(memory: &InMemory) -> Secrets {
        Secrets::new(memory.client(), "s/advertiser/")
    }

    /// The secret of an advertiser with a connection.
    async fn connected(memory: &InMemory) {
        let accepted = Accepted { token: "s3cr3t".into(), user: UserId::new("u") };
        let connect = |record: &mut connections::Record| {
            record.accept("12".parse().unwrap(), &accepted, Source::Connect, FORGOTTEN_MS - 1_000)
        };
        secrets(memory).update("7".parse().unwrap(), connect).await.unwrap();
    }

    async fn run(memory: &InMemory) -> Result<(), Error> {
        forget_record(&secrets(memory), &memory.client(), SECRET, "7".parse().unwrap(), FORGOTTEN_MS).await
    }

    fn forgotten_ms(memory: &InMemory) -> Option<i64> {
        let record = connections::Record::from_json(&memory.text(SECRET).unwrap()).unwrap();
        record.forgotten_ms(FORGOTTEN_MS + 1)
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_is_repeated_after_an_interruption_leaves_no_version_with_a_token() {
        let memory = InMemory::default();
        connected(&memory).await;
        memory.fail_next("DeleteSecret", Fault::Refused("InternalServiceError"));
        assert!(run(&memory).await.is_err());
        run(&memory).await.unwrap();
        assert!(
            memory.versions(SECRET).iter().all(|version| !version.contains("s3cr3t")),
            "{:?}",
            memory.versions(SECRET)
        );
        assert_eq!(forgotten_ms(&memory), Some(FORGOTTEN_MS));
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_a_person_marked_for_deletion_is_deleted_and_the_time_written() {
        let memory = InMemory::default();
        connected(&memory).await;
        memory.mark_for_deletion(SECRET, true);
        run(&memory).await.unwrap();
        assert_eq!(memory.versions(SECRET).len(), 1, "{:?}", memory.versions(SECRET));
        assert_eq!(forgotten_ms(&memory), Some(FORGOTTEN_MS));
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_that_cannot_be_read_is_deleted_and_the_time_written() {
        let memory = InMemory::default();
        memory.set(SECRET, r#"{"accounts": "s3cr3t""#);
        run(&memory).await.unwrap();
        assert_eq!(memory.versions(SECRET).len(), 1, "{:?}", memory.versions(SECRET));
        assert_eq!(forgotten_ms(&memory), Some(FORGOTTEN_MS));
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_had_a_secret_is_forgotten_too() {
        let memory = InMemory::default();
        run(&memory).await.unwrap();
        assert_eq!(forgotten_ms(&memory), Some(FORGOTTEN_MS));
    }
}
