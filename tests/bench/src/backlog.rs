//! An SQS FIFO queue with a backlog that never ends: a receive gives at most 10 messages of one free lane, and nobody gets another of a
//! lane while any of it is in flight.

use std::collections::HashMap;

use anyhow::Result;
use envelope::{GroupId, Header, Row, SentId, Writer};
use ids::{ConnectionId, Encoding, IdType};
use serde_json::{Value, json};

/// The template's default.
pub(crate) const LANES: u8 = 16;
/// Messages that one receive gives.
const RECEIVED: u64 = 10;
/// SQS bills each 64 KB of a request's payload as one.
const BILLED: usize = 64 * 1024;

/// What is on the queue, and how often it was asked.
pub(crate) struct Backlog {
    /// Users of each message that mParticle sends: they are spread over the lanes.
    users: u32,
    free: Vec<GroupId>,
    /// How many messages of a lane are in flight.
    locked: HashMap<GroupId, u64>,
    in_flight: HashMap<String, GroupId>,
    sent: u64,
    random: u64,
    /// Requests as SQS bills them.
    pub(crate) requests: u64,
}

impl Backlog {
    pub(crate) fn new(connections: &[ConnectionId], users: u32) -> Self {
        let lanes = |&connection: &ConnectionId| (0..LANES).map(move |lane| GroupId { connection, lane });
        let free = connections.iter().flat_map(lanes).collect();
        let (locked, in_flight) = (HashMap::new(), HashMap::new());
        Self { users, free, locked, in_flight, sent: 0, random: 0x9E37_79B9_7F4A_7C15, requests: 0 }
    }

    /// Whether a receive would bring something now.
    pub(crate) const fn has_free_lane(&self) -> bool {
        !self.free.is_empty()
    }

    /// Carries out a call of SQS.
    pub(crate) fn call(&mut self, operation: &str, input: &Value, bytes: usize) -> Result<Value> {
        let entries = || input.get("Entries").and_then(Value::as_array).into_iter().flatten();
        let all_done = || {
            let done =
                entries().map(|entry| json!({ "Id": entry.get("Id"), "MessageId": "m", "MD5OfMessageBody": "" }));
            json!({ "Successful": done.collect::<Vec<_>>(), "Failed": [] })
        };
        let answer = match operation {
            "ReceiveMessage" => self.receive()?,
            "DeleteMessageBatch" => {
                entries()
                    .filter_map(|entry| entry.get("ReceiptHandle")?.as_str())
                    .for_each(|handle| self.delete(handle));
                all_done()
            }
            "GetQueueAttributes" => json!({ "Attributes": {
                "ApproximateNumberOfMessages": "1000", "ApproximateNumberOfMessagesNotVisible": "0",
            }}),
            _ => all_done(),
        };
        let payload = if operation == "ReceiveMessage" { answer.to_string().len() } else { bytes };
        self.requests += payload.div_ceil(BILLED).max(1) as u64;
        Ok(answer)
    }

    fn receive(&mut self) -> Result<Value> {
        if self.free.is_empty() {
            return Ok(json!({}));
        }
        // xorshift: any lane that is free.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let place = usize::try_from(self.random % self.free.len() as u64)?;
        let group = self.free.swap_remove(place);
        self.locked.insert(group, RECEIVED);
        let messages: Vec<_> = (0..RECEIVED).map(|_| self.message(group)).collect::<Result<_>>()?;
        Ok(json!({ "Messages": messages }))
    }

    fn message(&mut self, group: GroupId) -> Result<Value> {
        self.sent += 1;
        let handle = format!("{}-{}", self.sent, "r".repeat(150));
        self.in_flight.insert(handle.clone(), group);
        let rows = self.users.div_ceil(u32::from(LANES));
        Ok(json!({
            "MessageId": format!("00000000-0000-4000-8000-{:012}", self.sent), "ReceiptHandle": handle,
            "Body": envelope(group.connection, self.sent, rows)?, "MD5OfBody": "0".repeat(32),
            "Attributes": {
                "ApproximateReceiveCount": "1", "SentTimestamp": "1714592744065", "MessageGroupId": group.to_string(),
            },
        }))
    }

    /// The lane is free again once all of it that was in flight is deleted.
    fn delete(&mut self, handle: &str) {
        let Some(group) = self.in_flight.remove(handle) else { return };
        if let Some(locked) = self.locked.get_mut(&group) {
            *locked -= 1;
            if *locked == 0 {
                self.locked.remove(&group);
                self.free.push(group);
            }
        }
    }
}

/// An envelope of `rows` ids that no other one has, each of which joins an audience.
pub(crate) fn envelope(connection: ConnectionId, number: u64, rows: u32) -> Result<String> {
    let header = Header { connection, changed_ms: 1_714_592_744_065 + i64::try_from(number)? };
    let mut writer = Writer::new(header, 1_000_000);
    for row in 0..rows {
        let id = format!("{row:08x}-0000-4000-8000-{number:012x}");
        writer.push(&Row {
            mpid: Some((number + 1_000_000_000_000).to_string().parse()?),
            id: SentId(if row % 2 == 0 { IdType::Idfa } else { IdType::Gaid }, Encoding::Raw, id.into()),
            adds: std::iter::once("7000000000000000011".parse()?).collect(),
            deletes: std::iter::empty().collect(),
            unmapped_adds: std::iter::empty().collect(),
            erase: false,
            unmapped_deletes: std::iter::empty().collect(),
        })?;
    }
    let mut bodies = writer.finish();
    anyhow::ensure!(bodies.len() == 1, "{} envelopes of {rows} rows", bodies.len());
    Ok(bodies.remove(0))
}
