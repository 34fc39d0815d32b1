//! A person asks to be forgotten: each of the person's ids goes into its own lane, behind whatever waits there, to leave every audience of
//! the connection when its turn comes.

use envelope::{Header, Lanes, Row, SentId};
use firehose::{Erasure, Identity};
use hashed_id::HashedId;
use ids::{ConnectionId, IdType};

use crate::{Division, Queueable, Sent};

/// What became of a request; the word under which it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is on the queue.
    Queued,
    /// The same, of a connection that there is not: no token was ever accepted for it, or it was not used for 90 days.
    NoConnection,
    /// It names no account: nobody knows whose audiences it is about.
    NoAccount,
    /// It has no id by which TikTok matches people.
    NoIds,
}

impl Outcome {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::NoConnection => "no_connection",
            Self::NoAccount => "no_account",
            Self::NoIds => "no_ids",
        }
    }
}

/// Writes a row for each id of the types that are sent: mParticle sends raw ones, which go no further. Without a usable time in the message it is dated `now_ms`.
pub(crate) fn envelopes(
    request: &Erasure<'_>,
    connection: ConnectionId,
    division: Division,
    sent: Sent,
    now_ms: i64,
) -> Result<Queueable, serde_json::Error> {
    let header = Header { connection, changed_ms: request.timestamp_ms.unwrap_or(now_ms) };
    let mut lanes = Lanes::new(header, division.lanes, division.max_bytes);
    let mut out = Queueable::default();
    out.dropped.left_out = request.left_out;
    for id in request.ids.iter().filter(|id| is_sent(id, sent)) {
        // What is not uploaded is in no audience.
        let Ok(hashed) = HashedId::parse(id.kind, id.encoding, &id.value) else {
            out.dropped.malformed += 1;
            continue;
        };
        let (encoding, value) = (hashed.encoding(), hashed.to_string());
        let lane = hashed_id::lane(id.kind, encoding, &value, division.lanes);
        lanes.push(lane, &Row { erase: true, ..Row::of(None, SentId(id.kind, encoding, value.into())) })?;
        out.changes += 1;
    }
    out.lanes = lanes.finish();
    Ok(out)
}

/// Where addresses are never sent, none is in an audience; to tell TikTok of one could make it refuse the device ids of that audience.
fn is_sent(id: &Identity<'_>, sent: Sent) -> bool {
    match id.kind {
        IdType::Idfa | IdType::Gaid => true,
        IdType::Email => sent == Sent::DevicesAndEmails,
    }
}
