//! `dead-letters list` and `show`: changes that were given up, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use envelope::{Envelope, Row, SentId};
use ids::{AudienceId, Encoding, IdType, Mpid};
use queue::Queue;
use serde::Serialize;
use startup::clock::now_ms;

use crate::arguments::Filter;
use crate::cloud::Cloud;
use crate::error::Error;
use crate::letter::{Letter, people};
use crate::letterbox::{self, elsewhere_text};
use crate::output::{Report, count, grouped, table};
use crate::time::{age, moment};

/// Digits of a device id that are shown unless all are asked for.
const SHOWN_DIGITS: usize = 6;

/// The letters that a walk found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The oldest first.
    pub(crate) letters: Vec<Letter>,
    /// How many it could not see, of whatever kind.
    pub(crate) elsewhere: u64,
}

/// All letters that fit.
pub(crate) async fn all(dead_letters: &Queue, filter: &Filter) -> Result<Found, Error> {
    letterbox::walk(dead_letters, async |letterbox| {
        let mut letters = Vec::new();
        loop {
            let received = letterbox.next().await?;
            if received.is_empty() {
                break;
            }
            letters.extend(received.iter().map(Letter::of).filter(|letter| letter.fits(filter)));
        }
        letters.sort_by_key(|letter| letter.given_up_ms);
        Ok(Found { letters, elsewhere: letterbox.elsewhere() })
    })
    .await
}

#[derive(Debug, Serialize)]
struct List<'a> {
    letters: &'a [Letter],
    groups: Vec<Group>,
    /// Letters that another command has.
    elsewhere: u64,
}

/// Letters of one cause and connection.
#[derive(Debug, Serialize)]
struct Group {
    cause: String,
    connection: String,
    code: Option<i64>,
    letters: u64,
    adds: u64,
    deletes: u64,
    erasures: u64,
    oldest_ms: i64,
    message: Option<String>,
}

/// `dead-letters list`.
pub(crate) async fn list(cloud: &Cloud, filter: &Filter) -> Result<Report, Error> {
    Ok(listed(&all(&cloud.dead_letters, filter).await?, now_ms()))
}

fn listed(Found { letters, elsewhere }: &Found, now_ms: i64) -> Report {
    let list = List { letters, groups: groups(letters), elsewhere: *elsewhere };
    let not_seen = elsewhere_text(*elsewhere);
    if letters.is_empty() {
        return Report::new(not_seen.unwrap_or_else(|| "There are no such dead letters.".to_owned()), &list);
    }
    let group = |group: &Group| {
        vec![
            grouped(group.letters),
            group.cause.clone(),
            group.code.map_or_else(String::new, |code| code.to_string()),
            group.connection.clone(),
            age(group.oldest_ms, now_ms),
            people(group.adds, group.deletes, group.erasures),
            group.message.clone().unwrap_or_default(),
        ]
    };
    let headings = ["letters", "cause", "code", "advertiser.account", "oldest", "people", "why"];
    let mut text = table(&headings, &list.groups.iter().map(group).collect::<Vec<_>>());
    let letter = |letter: &Letter| {
        vec![letter.short_id(), letter.cause.clone(), letter.whose(), age(letter.given_up_ms, now_ms), letter.content()]
    };
    text.push('\n');
    text +=
        &table(&["id", "cause", "advertiser.account", "age", "holds"], &letters.iter().map(letter).collect::<Vec<_>>());
    text += &not_seen.map_or_else(String::new, |not_seen| format!("\n{not_seen}"));
    Report::new(text, &list)
}

fn groups(letters: &[Letter]) -> Vec<Group> {
    let mut groups = BTreeMap::<_, Group>::new();
    for letter in letters {
        let key = (letter.cause.clone(), letter.code, letter.whose());
        let group = groups.entry(key).or_insert_with(|| Group {
            cause: letter.cause.clone(),
            connection: letter.whose(),
            code: letter.code,
            letters: 0,
            adds: 0,
            deletes: 0,
            erasures: 0,
            oldest_ms: letter.given_up_ms,
            message: letter.message.clone(),
        });
        group.letters += 1;
        group.adds += letter.adds;
        group.deletes += letter.deletes;
        group.erasures += letter.erasures;
        group.oldest_ms = group.oldest_ms.min(letter.given_up_ms);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.letters));
    groups
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    letter: &'a Letter,
    rows: Vec<ShownRow>,
}

#[derive(Debug, Serialize)]
struct ShownRow {
    mpid: Option<Mpid>,
    #[serde(rename = "device")]
    kind: IdType,
    encoding: Encoding,
    id: String,
    /// The person asked to be forgotten: the id leaves every audience.
    erase: bool,
    adds: Vec<AudienceId>,
    deletes: Vec<AudienceId>,
    unmapped_adds: Vec<i64>,
    unmapped_deletes: Vec<i64>,
}

