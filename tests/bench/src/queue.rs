//! The SQS FIFO queue of the stub, with a backlog that never ends: a receive gives 10 messages of one free lane, and nobody gets another one of
//! a lane while any of it is in flight. What `ingest` sends is kept apart, and never received.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::body::Bytes;
use envelope::{GroupId, Header, Row, SentId, Writer};
use ids::{ConnectionId, Encoding, IdType};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::drain::{BILLED, LEAVES, RECEIVED};

/// Lanes of each connection, by the template's default.
pub const LANES: u8 = 16;

/// What waits, what is in flight, and what was done.
#[derive(Debug)]
pub struct Queue {
    /// Users of each message that mParticle sent: they are spread over the lanes.
    users: u32,
    free: Vec<GroupId>,
    /// How many messages of a lane are in flight.
    locked: HashMap<GroupId, usize>,
    in_flight: HashMap<String, (GroupId, Message)>,
    received: u64,
    random: StdRng,
    /// Requests as SQS bills them.
    pub requests: u64,
    /// What the uploader deleted.
    pub deleted: Vec<Message>,
    /// The bodies of the requests that sent messages.
    sent: Vec<Bytes>,
}

/// A message of the backlog: its rows have ids that no other one has.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// Which one it is, counted from 1.
    pub number: u64,
    /// How many rows it has.
    pub rows: u32,
}

impl Queue {
    /// An endless backlog of these connections; nothing waits where there are none.
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
    /// The functions make no such call, or it names a message that is not in flight.
    pub fn call(&mut self, operation: &str, body: &Bytes) -> Result<String> {
        let input: Value = serde_json::from_slice(body)?;
        let entries = || input.get("Entries").and_then(Value::as_array).into_iter().flatten();
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
                for entry in entries() {
                    let message = self.release(entry)?;
                    self.deleted.push(message);
                }
                all_done(entries())
            }
            // No invocation has messages of its own to renew: what the uploader changes, it gives back.
            "ChangeMessageVisibilityBatch" => {
                for entry in entries() {
                    self.release(entry)?;
                }
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
        // SQS's are long, which a batch of deletes pays for.
        let handle = format!("{number}-{}", "r".repeat(150));
        // A lane's part of the users, a whole number: over all messages as many as there are, and never none.
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

    /// A message is in flight no longer. Its lane is free again once nothing of it is.
    fn release(&mut self, entry: &Value) -> Result<Message> {
        let handle = entry.get("ReceiptHandle").and_then(Value::as_str).context("an entry without a receipt handle")?;
        let (group, message) = self.in_flight.remove(handle).context("the message is not in flight")?;
        let locked = self.locked.get_mut(&group).context("the lane is not locked")?;
        *locked -= 1;
        if *locked == 0 {
            self.locked.remove(&group);
            self.free.push(group);
        }
        Ok(message)
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

/// The answer that every entry of a batch was carried out.
fn all_done<'a>(entries: impl Iterator<Item = &'a Value>) -> String {
    let done = entries.map(|entry| json!({ "Id": entry.get("Id"), "MessageId": "m", "MD5OfMessageBody": "" }));
    json!({ "Successful": done.collect::<Vec<_>>(), "Failed": [] }).to_string()
}

impl Message {
    /// Its ids as they were sent, and whether each leaves the audience.
    pub fn ids(self) -> impl Iterator<Item = (String, bool)> {
        let leaves = move |row: u32| (self.number + u64::from(row)).is_multiple_of(LEAVES.into());
        (0..self.rows).map(move |row| (format!("{row:08x}-0000-4000-8000-{:012x}", self.number), leaves(row)))
    }
}

/// The body of a message.
///
/// # Errors
/// Its rows do not fit into one envelope.
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
