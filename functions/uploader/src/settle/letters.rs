//! Changes as messages again: dead letters with their reason, and what is left of messages that were settled in part.

use std::collections::BTreeMap;
use std::time::Duration;

use envelope::{DeviceId, Header, Row, Writer};
use hashed_id::Md5;
use ids::{AudienceId, Encoding};
use queue::Message;
use smallvec::SmallVec;
use tiktok::Action;

use super::{Fate, Settlement, pause};
use crate::event::{FIRST_SENT, RETURNS};
use crate::outcome::{Outcome, Reason};

/// The size of a letter at most, in bytes: SQS bills by 64 KB, and a batch takes four of these.
const MAX_BYTES: usize = 240_000;
/// Ids of calls at TikTok that a dead letter names.
const MAX_REQUEST_IDS: usize = 5;

/// A message to send, and the numbers of the messages that it speaks for.
pub(super) struct Letter {
    pub(super) message: Message,
    pub(super) of: Vec<u32>,
}

/// Changes with a common connection and reason.
#[derive(Default)]
struct Group<'a> {
    reasons: Vec<&'a Reason>,
    changes: Vec<usize>,
    unmapped: Vec<usize>,
}

/// All dead letters: rejected changes and those without an audience, by connection and reason, and messages as they are.
pub(super) fn dead(settlement: &Settlement<'_>) -> Vec<Letter> {
    let no_audience = Reason::new("no_audience", "the audience has no TikTok audience; connect it again in mParticle");
    let mut groups = BTreeMap::<_, Group<'_>>::new();
    for (index, (change, outcome)) in settlement.batch.plan.changes.iter().zip(&settlement.outcomes).enumerate() {
        let Outcome::Rejected(reason) = outcome else { continue };
        let group = groups.entry((change.connection, reason.word, reason.code, reason.message.as_str())).or_default();
        group.changes.push(index);
        group.reasons.push(reason);
    }
    for (index, unmapped) in settlement.batch.plan.unmapped.iter().enumerate() {
        let key = (unmapped.connection, no_audience.word, None, no_audience.message.as_str());
        let group = groups.entry(key).or_default();
        group.unmapped.push(index);
        group.reasons.push(&no_audience);
    }
    let mut letters = Vec::new();
    for ((connection, ..), group) in groups {
        let attributes = explained(&group.reasons);
        if let Some(reason) = group.reasons.first() {
            let (changes, unmapped) = (group.changes.len(), group.unmapped.len());
            tracing::error!(
                reason = reason.word,
                code = reason.code,
                tiktok_message = reason.message,
                request_id = reason.request_id,
                changes,
                unmapped,
                "changes go to the dead-letter queue"
            );
        }
        letters.extend(settlement.letters(connection, group, &attributes, Duration::ZERO));
    }
    letters.extend(whole(settlement));
    letters
}

/// What is left of messages that were settled in part, by connection.
pub(super) fn leftovers(settlement: &Settlement<'_>) -> Vec<Letter> {
    let mut groups = BTreeMap::<_, Group<'_>>::new();
    for (index, (change, outcome)) in settlement.batch.plan.changes.iter().zip(&settlement.outcomes).enumerate() {
        let Outcome::Later(reason) = outcome else { continue };
        let fate = settlement.message_of(change.origin).and_then(|message| settlement.fates.get(message as usize));
        if matches!(fate, Some(Fate::Leftover(_))) {
            let group = groups.entry(change.connection).or_default();
            group.changes.push(index);
            group.reasons.push(reason);
        }
    }
    let mut letters = Vec::new();
    for (connection, group) in groups {
        let sources = settlement.sources(&group);
        let messages = || sources.iter().filter_map(|source| settlement.event.messages.get(*source as usize));
        let first_sent = messages().map(|m| m.first_sent_ms(settlement.now_ms)).min().unwrap_or(settlement.now_ms);
        let returns = messages().map(crate::event::Message::returns).max().unwrap_or_default();
        let delay = group.reasons.first().map_or(Duration::ZERO, |reason| pause(returns, reason));
        let attributes = [(FIRST_SENT, first_sent.to_string()), (RETURNS, (returns + 1).to_string())];
        letters.extend(settlement.letters(connection, group, &attributes, delay));
    }
    letters
}

/// The messages that go to the dead-letter queue as they are.
fn whole<'a>(settlement: &'a Settlement<'_>) -> impl Iterator<Item = Letter> + 'a {
    (0..).zip(settlement.event.messages.iter().zip(&settlement.fates)).filter_map(|(index, (message, fate))| {
        let Fate::Aside(reason) = fate else { return None };
        let (body, group) = (message.body.clone().into_owned(), reason.word.to_owned());
        let attributes = explained(&[reason]);
        Some(Letter { message: Message { body, group, delay: Duration::ZERO, attributes }, of: vec![index] })
    })
}

