//! The tokens that come with requests: each is put into its advertiser's record once, so that the uploader finds it there.

use ids::TokenFingerprint;
use secrecy::ExposeSecret;
use secrets::{Error, Noted, Record, Secrets, Source};

use crate::now_ms;

/// Whether a connection can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    /// It has a living token, or one of which nothing is known yet.
    Alive,
    /// It has none, and only a person can change that.
    Dead,
}

/// Sees that the account's token is in the record. The common path, a known token, costs no call while the record is cached.
pub(crate) async fn admit(secrets: &Secrets, account: &firehose::Account) -> Result<Connection, Error> {
    let fingerprint = TokenFingerprint::of(account.token.expose_secret());
    let mut record = secrets.record(account.advertiser).await?;
    if record.get(fingerprint).is_none() && has_room(&record, account) {
        let now_ms = now_ms();
        let note = |record: &mut Record| {
            record.note(&account.token, Source::Firehose, now_ms);
        };
        record = secrets.update(account.advertiser, note).await?;
    }
    Ok(if record.usable(fingerprint).is_some() { Connection::Alive } else { Connection::Dead })
}

/// A record full of tokens that TikTok accepted takes no other: it need not be read again to know that.
fn has_room(record: &Record, account: &firehose::Account) -> bool {
    record.clone().note(&account.token, Source::Firehose, 0) != Noted::NoRoom
}

/// Notes that TikTok accepts the account's token for its advertiser, granted by `user` if that is known.
pub(crate) async fn vouch(secrets: &Secrets, account: &firehose::Account, user: Option<&str>) -> Result<(), Error> {
    let now_ms = now_ms();
    let verify = |record: &mut Record| record.verify(&account.token, Source::Firehose, user, now_ms);
    secrets.update(account.advertiser, verify).await.map(|_| ())
}
