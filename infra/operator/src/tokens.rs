//! `token`: what TikTok says of the tokens of an advertiser, and ending them. States only: no token is shown.

use connections::{Connection, State};
use ids::{AccountId, AdvertiserId, ConnectionId};
use serde::Serialize;
use startup::clock::now_ms;
use tiktok::Acceptance;

use crate::cloud::Cloud;
use crate::confirm::confirm;
use crate::error::Error;
use crate::output::{Report, table};
use crate::records;
use crate::time::age;

/// A connection's token, by what is known of it.
#[derive(Debug, Serialize)]
struct Checked {
    account: AccountId,
    /// What the record says: `active`, `refused`, `dead`.
    state: &'static str,
    since_ms: i64,
    source: &'static str,
    /// How the token's SHA-256 begins.
    fingerprint: String,
    /// What TikTok says now: `accepted`, `refused`, `not_known`.
    tiktok: &'static str,
    code: Option<i64>,
    message: Option<String>,
    tiktok_request_id: Option<String>,
}

/// `token check`.
pub(crate) async fn check(cloud: &Cloud, advertiser: AdvertiserId) -> Result<Report, Error> {
    let record = records::of(cloud, advertiser).await?;
    let mut all = Vec::new();
    for (account, connection) in record.connections() {
        let answer = cloud.tiktok.accepts(&connection.token, advertiser).await;
        all.push(checked(account, connection, answer));
    }
    let bad = all.iter().any(|one| one.tiktok != "accepted");
    Ok(listed(&all, now_ms()).unless(bad))
}

fn checked(account: AccountId, connection: &Connection, answer: Result<Acceptance, tiktok::Failure>) -> Checked {
    let (word, failure) = match answer {
        Ok(Acceptance::Accepted { .. }) => ("accepted", None),
        Ok(Acceptance::Refused(failure)) => ("refused", Some(failure)),
        Err(failure) => ("not_known", Some(failure)),
    };
    Checked {
        account,
        state: connection.state.word(),
        since_ms: since(connection),
        source: connection.source.word(),
        fingerprint: short(connection),
        tiktok: word,
        code: failure.as_ref().and_then(|failure| failure.code),
        message: failure.as_ref().map(|failure| failure.message.clone()),
        tiktok_request_id: failure.and_then(|failure| failure.trace.request_id),
    }
}

/// How the SHA-256 of its token begins.
fn short(connection: &Connection) -> String {
    connection.fingerprint.to_string().chars().take(8).collect()
}

/// Since when a connection is in its state, in milliseconds since 1970.
pub(crate) const fn since(connection: &Connection) -> i64 {
    match connection.state {
        State::Active => connection.since_ms,
        State::Refused { since_ms, .. } | State::Dead { since_ms, .. } => since_ms,
    }
}

fn listed(all: &[Checked], now_ms: i64) -> Report {
    if all.is_empty() {
        return Report::new("The advertiser has no connections.".to_owned(), &all);
    }
    let cells = |one: &Checked| {
        let word = if one.tiktok == "not_known" { "no answer that decides" } else { one.tiktok };
        let why = one.code.map(|code| code.to_string()).into_iter().chain(one.message.clone()).collect::<Vec<_>>();
        let since = age(one.since_ms, now_ms);
        vec![
            one.account.to_string(),
            format!("{}, {since}", one.state),
            one.source.to_owned(),
            one.fingerprint.clone(),
            word.to_owned(),
            why.join(" "),
        ]
    };
    let headings = ["account", "record", "came by", "sha-256", "TikTok now", "why"];
    Report::new(table(&headings, &all.iter().map(cells).collect::<Vec<_>>()), &all)
}

#[derive(Debug, Serialize)]
struct Ended {
    advertiser: AdvertiserId,
    account: AccountId,
    tiktok_request_id: Option<String>,
}

/// `token revoke`.
pub(crate) async fn revoke(
    cloud: &Cloud,
    advertiser: AdvertiserId,
    account: AccountId,
    yes: bool,
) -> Result<Report, Error> {
    let record = records::of(cloud, advertiser).await?;
    let connection = record.get(account).ok_or_else(|| missing(advertiser, account))?;
    let question = format!(
        "Have TikTok end the token of {advertiser}.{account}, whose SHA-256 begins with {}? It ends for every advertiser that it was granted for, and only a person can authorize again.",
        short(connection)
    );
    confirm(&question, yes)?;
    let app = cloud.app().await?;
    let answer = cloud.tiktok.revoke(&app, &connection.token).await?;
    let text = "TikTok ended the token. The connection counts as refused at its next call, and as dead after the grace; \
                `token forget` removes it at once.";
    Ok(Report::new(text.to_owned(), &Ended { advertiser, account, tiktok_request_id: answer.trace.request_id }))
}

/// `token forget`.
pub(crate) async fn forget(
    cloud: &Cloud,
    advertiser: AdvertiserId,
    account: AccountId,
    yes: bool,
) -> Result<Report, Error> {
    let record = records::of(cloud, advertiser).await?;
    record.get(account).ok_or_else(|| missing(advertiser, account))?;
    confirm(
        &format!("Remove the connection {advertiser}.{account} with its token? Its changes wait for a new one."),
        yes,
    )?;
    cloud.secrets.update(advertiser, |record| record.remove(account)).await?;
    let text = "The connection is removed; its token is gone with the record's next versions. If mParticle still sends it, \
                and TikTok accepts it, the connection comes back.";
    Ok(Report::new(text.to_owned(), &Ended { advertiser, account, tiktok_request_id: None }))
}

fn missing(advertiser: AdvertiserId, account: AccountId) -> Error {
    let connection = ConnectionId { advertiser, account };
    Error::NotFound(format!("there is no connection {connection}"))
}
