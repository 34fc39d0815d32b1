//! The calls of Secrets Manager, and what its errors mean for each.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};

use crate::error::unavailable;
use crate::{Error, NotAsDocumented};

const CURRENT: &str = "AWSCURRENT";
/// Our label for a version that is not current yet. One label, which each writer takes from the last: versions that lost keep none, and
/// Secrets Manager can prune them.
const STAGED: &str = "staged";
const DESCRIPTION: &str =
    "TikTok access tokens of one advertiser's mParticle connections. Written by the integration; see its README.";

/// A secret as it was read.
pub(crate) struct Value {
    pub(crate) text: String,
    pub(crate) version: String,
}

/// Why a write did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Another writer was first, or it is not known whether the write happened: read and apply again.
    Again(Error),
    /// It did not happen, and another try would not help.
    Final(Error),
}

/// The current value.
pub(crate) async fn get(client: &Client, id: &str) -> Result<Value, Error> {
    let read = client.get_secret_value().secret_id(id).send().await;
    let read = read.map_err(|error| match error.code() {
        Some("ResourceNotFoundException") => Error::Missing(id.to_owned()),
        Some("InvalidRequestException") => Error::BeingDeleted(id.to_owned()),
        _ => unavailable(&error),
    })?;
    let binary = || Error::Unreadable { secret: id.to_owned(), why: NotAsDocumented::Binary };
    Ok(Value { text: read.secret_string.ok_or_else(binary)?, version: read.version_id.unwrap_or_default() })
}

/// Makes the secret, with `text` as its version `version`.
pub(crate) async fn create(client: &Client, name: &str, version: &str, text: &str) -> Result<(), Failure> {
    let create = client.create_secret().name(name).description(DESCRIPTION);
    let created = create.client_request_token(version).secret_string(text).send().await;
    match created {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.code() {
            Some("ResourceExistsException") => Failure::Again(Error::Contended(name.to_owned())),
            _ => failure(name, &error),
        }),
    }
}

/// Makes `text` the current value, as its version `version`, if `read` is the current version until then.
///
/// `UpdateSecretVersionStage` fails if the version that a label is to be removed from does not have it any more: that is what makes
/// this a compare-and-set. (AWS: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html>.)
pub(crate) async fn replace(client: &Client, name: &str, read: &str, version: &str, text: &str) -> Result<(), Failure> {
    let put = client.put_secret_value().secret_id(name).version_stages(STAGED);
    if let Err(error) = put.client_request_token(version).secret_string(text).send().await {
        return Err(match error.code() {
            // Deleted since it was read.
            Some("ResourceNotFoundException") => Failure::Again(Error::Contended(name.to_owned())),
            _ => failure(name, &error),
        });
    }
    let update = client.update_secret_version_stage().secret_id(name).version_stage(CURRENT);
    match update.move_to_version_id(version).remove_from_version_id(read).send().await {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.code() {
            // The version read is not the current one any more; or ours is gone, since another writer took the label from it.
            Some("InvalidParameterException" | "ResourceNotFoundException") => {
                Failure::Again(Error::Contended(name.to_owned()))
            }
            _ => failure(name, &error),
        }),
    }
}

fn failure<E: ProvideErrorMetadata>(name: &str, error: &SdkError<E>) -> Failure {
    match error.code() {
        Some("InvalidRequestException") => Failure::Final(Error::BeingDeleted(name.to_owned())),
        Some("LimitExceededException") => Failure::Final(Error::QuotaReached(name.to_owned())),
        _ if is_refused(error) => Failure::Final(unavailable(error)),
        _ => Failure::Again(unavailable(error)),
    }
}

/// Whether Secrets Manager answered that it did nothing. Without an answer, or after a failure of its own, the write may have happened.
fn is_refused<E>(error: &SdkError<E>) -> bool {
    let is_before_sending = matches!(error, SdkError::ConstructionFailure(_));
    is_before_sending || error.raw_response().is_some_and(|response| response.status().is_client_error())
}
