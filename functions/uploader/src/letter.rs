//! Dead letters: changes that were given up, as envelopes with hashed ids, and messages that cannot be read, as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use envelope::{Header, Row, SentId, Writer};
use hashed_id::HashedId;
use ids::{ConnectionId, Mpid};
use queue::{Outgoing, Received};
use sha2::{Digest, Sha256};
use tiktok::Action;

use crate::cause::{Cause, Reason};
use crate::plan::{Change, Origin, Unmapped};

/// The size of a letter's body at most, in bytes, unless the message itself was larger.
const MAX_BYTES: usize = 240_000;
/// The attributes' share of the 1 MiB that SQS takes: a body that is not ours is cut to what is left.
const ATTRIBUTE_BYTES: usize = 4_096;
const SQS_BYTES: usize = 1024 * 1024;

/// What is copied of an id: `ingest` sends none that is longer.
const ID_BYTES: usize = 64;

/// The attribute by which `ingest` names mParticle's message.
pub const FIREHOSE_MESSAGE_ID: &str = "firehose_message_id";
/// The attribute by which `ingest` names the request of a person to be forgotten.
pub const SUBJECT_REQUEST_ID: &str = "subject_request_id";
/// The attribute of a letter that was sent to the queue again.
pub const REDRIVEN: &str = "redriven";

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Why it was given up.
    pub reason: Arc<Reason>,
    /// Whether it holds erasures: a person who asked to be forgotten is not.
    pub erases: bool,
    /// An envelope, or a message as it was.
    body: String,
    /// SHA-256 of source message, cause and body: a letter that is written again after a crash is the same letter.
    id: String,
    connection: Option<ConnectionId>,
    firehose_message_id: Option<String>,
    subject_request_id: Option<String>,
}

impl Letter {
    fn new(source: &Received, connection: Option<ConnectionId>, reason: &Arc<Reason>, body: String) -> Self {
        let parts = [source.message_id.as_str(), reason.cause.word(), &body];
        let digest = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part).chain_update([0]));
        let id = format!("{:x}", base16ct::HexDisplay(&digest.finalize()));
        let copied = |name| {
            let mut id = source.attributes.get(name)?.clone();
            id.truncate(id.floor_char_boundary(ID_BYTES));
            Some(id)
        };
        let firehose_message_id = copied(FIREHOSE_MESSAGE_ID);
        let subject_request_id = copied(SUBJECT_REQUEST_ID);
        // What cannot be read says whether it is one by its attribute.
        let erases = subject_request_id.is_some();
        Self { reason: Arc::clone(reason), erases, body, id, connection, firehose_message_id, subject_request_id }
    }

    /// The message `source` as it is.
    #[must_use]
    pub fn as_it_is(source: &Received, connection: Option<ConnectionId>, reason: &Arc<Reason>) -> Self {
        let mut body = source.body.clone();
        let fits = body.floor_char_boundary(SQS_BYTES - ATTRIBUTE_BYTES);
        body.truncate(fits);
        Self::new(source, connection, reason, body)
    }

    /// The message for the dead-letter queue. Its id is its group too, so that letters can be listed and picked one by one.
    #[must_use]
    pub fn outgoing(&self) -> Outgoing {
        let Reason { cause, code, message, tiktok_request_id, .. } = self.reason.as_ref();
        let attributes = [
            ("id", Some(self.id.clone())),
            ("cause", Some(cause.word().to_owned())),
            ("code", code.map(|code| code.to_string())),
            ("message", Some(message.clone())),
            ("request_id", tiktok_request_id.clone()),
            ("advertiser", self.connection.map(|connection| connection.advertiser.to_string())),
            ("account", self.connection.map(|connection| connection.account.to_string())),
            (FIREHOSE_MESSAGE_ID, self.firehose_message_id.clone()),
            (SUBJECT_REQUEST_ID, self.subject_request_id.clone()),
        ];
        Outgoing {
            body: self.body.clone(),
            group: self.id.clone(),
            deduplication_id: Some(self.id.clone()),
            attributes: attributes.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        }
    }
}

/// What of a message was given up, by reason.
#[derive(Debug, Default)]
pub struct GivenUp<'a> {
    changes: BTreeMap<ReasonKey, Alike<'a>>,
    erasures: BTreeMap<ReasonKey, Erased>,
    unmapped: Vec<&'a Unmapped>,
}

