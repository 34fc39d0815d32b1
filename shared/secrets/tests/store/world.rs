//! An advertiser, its accounts and tokens, and what it takes to see logs.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connections::{Accepted, Became, Record, Refusal, Source, UserId};
use ids::{AccountId, AdvertiserId, TokenFingerprint};
use secrets::in_memory::InMemory;
use secrets::{Error, Secrets};
use tracing::subscriber::DefaultGuard;

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
pub(crate) async fn connect(secrets: &Secrets, number: i64, token: &str) -> Result<Became, Error> {
    let accept = |record: &mut Record| record.accept(account(number), &accepted(token), Source::Connect, NOW);
    Ok(secrets.update(advertiser(), accept).await?.1)
}

/// TikTok refuses the token of the account.
pub(crate) async fn refuse(secrets: &Secrets, number: i64, token: &str) -> Result<Became, Error> {
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

/// What is logged on this thread while it lives.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn capture() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