/// `dead-letters show`.
pub(crate) async fn show(cloud: &Cloud, id: &str, full_ids: bool) -> Result<Report, Error> {
    let filter = Filter { id: Some(id.to_owned()), ..Filter::default() };
    let (found, elsewhere) = letterbox::walk(&cloud.dead_letters, async |letterbox| {
        let mut found = BTreeMap::new();
        loop {
            let received = letterbox.next().await?;
            if received.is_empty() {
                break;
            }
            let fit =
                received.into_iter().map(|one| (Letter::of(&one), one)).filter(|(letter, _)| letter.fits(&filter));
            // The same letter may be there twice.
            found.extend(fit.map(|(letter, one)| (letter.id.clone(), (letter, one))));
        }
        Ok((found, letterbox.elsewhere()))
    })
    .await?;
    if found.len() > 1 {
        return Err(several(found.len(), id));
    }
    let (letter, received) = found.into_values().next().ok_or_else(|| {
        let not_seen = elsewhere_text(elsewhere).map_or_else(String::new, |not_seen| format!(". {not_seen}"));
        Error::NotFound(format!("no dead letter has an id that begins with {id}{not_seen}"))
    })?;
    Ok(shown(&letter, &received.body, full_ids, now_ms()))
}

/// Why `letters` are not touched: the beginning of one id was named, and several begin so.
pub(crate) fn refuse_several(letters: &[Letter], filter: &Filter) -> Result<(), Error> {
    let Some(id) = &filter.id else { return Ok(()) };
    let ids = letters.iter().map(|letter| letter.id.as_str()).collect::<BTreeSet<_>>().len();
    if ids > 1 { Err(several(ids, id)) } else { Ok(()) }
}

fn several(ids: usize, begin: &str) -> Error {
    Error::NotFound(format!("{} begin with {begin}: say more of it", count(ids, "id")))
}

fn shown(letter: &Letter, body: &str, full_ids: bool, now_ms: i64) -> Report {
    let rows = Envelope::read(body).map(|envelope| envelope.rows).unwrap_or_default();
    let rows: Vec<ShownRow> = rows.iter().map(|row| shown_row(row, full_ids)).collect();
    let mut text = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing into a text does not fail.
            writeln!(text, "  {name:<16} {value}").ok();
        }
    };
    let at = |ms: i64| format!("{} ago, at {}", age(ms, now_ms), moment(ms));
    line("id", Some(letter.id.clone()));
    line("cause", Some(letter.cause.clone()));
    line("code", letter.code.map(|code| code.to_string()));
    line("why", letter.message.clone());
    line("TikTok's request", letter.tiktok_request_id.clone());
    line("advertiser", letter.advertiser.map(|id| id.to_string()));
    line("account", letter.account.map(|id| id.to_string()));
    line("Firehose message", letter.firehose_message_id.clone());
    line("subject request", letter.subject_request_id.clone());
    line("given up", Some(at(letter.given_up_ms)));
    line("changed", letter.changed_ms.map(at));
    line("holds", Some(letter.content()));
    if !rows.is_empty() {
        let audiences = |row: &ShownRow| {
            let named = row.adds.iter().map(|id| format!("+{id}")).chain(row.deletes.iter().map(|id| format!("-{id}")));
            let unmapped = row.unmapped_adds.iter().map(|id| format!("+mParticle's {id}"));
            let unmapped = unmapped.chain(row.unmapped_deletes.iter().map(|id| format!("-mParticle's {id}")));
            let erased = row.erase.then(|| "-all of them".to_owned());
            named.chain(unmapped).chain(erased).collect::<Vec<_>>().join(" ")
        };
        let cells = |row: &ShownRow| {
            let mpid = row.mpid.map_or_else(String::new, |mpid| mpid.to_string());
            vec![mpid, kind(row), row.id.clone(), audiences(row)]
        };
        text.push('\n');
        text += &table(&["mpid", "device", "id", "audiences"], &rows.iter().map(cells).collect::<Vec<_>>());
    }
    Report::new(text, &Shown { letter, rows })
}

/// What kind of id it is, and how it is hashed.
fn kind(row: &ShownRow) -> String {
    let kind = row.kind.as_str();
    match row.encoding {
        Encoding::Raw => kind.to_owned(),
        Encoding::Md5 | Encoding::Sha1 | Encoding::Sha256 => format!("{kind}, {}", row.encoding.as_str()),
    }
}

fn shown_row(row: &Row<'_>, full_ids: bool) -> ShownRow {
    let SentId(kind, encoding, value) = &row.id;
    let id = if full_ids {
        value.to_string()
    } else {
        format!("{}…", value.chars().take(SHOWN_DIGITS).collect::<String>())
    };
    ShownRow {
        mpid: row.mpid,
        kind: *kind,
        encoding: *encoding,
        id,
        erase: row.erase,
        adds: row.adds.to_vec(),
        deletes: row.deletes.to_vec(),
        unmapped_adds: row.unmapped_adds.to_vec(),
        unmapped_deletes: row.unmapped_deletes.to_vec(),
    }
}

#[cfg(test)]
mod tests;
