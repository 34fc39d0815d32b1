//! An SQS FIFO queue as the uploader meets it, with a backlog that never ends: a receive gives at most 10 messages of one free lane, and nobody
//! gets another of a lane while any of it is in flight. What `ingest` sends it keeps apart.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::body::Bytes;
use envelope::{GroupId, Header, Row, SentId, Writer};
use ids::{ConnectionId, Encoding, IdType};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::drain::BILLED;

/// The template's default.
pub const LANES: u8 = 16;
/// Messages that one receive gives.
const RECEIVED: u64 = 10;

/// What is on the queue, and how often it was asked.
#[derive(Debug)]
pub struct Backlog {
    /// Users of each message that mParticle sends: they are spread over the lanes.
    users: u32,
    free: Vec<GroupId>,
    /// How many messages of a lane are in flight.
    locked: HashMap<GroupId, u64>,
    in_flight: HashMap<String, (GroupId, Message)>,
    received: u64,
    random: StdRng,
    /// Requests as SQS bills them.
    pub requests: u64,
    /// What was deleted.
    pub deleted: Vec<Message>,
    /// Requests that brought messages.
    pub sent: Vec<Bytes>,
}

/// A message of the backlog: its rows have ids that no other one has.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// Which one it is, counted from 1.
    pub number: u64,
    /// How many rows it has.
    pub rows: u32,
}