/// The reason beside a dead letter. `reasons` differ in the ids of TikTok's answers only.
fn explained(reasons: &[&Reason]) -> Vec<(&'static str, String)> {
    let Some(reason) = reasons.first() else { return Vec::new() };
    let mut request_ids: Vec<&str> = reasons.iter().filter_map(|reason| reason.request_id.as_deref()).collect();
    request_ids.dedup();
    request_ids.truncate(MAX_REQUEST_IDS);
    let attributes = [
        ("reason", reason.word.to_owned()),
        ("code", reason.code.map(|code| code.to_string()).unwrap_or_default()),
        ("message", reason.message.clone()),
        ("request_id", request_ids.join(" ")),
    ];
    // SQS takes no empty values.
    attributes.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

impl Settlement<'_> {
    /// The messages, ascending, that a group's changes came in.
    fn sources(&self, group: &Group<'_>) -> Vec<u32> {
        let plan = &self.batch.plan;
        let origins = (group.changes.iter().filter_map(|index| plan.changes.get(*index)).map(|change| change.origin))
            .chain(group.unmapped.iter().filter_map(|index| plan.unmapped.get(*index)).map(|unmapped| unmapped.origin));
        let mut sources: Vec<_> = origins.filter_map(|origin| self.message_of(origin)).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    fn letters(
        &self,
        connection: u32,
        group: Group<'_>,
        attributes: &[(&'static str, String)],
        delay: Duration,
    ) -> Vec<Letter> {
        let of = self.sources(&group);
        let Some(connection) = self.batch.connections.get(connection as usize) else { return Vec::new() };
        let rows = self.rows(group);
        let changed_ms = rows.first().and_then(|row| row.changed_ms).unwrap_or(self.now_ms);
        let header = Header { advertiser: connection.advertiser, token: connection.fingerprint, changed_ms };
        let mut writer = Writer::new(header, MAX_BYTES);
        for mut row in rows {
            row.changed_ms = row.changed_ms.filter(|own| *own != changed_ms);
            if let Err(error) = writer.push(&row) {
                tracing::error!(%error, "an envelope cannot be written");
            }
        }
        let message =
            |body| Message { body, group: connection.advertiser.to_string(), delay, attributes: attributes.to_vec() };
        writer.finish().into_iter().map(|body| Letter { message: message(body), of: of.clone() }).collect()
    }

    /// The rows of a group, ids of one user together where they say the same. The ids are hashed.
    fn rows(&self, mut group: Group<'_>) -> Vec<Row<'static>> {
        let plan = &self.batch.plan;
        let mpid = |origin: u32| plan.origins.get(origin as usize).and_then(|origin| origin.mpid);
        let mut rows: Vec<(u32, Row<'static>)> = Vec::new();
        group
            .changes
            .sort_unstable_by_key(|index| plan.changes.get(*index).map(|c| (c.origin, c.device, c.id, c.action)));
        let changes: Vec<_> = group.changes.iter().filter_map(|index| plan.changes.get(*index)).collect();
        for of_id in changes.chunk_by(|a, b| (a.origin, a.device, a.id) == (b.origin, b.device, b.id)) {
            let Some(first) = of_id.first() else { continue };
            let audiences = |action: Action| -> SmallVec<[AudienceId; 2]> {
                of_id.iter().filter(|change| change.action == action).map(|change| change.audience).collect()
            };
            let (adds, deletes) = (audiences(Action::Add), audiences(Action::Delete));
            let id = hashed(first.device, first.id);
            match rows.last_mut() {
                Some((origin, row)) if *origin == first.origin && row.adds == adds && row.deletes == deletes => {
                    row.ids.push(id);
                }
                Some(_) | None => {
                    let (changed_ms, mpid) = (Some(first.changed_ms), mpid(first.origin));
                    rows.push((first.origin, Row { changed_ms, mpid, ids: vec![id], adds, deletes, ..Row::default() }));
                }
            }
        }
        let unmapped = group.unmapped.iter().filter_map(|index| plan.unmapped.get(*index)).map(|unmapped| Row {
            changed_ms: Some(unmapped.changed_ms),
            mpid: mpid(unmapped.origin),
            ids: unmapped.ids.iter().map(|(device, id)| hashed(*device, *id)).collect(),
            unmapped_adds: unmapped.adds.clone().into(),
            unmapped_deletes: unmapped.deletes.clone().into(),
            ..Row::default()
        });
        rows.into_iter().map(|(_, row)| row).chain(unmapped).collect()
    }
}

fn hashed(device: ids::DeviceType, id: Md5) -> DeviceId<'static> {
    DeviceId(device, Encoding::Md5, id.to_string().into())
}