/// Changes with one reason.
type Alike<'a> = (Arc<Reason>, Vec<(&'a Change, Origin)>);
type ReasonKey = (Cause, Option<i64>, String);
/// Erasures with one reason: of each user the ids.
type Erased = (Arc<Reason>, BTreeSet<(Option<Mpid>, HashedId)>);

impl<'a> GivenUp<'a> {
    /// Adds a change. One that an erasure became stands for the whole erasure: sent again, it reaches every audience.
    pub fn change(&mut self, reason: &Arc<Reason>, change: &'a Change, origin: Origin) {
        if origin.erases {
            return self.erasure(reason, change.id, origin);
        }
        self.changes.entry(key(reason)).or_insert_with(|| (Arc::clone(reason), Vec::new())).1.push((change, origin));
    }

    /// Adds an erasure.
    pub fn erasure(&mut self, reason: &Arc<Reason>, id: HashedId, origin: Origin) {
        let of = self.erasures.entry(key(reason)).or_insert_with(|| (Arc::clone(reason), BTreeSet::new()));
        of.1.insert((origin.mpid, id));
    }

    /// Adds changes for audiences that do not exist at TikTok.
    pub fn unmapped(&mut self, unmapped: &'a Unmapped) {
        self.unmapped.push(unmapped);
    }

    /// The letters of `source`, which was made at `changed_ms`.
    ///
    /// # Errors
    /// A row cannot be written as JSON: without its letter the message must not be deleted.
    pub fn letters(
        self,
        source: &Received,
        connection: ConnectionId,
        changed_ms: i64,
    ) -> Result<Vec<Letter>, serde_json::Error> {
        let write = |rows: Vec<Row<'static>>| {
            let mut writer = Writer::new(Header { connection, changed_ms }, MAX_BYTES);
            rows.iter().try_for_each(|row| writer.push(row))?;
            Ok::<_, serde_json::Error>(writer.finish())
        };
        let mut letters = Vec::new();
        let to_letter = |reason: &Arc<Reason>, body| Letter::new(source, Some(connection), reason, body);
        for (reason, changes) in self.changes.into_values() {
            letters.extend(write(rows(&changes))?.into_iter().map(|body| to_letter(&reason, body)));
        }
        for (reason, ids) in self.erasures.into_values() {
            let row = |(mpid, id)| Row { erase: true, ..row(id, mpid) };
            let bodies = write(ids.into_iter().map(row).collect())?;
            letters.extend(bodies.into_iter().map(|body| Letter { erases: true, ..to_letter(&reason, body) }));
        }
        let words = "the audience has no TikTok audience: connect it again in mParticle";
        let no_audience = Reason::new(Cause::NoAudience, words);
        let unmapped = write(self.unmapped.into_iter().map(unmapped_row).collect())?;
        letters.extend(unmapped.into_iter().map(|body| to_letter(&no_audience, body)));
        Ok(letters)
    }
}

/// One row an id and user; the ids are hashed.
fn rows(changes: &[(&Change, Origin)]) -> Vec<Row<'static>> {
    let mut rows: Vec<Row<'static>> = Vec::new();
    let mut last = None;
    for (change, origin) in changes {
        let key = (change.id, origin.mpid);
        if last != Some(key) {
            rows.push(row(change.id, origin.mpid));
            last = Some(key);
        }
        if let Some(row) = rows.last_mut() {
            match change.action {
                Action::Add => row.adds.push(change.audience),
                Action::Delete => row.deletes.push(change.audience),
            }
        }
    }
    rows
}

fn unmapped_row(unmapped: &Unmapped) -> Row<'static> {
    let (unmapped_adds, unmapped_deletes) = (unmapped.adds.clone().into(), unmapped.deletes.clone().into());
    Row { unmapped_adds, unmapped_deletes, ..row(unmapped.id, unmapped.origin.mpid) }
}

fn row(id: HashedId, mpid: Option<Mpid>) -> Row<'static> {
    Row::of(mpid, SentId(id.kind(), id.encoding(), id.to_string().into()))
}

fn key(reason: &Reason) -> ReasonKey {
    (reason.cause, reason.code, reason.message.clone())
}
