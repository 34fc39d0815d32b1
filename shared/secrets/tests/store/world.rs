//! An advertiser, its accounts and tokens, and what was logged.

use std::time::Duration;

use connections::{Accepted, Record, Refusal, Source, Transition, UserId};
use ids::{AccountId, AdvertiserId, TokenFingerprint};
use secrets::in_memory::InMemory;
use secrets::{Error, Secrets};
use telemetry::capture;
use tracing::level_filters::LevelFilter;

pub(crate) const NAME: &str = "test/advertiser/7123";
pub(crate) const NOW: i64 = 1_790_000_000_000;

pub(crate) fn advertiser() -> AdvertiserId {
    "7123".parse().unwrap()
}

pub(crate) fn account(number: i64) -> AccountId {
    AccountId::new(number).unwrap()
}

pub(crate) fn accepted(token: &str) -> Accepted {
    Accepted { token: token.into(), user: UserId::new("ann") }
}

/// Another process on the same Secrets Manager.
pub(crate) fn secrets(memory: &InMemory) -> Secrets {
    Secrets::new(memory.client(), "test/advertiser/")
}

/// TikTok accepted a token for the account.
pub(crate) async fn connect(secrets: &Secrets, number: i64, token: &str) -> Result<Transition, Error> {
    let accept = |record: &mut Record| record.accept(account(number), &accepted(token), Source::Connect, NOW);
    Ok(secrets.update(advertiser(), accept).await?.1)
}

/// TikTok refuses the token of the account.
pub(crate) async fn refuse(secrets: &Secrets, number: i64, token: &str) -> Result<Transition, Error> {
    let refusal = Refusal { fingerprint: TokenFingerprint::of(token), code: Some(40_105), first_ms: NOW };
    let refuse = |record: &mut Record| record.refuse(account(number), &refusal, NOW, Duration::MAX, false);
    Ok(secrets.update(advertiser(), refuse).await?.1)
}

/// The accounts that the stored record has.
pub(crate) fn stored_accounts(memory: &InMemory) -> Vec<AccountId> {
    let record = Record::from_json(&memory.text(NAME).unwrap()).unwrap();
    record.connections().map(|(account, _)| account).collect()
}

/// How often Secrets Manager was called: get, create, put, move.
pub(crate) fn calls(memory: &InMemory) -> [usize; 4] {
    ["GetSecretValue", "CreateSecret", "PutSecretValue", "UpdateSecretVersionStage"].map(|action| memory.calls(action))
}

pub(crate) async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

/// From now on the warnings of this test are heard.
pub(crate) fn hear_warnings() {
    capture::listen(LevelFilter::WARN);
}

/// The lines that were heard.
pub(crate) fn warnings() -> Vec<String> {
    capture::heard().lines().map(str::to_owned).collect()
}
