//! What sending a letter again comes to. Pure: which messages, to which lanes, and what of the letter stays.
//!
//! What is sent again counts as the newest change, whatever mParticle said since, since nobody keeps what that was. Who came back meanwhile is
//! taken out again, who left meanwhile put back in. The latter is the worse, and goes only when that is asked for.

use connections::Record;
use envelope::{Envelope, GroupId, Header, Lanes, Row, SentId, Writer};
use queue::{Outgoing, Received};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use crate::letter::{Letter, is_forgotten};
use crate::output::{count, grouped};
use crate::time::age;

/// The uploader tries what has this attribute even if TikTok refused it lately.
const REDRIVEN: &str = "redriven";
const FIREHOSE_MESSAGE_ID: &str = "firehose_message_id";
const SUBJECT_REQUEST_ID: &str = "subject_request_id";
/// As large as the uploader makes letters.
const LETTER_BYTES: usize = 240_000;

/// How letters are sent again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Lanes of a connection.
    pub(crate) lanes: u8,
    /// The most bytes of an envelope.
    pub(crate) max_bytes: usize,
    /// Whether what puts people in goes too.
    pub(crate) adds: bool,
    pub(crate) now_ms: i64,
}

/// What to do with a letter.
#[derive(Debug, PartialEq)]
pub(crate) enum Redrive {
    /// Send these, write the letter of what stays, then delete it.
    Send {
        /// For the queue of changes; each lane in its order.
        changes: Vec<Outgoing>,
        /// For the dead-letter queue.
        rest: Vec<Outgoing>,
    },
    /// Delete it: its customer was forgotten since.
    Forgotten,
    /// Leave it.
    Stays(Stays),
}

/// Why a letter stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stays {
    /// It holds no changes that can be read.
    Unreadable,
    /// Its changes put people in, and that was not asked for.
    PutsIn,
}

/// What to ask before these are sent again; `None` where nothing of them would be.
pub(crate) fn question(letters: &[Letter], adds: bool, now_ms: i64) -> Option<String> {
    let goes = |letter: &Letter| letter.out() + if adds { letter.adds } else { 0 };
    let going: Vec<_> = letters.iter().filter(|letter| goes(letter) > 0).collect();
    let oldest_ms = going.iter().filter_map(|letter| letter.changed_ms).min()?;
    let put_in = if adds { going.iter().map(|letter| letter.adds).sum() } else { 0 };
    let putting_in = if adds { ", who left since is put back in" } else { "" };
    Some(format!(
        "What is sent again counts as the newest change: who came back since is taken out{putting_in}.\n\
         Right only where mParticle said nothing of the same people since; else let the customer send the audience anew.\n\
         Send again from {}, the oldest changed {} ago: {} that take people out, {} that put people in?",
        count(going.len(), "letter"),
        age(oldest_ms, now_ms),
        count(going.iter().map(|letter| letter.out()).sum::<u64>(), "change"),
        grouped(put_in)
    ))
}

/// What sending `received` again comes to; `record` is its advertiser's.
pub(crate) fn redrive(letter: &Letter, received: &Received, record: Option<&Record>, terms: Terms) -> Redrive {
    let Ok(envelope) = Envelope::read(&received.body) else { return Redrive::Stays(Stays::Unreadable) };
    if letter.cause == "unreadable" {
        return Redrive::Stays(Stays::Unreadable);
    }
    if is_forgotten(record, envelope.header.changed_ms, terms.now_ms) {
        return Redrive::Forgotten;
    }
    let (going, staying) = divide(&envelope.rows, terms.adds);
    if going.is_empty() {
        return Redrive::Stays(Stays::PutsIn);
    }
    let header = envelope.header;
    let sent = changes(letter, header, &going, terms)
        .and_then(|changes| Ok((changes, rest(letter, received, header, &staying)?)));
    match sent {
        Ok((changes, rest)) => Redrive::Send { changes, rest },
        Err(_) => Redrive::Stays(Stays::Unreadable),
    }
}

/// What goes and what stays of the rows.
fn divide<'a>(rows: &[Row<'a>], with_adds: bool) -> (Vec<Row<'a>>, Vec<Row<'a>>) {
    if with_adds {
        return (rows.to_vec(), Vec::new());
    }
    let goes = |row: &Row<'a>| Row { adds: SmallVec::new(), unmapped_adds: SmallVec::new(), ..row.clone() };
    let stays = |row: &Row<'a>| Row {
        erase: false,
        deletes: SmallVec::new(),
        unmapped_deletes: SmallVec::new(),
        ..row.clone()
    };
    (rows.iter().map(goes).filter(says_something).collect(), rows.iter().map(stays).filter(says_something).collect())
}

fn says_something(row: &Row<'_>) -> bool {
    row.changes() > 0
}

/// Messages for the lanes that the ids have now.
fn changes(letter: &Letter, header: Header, rows: &[Row<'_>], terms: Terms) -> serde_json::Result<Vec<Outgoing>> {
    let mut lanes = Lanes::new(header, terms.lanes, terms.max_bytes);
    for row in rows {
        let SentId(kind, encoding, value) = &row.id;
        lanes.push(hashed_id::lane(*kind, *encoding, value, terms.lanes), row)?;
    }
    let mut messages = Vec::new();
    for lane in lanes.finish() {
        let group = GroupId { connection: header.connection, lane: lane.lane }.to_string();
        for (part, body) in lane.parts.into_iter().enumerate() {
            let deduplication_id = Some(name(&[&letter.id, &group, &part.to_string(), &body]));
            let mut attributes = vec![(REDRIVEN, letter.id.clone())];
            attributes.extend(letter.firehose_message_id.clone().map(|id| (FIREHOSE_MESSAGE_ID, id)));
            attributes.extend(letter.subject_request_id.clone().map(|id| (SUBJECT_REQUEST_ID, id)));
            messages.push(Outgoing { body, group: group.clone(), deduplication_id, attributes });
        }
    }
    Ok(messages)
}

/// Letters of what stays, with all that is known of the letter that they come from.
fn rest(letter: &Letter, received: &Received, header: Header, rows: &[Row<'_>]) -> serde_json::Result<Vec<Outgoing>> {
    let mut writer = Writer::new(header, LETTER_BYTES);
    for row in rows {
        writer.push(row)?;
    }
    let kept =
        ["cause", "code", "message", "request_id", "advertiser", "account", FIREHOSE_MESSAGE_ID, SUBJECT_REQUEST_ID];
    let letter_of = |body: String| {
        let id = name(&[&letter.id, &body]);
        let mut attributes = vec![("id", id.clone())];
        attributes.extend(kept.iter().filter_map(|&kept| Some((kept, received.attributes.get(kept)?.clone()))));
        Outgoing { body, group: id.clone(), deduplication_id: Some(id), attributes }
    };
    Ok(writer.finish().into_iter().map(letter_of).collect())
}

/// The same parts have the same name: what is sent twice within five minutes arrives once.
fn name(parts: &[&str]) -> String {
    let digest = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part).chain_update([0]));
    format!("{:x}", base16ct::HexDisplay(&digest.finalize()))
}

#[cfg(test)]
mod tests;
