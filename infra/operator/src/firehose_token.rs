//! `firehose-token`: the token that mParticle sends with each HTTP request. Two are accepted while it is changed.

mod uses;

use rand::distr::{Alphanumeric, SampleString};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use startup::clock::now_ms;

use crate::cloud::Cloud;
use crate::confirm::confirm;
use crate::error::{Error, of_sdk};
use crate::output::Report;

use uses::{Uses, uses};

/// As long as the first one, which `make deploy` makes.
const LENGTH: usize = 48;
const UNREADABLE: &str = "the Firehose secret is not in the documented form; infra/README.md says which it is";

/// The secret as it is kept.
#[derive(Deserialize)]
struct Tokens {
    current: SecretString,
    #[serde(default)]
    previous: Option<SecretString>,
}

/// A version of the secret.
struct Version {
    id: Option<String>,
    written_ms: i64,
    tokens: Tokens,
}

#[derive(Serialize)]
struct Written<'a> {
    current: &'a str,
    previous: Option<&'a str>,
}

/// `firehose-token status`.
pub(crate) async fn status(cloud: &Cloud) -> Result<Report, Error> {
    let uses = of_version(cloud, &read(cloud).await?).await?;
    Ok(Report::new(uses.text(), &uses))
}

async fn of_version(cloud: &Cloud, version: &Version) -> Result<Uses, Error> {
    uses(&cloud.logs, version.tokens.previous.is_some(), version.written_ms, now_ms()).await
}

#[derive(Serialize)]
struct Rotated<'a> {
    /// The new token: shown here and nowhere else.
    token: &'a str,
}

/// `firehose-token rotate`. The older of two tokens stays: a run that was interrupted has written a newer one that nobody has seen.
pub(crate) async fn rotate(cloud: &Cloud, yes: bool) -> Result<Report, Error> {
    let version = read(cloud).await?;
    let kept = if let Some(previous) = &version.tokens.previous {
        confirm(&of_version(cloud, &version).await?.question_of_rotate()?, yes)?;
        previous
    } else {
        &version.tokens.current
    };
    let token = Alphanumeric.sample_string(&mut rand::rng(), LENGTH);
    replace(cloud, &version, &Written { current: &token, previous: Some(kept.expose_secret().trim()) }).await?;
    let text = format!(
        "The new token, shown this once:\n\n  {token}\n\nIt is accepted in ten seconds: give it to mParticle. The one before is accepted until \
         `firehose-token retire`; `firehose-token status` says which of them is used, from six minutes after now on."
    );
    Ok(Report::new(text, &Rotated { token: &token }))
}

/// `firehose-token retire`.
pub(crate) async fn retire(cloud: &Cloud, yes: bool) -> Result<Report, Error> {
    let version = read(cloud).await?;
    let mut uses = of_version(cloud, &version).await?;
    if !uses.two_are_accepted {
        return Err(Error::NotConfirmed("only one token is accepted; there is none to retire"));
    }
    confirm(&uses.question_of_retire(), yes)?;
    replace(cloud, &version, &Written { current: version.tokens.current.expose_secret().trim(), previous: None })
        .await?;
    uses.two_are_accepted = false;
    Ok(Report::new("Only the current token is accepted, within five minutes everywhere.".to_owned(), &uses))
}

/// The token that mParticle is to use.
pub(crate) async fn current(cloud: &Cloud) -> Result<SecretString, Error> {
    Ok(SecretString::from(read(cloud).await?.tokens.current.expose_secret().trim()))
}

async fn read(cloud: &Cloud) -> Result<Version, Error> {
    let read = cloud.secrets_manager.get_secret_value().secret_id(&cloud.stack.firehose_secret_id).send().await;
    let read = read.map_err(|error| of_sdk("Secrets Manager", &error))?;
    let unreadable = || Error::NotFound(UNREADABLE.to_owned());
    let tokens: Option<Tokens> = serde_json::from_str(read.secret_string().unwrap_or_default()).ok();
    let tokens = tokens.filter(|tokens| !tokens.current.expose_secret().trim().is_empty()).ok_or_else(unreadable)?;
    let previous = tokens.previous.filter(|previous| !previous.expose_secret().trim().is_empty());
    let written_ms = read.created_date.and_then(|date| date.to_millis().ok());
    Ok(Version {
        id: read.version_id,
        written_ms: written_ms.ok_or_else(unreadable)?,
        tokens: Tokens { previous, ..tokens },
    })
}

/// Writes the next version after `read`. Between the two a person may have been asked: what somebody else wrote meanwhile stays.
async fn replace(cloud: &Cloud, version: &Version, tokens: &Written<'_>) -> Result<(), Error> {
    if read(cloud).await?.id != version.id {
        return Err(Error::NotConfirmed("somebody changed the Firehose secret meanwhile; start it again"));
    }
    let text = serde_json::to_string(tokens).map_err(|_| Error::NotFound(UNREADABLE.to_owned()))?;
    let put = cloud.secrets_manager.put_secret_value().secret_id(&cloud.stack.firehose_secret_id);
    put.secret_string(text).send().await.map_err(|error| of_sdk("Secrets Manager", &error))?;
    Ok(())
}
