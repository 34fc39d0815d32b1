//! What the uploader's lines say of each connection.

use std::collections::BTreeMap;

use ids::ConnectionId;

use crate::cloud::Cloud;
use crate::error::Error;
use crate::logs::{CALL_TAKEN, Function, HOURS, LANES_BLOCKED, Line, Question};
use crate::output::{Progress, count};

/// A blocked lane comes back at least every 15 minutes.
pub(super) const LATELY_MS: i64 = 20 * 60_000;

/// What the uploader's lines say of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) last_delivered_ms: Option<i64>,
    /// The first and the last time that it waited since the last delivery, and why.
    pub(super) waits: Option<(i64, i64, String)>,
}

/// What the uploader said of each connection, from now backwards until a delivery of each is found.
pub(super) async fn seen(
    cloud: &Cloud,
    connections: &[ConnectionId],
    now_ms: i64,
) -> Result<(BTreeMap<ConnectionId, Seen>, Option<f64>), Error> {
    let mut seen = BTreeMap::<ConnectionId, Seen>::new();
    let mut oldest = None;
    let mut progress = Progress::new();
    let pattern = format!(
        "{{ $.message = \"{CALL_TAKEN}\" || $.message = \"{LANES_BLOCKED}\" || $.oldest_change_age_seconds >= 0 }}"
    );
    let is_wanted = |line: &Line| {
        line.message == CALL_TAKEN || line.message == LANES_BLOCKED || line.oldest_change_age_seconds.is_some()
    };
    for hour in 0..HOURS {
        progress.say(&format!("reading the uploader's log, {} back", count(hour.unsigned_abs(), "hour")));
        let question = Question::of_hour(Function::Uploader, &pattern, hour, now_ms);
        let lines = cloud.logs.lines(&question, is_wanted).await?;
        if hour == 0 {
            let lately = lines.iter().filter(|line| line.at_ms >= now_ms - LATELY_MS);
            oldest = lately.filter_map(|line| line.oldest_change_age_seconds).reduce(f64::max);
        }
        look_back(&mut seen, &lines);
        let is_delivered = |connection| seen.get(connection).is_some_and(|seen| seen.last_delivered_ms.is_some());
        if connections.iter().all(is_delivered) {
            break;
        }
    }
    Ok((seen, oldest))
}

/// Takes in lines that are older than all before; they come oldest first.
pub(super) fn look_back(seen: &mut BTreeMap<ConnectionId, Seen>, lines: &[Line]) {
    for line in lines.iter().rev() {
        let Some(connection) = line.connection() else { continue };
        let seen = seen.entry(connection).or_default();
        if seen.last_delivered_ms.is_some() {
            continue;
        }
        if line.message == CALL_TAKEN {
            seen.last_delivered_ms = Some(line.at_ms);
        } else if line.message == LANES_BLOCKED && line.cause.as_deref() != Some("not_tried") {
            let last_ms = seen.waits.as_ref().map_or(line.at_ms, |(_, last_ms, _)| *last_ms);
            let why = seen.waits.take().map_or_else(|| why(line), |(_, _, why)| why);
            seen.waits = Some((line.at_ms, last_ms, why));
        }
    }
}

fn why(line: &Line) -> String {
    let parts = [line.cause.clone(), line.code.map(|code| code.to_string()), line.tiktok_message.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Since when and why it waits, if it did so lately.
pub(super) fn waits(seen: &Seen, now_ms: i64) -> Option<(i64, String)> {
    let (since_ms, last_ms, why) = seen.waits.as_ref()?;
    (now_ms.saturating_sub(*last_ms) < LATELY_MS).then(|| (*since_ms, why.clone()))
}
