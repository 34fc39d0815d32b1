//! One FIFO queue: groups, deliveries, visibility and deduplication. Every call takes the time.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

/// A message with the same deduplication id in the same group is dropped for so long.
const DEDUPLICATED: Duration = Duration::from_mins(5);

/// A message of a queue, as a test sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// SQS's id.
    pub message_id: String,
    /// The message group.
    pub group: String,
    /// The text.
    pub body: String,
    /// Names and values.
    pub attributes: BTreeMap<String, String>,
    /// When it was sent, in milliseconds since 1970.
    pub sent_ms: i64,
    /// How often it was received.
    pub receive_count: u32,
    /// Until when nobody else receives it.
    pub invisible_until: Option<Instant>,
}

impl Message {
    /// Whether it was received, and neither deleted nor visible again.
    #[must_use]
    pub fn is_in_flight(&self, now: Instant) -> bool {
        self.invisible_until.is_some_and(|until| until > now)
    }

    /// Names the delivery that is under way.
    pub(super) fn handle(&self) -> String {
        format!("{}#{}", self.message_id, self.receive_count)
    }
}

/// A message to be sent.
pub(super) struct New {
    pub(super) group: String,
    pub(super) body: String,
    pub(super) deduplication_id: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) sent_ms: i64,
}

/// Why a receipt handle does nothing.
pub(super) enum Invalid {
    /// It is none of this queue's.
    Unknown,
    /// The visibility of that delivery ended.
    Expired,
    /// The message was deleted.
    Deleted,
}

#[derive(Debug, Default)]
pub(super) struct Fifo {
    /// In the order in which they were sent.
    pub(super) messages: Vec<Message>,
    /// Group, deduplication id, when it was sent, message id.
    sent: Vec<(String, String, Instant, String)>,
    last: u64,
}

impl Fifo {
    /// The message's id; one that was sent lately already keeps the id that it had.
    pub(super) fn send(&mut self, new: New, now: Instant) -> String {
        let New { group, body, deduplication_id, attributes, sent_ms } = new;
        // The hash of the body stands for the body, and so does the body.
        let deduplication_id = deduplication_id.unwrap_or_else(|| body.clone());
        self.sent.retain(|(.., at, _)| *at + DEDUPLICATED > now);
        let same = self.sent.iter().find(|(of, id, ..)| *of == group && *id == deduplication_id);
        if let Some((.., message_id)) = same {
            return message_id.clone();
        }
        self.last += 1;
        let message_id = format!("message-{}", self.last);
        self.sent.push((group.clone(), deduplication_id, now, message_id.clone()));
        let (receive_count, invisible_until) = (0, None);
        let message = Message {
            message_id: message_id.clone(),
            group,
            body,
            attributes,
            sent_ms,
            receive_count,
            invisible_until,
        };
        self.messages.push(message);
        message_id
    }

    /// Up to `most` messages of groups of which none is in flight: the group with the oldest message first, as many of it as there are, then
    /// the next.
    pub(super) fn receive(&mut self, most: usize, visibility: Duration, now: Instant) -> Vec<Message> {
        let in_flight = self.messages.iter().filter(|message| message.is_in_flight(now));
        let blocked: HashSet<String> = in_flight.map(|message| message.group.clone()).collect();
        let mut groups: Vec<String> = Vec::new();
        for message in self.messages.iter().filter(|message| !blocked.contains(&message.group)) {
            if groups.len() < most && !groups.contains(&message.group) {
                groups.push(message.group.clone());
            }
        }
        let mut received = Vec::new();
        for group in groups {
            for message in self.messages.iter_mut().filter(|message| message.group == group) {
                if received.len() < most {
                    message.receive_count += 1;
                    message.invisible_until = Some(now + visibility);
                    received.push(message.clone());
                }
            }
        }
        received
    }

    pub(super) fn delete(&mut self, handle: &str, now: Instant) -> Result<(), Invalid> {
        match self.find(handle, now) {
            Ok(index) => {
                self.messages.remove(index);
                Ok(())
            }
            Err(Invalid::Deleted) => Ok(()),
            Err(invalid) => Err(invalid),
        }
    }

    pub(super) fn set_visibility(&mut self, handle: &str, visibility: Duration, now: Instant) -> Result<(), Invalid> {
        let index = self.find(handle, now)?;
        if let Some(message) = self.messages.get_mut(index) {
            message.invisible_until = Some(now + visibility);
        }
        Ok(())
    }

    /// When the next message in flight becomes visible.
    pub(super) fn next_visible(&self, now: Instant) -> Option<Instant> {
        self.messages.iter().filter_map(|message| message.invisible_until).filter(|until| *until > now).min()
    }

    fn find(&self, handle: &str, now: Instant) -> Result<usize, Invalid> {
        let number = |id: &str| id.strip_prefix("message-")?.parse::<u64>().ok();
        let (id, delivery) = handle.split_once('#').ok_or(Invalid::Unknown)?;
        if number(id).is_none_or(|number| number > self.last) {
            return Err(Invalid::Unknown);
        }
        let index = self.messages.iter().position(|message| message.message_id == id).ok_or(Invalid::Deleted)?;
        let message = self.messages.get(index).ok_or(Invalid::Deleted)?;
        let is_newest = delivery.parse() == Ok(message.receive_count);
        if is_newest && message.is_in_flight(now) { Ok(index) } else { Err(Invalid::Expired) }
    }
}
