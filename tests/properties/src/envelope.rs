//! Messages on the queue.

use envelope::{Envelope, Row, SentId, Writer};
use ids::{AudienceId, Mpid};

use crate::assert_tells_nothing;

/// The limit of messages in operation, and one that divides every row.
const SIZES: [usize; 2] = [200_000, 1];

/// Any body: what is read can be written, within the size, in characters that SQS takes, and reads back as the same changes in the same order.
pub fn envelope(body: &[u8]) {
    let Ok(body) = str::from_utf8(body) else { return };
    let envelope = match Envelope::read(body) {
        Ok(envelope) => envelope,
        Err(error) => return assert_tells_nothing(&error),
    };
    for max_bytes in SIZES {
        let bodies = written(&envelope, max_bytes);
        let again: Vec<_> = bodies.iter().map(|body| Envelope::read(body).expect("what was written is read")).collect();
        for (body, part) in bodies.iter().zip(&again) {
            assert_eq!(part.header, envelope.header);
            assert!(body.chars().all(is_taken_by_sqs), "{body:?}");
            assert!(body.len() <= max_bytes || is_indivisible(&part.rows), "{body}");
        }
        let changes: Vec<_> = again.iter().flat_map(|part| &part.rows).flat_map(changes).collect();
        assert_eq!(changes, envelope.rows.iter().flat_map(self::changes).collect::<Vec<_>>());
    }
}

fn written(envelope: &Envelope<'_>, max_bytes: usize) -> Vec<String> {
    let mut writer = Writer::new(envelope.header, max_bytes);
    for row in &envelope.rows {
        writer.push(row).expect("every row can be written");
    }
    writer.finish()
}

/// One row of at most one audience, with whose last change the erasure goes.
fn is_indivisible(rows: &[Row<'_>]) -> bool {
    matches!(rows, [row] if row.changes() - usize::from(row.erase) <= 1)
}

/// What a row says of its id, in the order in which it applies.
#[derive(Debug, PartialEq)]
enum Change {
    Add(AudienceId),
    Delete(AudienceId),
    AddUnmapped(i64),
    DeleteUnmapped(i64),
    Erase,
}

fn changes<'r>(row: &'r Row<'_>) -> impl Iterator<Item = (Option<Mpid>, &'r SentId<'r>, Change)> {
    let mapped = row.adds.iter().map(|id| Change::Add(*id)).chain(row.deletes.iter().map(|id| Change::Delete(*id)));
    let unmapped = row.unmapped_adds.iter().map(|id| Change::AddUnmapped(*id));
    let unmapped = unmapped.chain(row.unmapped_deletes.iter().map(|id| Change::DeleteUnmapped(*id)));
    let all = mapped.chain(unmapped).chain(row.erase.then_some(Change::Erase));
    all.map(|change| (row.mpid, &row.id, change))
}

/// `SendMessage` in the reference of SQS's API: #x9, #xA, #xD, #x20 to #xD7FF, #xE000 to #xFFFD, #x10000 to #x10FFFF.
fn is_taken_by_sqs(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
