//! `status`: how much waits, what was given up, and how each connection fares, those in trouble first.

mod seen;
mod text;

use std::collections::BTreeMap;

use ids::{AccountId, AdvertiserId, ConnectionId};
use serde::Serialize;
use startup::clock::now_ms;

use crate::arguments::Filter;
use crate::cloud::Cloud;
use crate::error::Error;
use crate::letter::Letter;
use crate::logs::{Function, HOURS, Line, Question};
use crate::output::Report;
use crate::records::Found;
use crate::time::HOUR_MS;
use crate::{dead_letters, records, tokens};

use seen::{Seen, seen, waits};
use text::text;

/// Requests that the estimate is made of.
const SAMPLE: usize = 2_000;

/// The state of an advertiser that was forgotten.
const FORGOTTEN: &str = "forgotten";

/// Everything at a glance.
#[derive(Debug, Serialize)]
struct Status {
    stack: String,
    deployment: String,
    queue: Waiting,
    dead_letters: Vec<Cause>,
    /// Letters that somebody else is looking at.
    dead_letters_in_flight: u64,
    connections: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Waiting {
    messages: u64,
    in_flight: u64,
    /// An estimate, by how many users a message had lately.
    users_estimate: Option<u64>,
    /// Of the messages that block their lanes, as the uploader saw them in the last 20 minutes.
    oldest_blocked_seconds: Option<f64>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Cause {
    #[serde(rename = "cause")]
    word: String,
    letters: u64,
    adds: u64,
    deletes: u64,
    erasures: u64,
}

/// A connection, or an advertiser of which no connection is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Row {
    advertiser: AdvertiserId,
    account: Option<AccountId>,
    /// `dead`, `refused`, `blocked`, `no_token`, `unreadable`, `forgotten` or `active`.
    state: &'static str,
    since_ms: Option<i64>,
    why: Option<String>,
    /// In the last 24 hours.
    last_delivered_ms: Option<i64>,
    in_trouble: bool,
}

/// `status`.
pub(crate) async fn status(cloud: &Cloud) -> Result<Report, Error> {
    let now = now_ms();
    let depth = cloud.changes.depth().await?;
    let records = records::all(cloud).await?;
    let connections: Vec<ConnectionId> = records.iter().flat_map(connections_of).collect();
    let (seen, oldest_blocked_seconds) = seen(cloud, &connections, now).await?;
    let users_a_message = users_a_message(cloud, now).await?;
    let found = dead_letters::all(&cloud.dead_letters, &Filter::default()).await?;
    let status = Status {
        stack: cloud.stack.name.clone(),
        deployment: cloud.stack.status.clone(),
        queue: Waiting {
            messages: depth.visible,
            in_flight: depth.in_flight,
            users_estimate: estimate(depth.visible.saturating_add(depth.in_flight), users_a_message),
            oldest_blocked_seconds,
        },
        dead_letters: causes(&found.letters),
        dead_letters_in_flight: found.elsewhere,
        connections: rows(&records, &seen, now),
    };
    Ok(Report::new(text(&status, now), &status))
}

fn connections_of((advertiser, record): &Found) -> Vec<ConnectionId> {
    let record = record.as_ref().ok().and_then(Option::as_ref);
    let of = |(account, _)| ConnectionId { advertiser: *advertiser, account };
    record.map(|record| record.connections().map(of).collect()).unwrap_or_default()
}

/// How many users a message had lately; none where nothing came.
async fn users_a_message(cloud: &Cloud, now_ms: i64) -> Result<Option<f64>, Error> {
    for (from, to) in [(HOUR_MS / 4, 0), (HOUR_MS * HOURS, HOUR_MS / 4)] {
        let question = Question {
            function: Function::Ingest,
            pattern: "{ $.kind = \"membership\" && $.answer = \"ok\" }".to_owned(),
            stream: None,
            from_ms: now_ms - from,
            to_ms: now_ms - to,
            most: SAMPLE,
        };
        let lines = cloud.logs.lines(&question, |line| line.kind.as_deref() == Some("membership")).await?;
        let sum = |of: fn(&Line) -> Option<u64>| lines.iter().filter_map(of).sum::<u64>();
        let (users, messages) = (sum(|line| line.users), sum(|line| line.messages));
        if messages > 0 {
            return Ok(Some(ratio(users, messages)));
        }
    }
    Ok(None)
}

fn ratio(users: u64, messages: u64) -> f64 {
    let small = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    small(users) / small(messages)
}

fn estimate(messages: u64, users_a_message: Option<f64>) -> Option<u64> {
    if messages == 0 {
        return Some(0);
    }
    let users = f64::from(u32::try_from(messages).unwrap_or(u32::MAX)) * users_a_message?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate, never negative, far below 2^64"
    )]
    Some(users.round() as u64)
}