impl Backlog {
    /// An endless backlog of these connections; none where there are no connections.
    #[must_use]
    pub fn new(connections: &[ConnectionId], users: u32) -> Self {
        let lanes = |&connection: &ConnectionId| (0..LANES).map(move |lane| GroupId { connection, lane });
        Self {
            users,
            free: connections.iter().flat_map(lanes).collect(),
            locked: HashMap::new(),
            in_flight: HashMap::new(),
            received: 0,
            random: StdRng::seed_from_u64(1),
            requests: 0,
            deleted: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// Whether a receive would bring something now.
    #[must_use]
    pub const fn has_free_lane(&self) -> bool {
        !self.free.is_empty()
    }

    /// Carries out a call of SQS.
    ///
    /// # Errors
    /// The call is not one of SQS's.
    pub fn call(&mut self, operation: &str, body: &Bytes) -> Result<String> {
        let input: Value = serde_json::from_slice(body)?;
        let entries = || input.get("Entries").and_then(Value::as_array).into_iter().flatten();
        let handles = || entries().filter_map(|entry| entry.get("ReceiptHandle")?.as_str());
        let mut payload = body.len();
        let answer = match operation {
            "ReceiveMessage" => {
                let answer = self.receive()?.to_string();
                payload = answer.len();
                answer
            }
            "GetQueueAttributes" => {
                let depth =
                    json!({ "ApproximateNumberOfMessages": "1000", "ApproximateNumberOfMessagesNotVisible": "0" });
                json!({ "Attributes": depth }).to_string()
            }
            "SendMessageBatch" => {
                let done = all_done(entries());
                self.sent.push(body.clone());
                done
            }
            "DeleteMessageBatch" => {
                handles().for_each(|handle| self.delete(handle));
                all_done(entries())
            }
            "ChangeMessageVisibilityBatch" => {
                handles().for_each(|handle| self.release(handle));
                all_done(entries())
            }
            _ => anyhow::bail!("{operation} is not expected here"),
        };
        self.requests += payload.div_ceil(BILLED).max(1) as u64;
        Ok(answer)
    }

    fn receive(&mut self) -> Result<Value> {
        if self.free.is_empty() {
            return Ok(json!({}));
        }
        let group = self.free.swap_remove(self.random.random_range(0..self.free.len()));
        self.locked.insert(group, RECEIVED);
        let messages: Vec<_> = (0..RECEIVED).map(|_| self.message(group)).collect::<Result<_>>()?;
        Ok(json!({ "Messages": messages }))
    }

    fn message(&mut self, group: GroupId) -> Result<Value> {
        self.received += 1;
        let number = self.received;
        let handle = format!("{number}-{}", "r".repeat(150));
        // A lane's part of the users: over all messages as many as there are, and never none.
        let users = |messages: u64| messages * u64::from(self.users) / u64::from(LANES);
        let rows = u32::try_from(users(number + 1) - users(number))?.max(1);
        self.in_flight.insert(handle.clone(), (group, Message { number, rows }));
        Ok(json!({
            "MessageId": format!("00000000-0000-4000-8000-{number:012}"), "ReceiptHandle": handle,
            "Body": envelope(group.connection, Message { number, rows })?, "MD5OfBody": "0".repeat(32),
            "Attributes": {
                "ApproximateReceiveCount": "1", "SentTimestamp": now_ms().to_string(), "MessageGroupId": group.to_string(),
            },
        }))
    }

    fn delete(&mut self, handle: &str) {
        if let Some((_, message)) = self.in_flight.get(handle) {
            self.deleted.push(*message);
            self.release(handle);
        }
    }

    /// The lane is free again once nothing of it is in flight.
    fn release(&mut self, handle: &str) {
        let Some((group, _)) = self.in_flight.remove(handle) else { return };
        if let Some(locked) = self.locked.get_mut(&group) {
            *locked -= 1;
            if *locked == 0 {
                self.locked.remove(&group);
                self.free.push(group);
            }
        }
    }

    /// How many rows `ingest` sent since this was asked last.
    ///
    /// # Errors
    /// What it sent cannot be read.
    pub fn take_sent_rows(&mut self) -> Result<u64> {
        let mut rows = 0;
        for request in std::mem::take(&mut self.sent) {
            let request: Value = serde_json::from_slice(&request)?;
            for entry in request.get("Entries").and_then(Value::as_array).into_iter().flatten() {
                let body = entry.get("MessageBody").and_then(Value::as_str).context("a message without a body")?;
                rows += envelope::Envelope::read(body)?.rows.len() as u64;
            }
        }
        Ok(rows)
    }
}

/// A message that is older than two weeks would become a dead letter.
fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// That every entry of a batch was carried out.
fn all_done<'a>(entries: impl Iterator<Item = &'a Value>) -> String {
    let done = entries.map(|entry| json!({ "Id": entry.get("Id"), "MessageId": "m", "MD5OfMessageBody": "" }));
    json!({ "Successful": done.collect::<Vec<_>>(), "Failed": [] }).to_string()
}

impl Message {
    /// Its ids as they were sent; every fourth leaves the audience.
    pub fn ids(self) -> impl Iterator<Item = (String, bool)> {
        let leaves = move |row: u32| (self.number + u64::from(row)).is_multiple_of(4);
        (0..self.rows).map(move |row| (format!("{row:08x}-0000-4000-8000-{:012x}", self.number), leaves(row)))
    }
}

/// The envelope of a message.
///
/// # Errors
/// It is too large for one.
pub fn envelope(connection: ConnectionId, message: Message) -> Result<String> {
    let header = Header { connection, changed_ms: 1_714_592_744_065 + i64::try_from(message.number)? };
    let audience = "7000000000000000011".parse()?;
    let mut writer = Writer::new(header, 1_000_000);
    for (id, leaves) in message.ids() {
        writer.push(&Row {
            mpid: Some((message.number + 1_000_000_000_000).to_string().parse()?),
            id: SentId(IdType::Idfa, Encoding::Raw, id.into()),
            adds: (!leaves).then_some(audience).into_iter().collect(),
            deletes: leaves.then_some(audience).into_iter().collect(),
            unmapped_adds: std::iter::empty().collect(),
            erase: false,
            unmapped_deletes: std::iter::empty().collect(),
        })?;
    }
    let mut bodies = writer.finish();
    anyhow::ensure!(bodies.len() == 1, "{} envelopes of {} rows", bodies.len(), message.rows);
    Ok(bodies.remove(0))
}