fn causes(letters: &[Letter]) -> Vec<Cause> {
    let mut causes = BTreeMap::<&str, Cause>::new();
    for letter in letters {
        let none = || Cause { word: letter.cause.clone(), letters: 0, adds: 0, deletes: 0, erasures: 0 };
        let cause = causes.entry(letter.cause.as_str()).or_insert_with(none);
        cause.letters += 1;
        cause.adds += letter.adds;
        cause.deletes += letter.deletes;
        cause.erasures += letter.erasures;
    }
    let mut causes: Vec<_> = causes.into_values().collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.letters));
    causes
}

/// A row for each connection, those in trouble first, the longest in trouble before the others.
fn rows(records: &[Found], seen: &BTreeMap<ConnectionId, Seen>, now_ms: i64) -> Vec<Row> {
    let mut rows: Vec<Row> = records.iter().flat_map(|found| rows_of(found, seen, now_ms)).collect();
    let known: Vec<_> = records.iter().flat_map(connections_of).collect();
    for (connection, seen) in seen.iter().filter(|(connection, _)| !known.contains(connection)) {
        let ConnectionId { advertiser, account } = *connection;
        let of_it = rows.iter().find(|row| row.advertiser == advertiser && row.state == FORGOTTEN);
        let forgotten_ms = of_it.and_then(|row| row.since_ms);
        let waits =
            waits(seen, now_ms).filter(|(since_ms, _)| forgotten_ms.is_none_or(|forgotten| *since_ms > forgotten));
        if let Some((since_ms, why)) = waits {
            rows.push(Row { why: Some(why), ..in_trouble(advertiser, Some(account), "no_token", Some(since_ms)) });
        }
    }
    rows.sort_by_key(|row| (!row.in_trouble, row.since_ms.filter(|_| row.in_trouble), row.advertiser, row.account));
    rows
}

fn rows_of((advertiser, record): &Found, seen: &BTreeMap<ConnectionId, Seen>, now_ms: i64) -> Vec<Row> {
    let record = match record {
        Ok(Some(record)) => record,
        Ok(None) => return Vec::new(),
        Err(error) => {
            return vec![Row { why: Some(error.to_string()), ..in_trouble(*advertiser, None, "unreadable", None) }];
        }
    };
    let row = |(account, connection): (AccountId, &connections::Connection)| {
        let seen = seen.get(&ConnectionId { advertiser: *advertiser, account }).cloned().unwrap_or_default();
        let since_ms = tokens::since(connection);
        let row = Row {
            advertiser: *advertiser,
            account: Some(account),
            state: connection.state.word(),
            since_ms: Some(since_ms),
            why: None,
            last_delivered_ms: seen.last_delivered_ms,
            in_trouble: !connection.state.is_active(),
        };
        match (connection.state, waits(&seen, now_ms)) {
            (connections::State::Active, Some((since_ms, why))) => {
                Row { state: "blocked", since_ms: Some(since_ms), why: Some(why), in_trouble: true, ..row }
            }
            (connections::State::Active, None) => row,
            (connections::State::Refused { code, .. } | connections::State::Dead { code, .. }, _) => {
                let code = code.map_or_else(String::new, |code| format!(", code {code}"));
                Row { why: Some(format!("TikTok refuses its token{code}: somebody has to authorize again")), ..row }
            }
        }
    };
    let mut rows: Vec<Row> = record.connections().map(row).collect();
    if let Some(forgotten_ms) = record.forgotten_ms(now_ms).filter(|_| rows.is_empty()) {
        rows.push(Row { in_trouble: false, ..in_trouble(*advertiser, None, FORGOTTEN, Some(forgotten_ms)) });
    }
    rows
}

const fn in_trouble(
    advertiser: AdvertiserId,
    account: Option<AccountId>,
    state: &'static str,
    since_ms: Option<i64>,
) -> Row {
    Row { advertiser, account, state, since_ms, why: None, last_delivered_ms: None, in_trouble: true }
}

#[cfg(test)]
mod tests;
