//! SQS FIFO as far as order depends on it: groups that are blocked while a message of theirs is in flight, and handles that expire.

use std::collections::{BTreeMap, VecDeque};

use queue::Received;
use rand::RngExt;
use rand::rngs::StdRng;

/// The handle is not valid any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expired;

#[derive(Debug)]
struct Held {
    message: Received,
    invisible_until: u64,
    deliveries: u32,
}

/// A FIFO queue in a simulated time, in seconds.
#[derive(Debug, Default)]
pub(crate) struct Fifo {
    groups: BTreeMap<String, VecDeque<Held>>,
    sent: u64,
}

impl Fifo {
    pub(crate) fn send(&mut self, lane: u8, body: String, now: u64) {
        self.sent += 1;
        let mut message = crate::world::message(&self.sent.to_string(), lane, body);
        message.sent_ms = i64::try_from(now * 1000).unwrap();
        let held = Held { message, invisible_until: 0, deliveries: 0 };
        self.groups.entry(crate::world::group(lane)).or_default().push_back(held);
    }

    /// Up to 10 messages, of one free group first, then of others.
    pub(crate) fn receive(&mut self, now: u64, visibility: u64, random: &mut StdRng) -> Vec<Received> {
        let mut received = Vec::new();
        let mut groups: Vec<String> = self.groups.keys().cloned().collect();
        while received.len() < 10 && !groups.is_empty() {
            let group = groups.swap_remove(random.random_range(0..groups.len()));
            let Some(messages) = self.groups.get_mut(&group) else { continue };
            if messages.iter().any(|held| held.invisible_until > now) {
                continue;
            }
            let wanted = random.random_range(1..=10 - received.len());
            for held in messages.iter_mut().take(wanted) {
                held.invisible_until = now + visibility;
                held.deliveries += 1;
                held.message.receive_count = held.deliveries;
                held.message.receipt_handle = format!("{}/{}", held.message.message_id, held.deliveries);
                received.push(held.message.clone());
            }
        }
        received
    }

    /// Deleting what is deleted already succeeds.
    pub(crate) fn delete(&mut self, message: &Received, now: u64) -> Result<(), Expired> {
        let Some(messages) = self.groups.get_mut(&message.group) else { return Ok(()) };
        let Some(index) = messages.iter().position(|held| held.message.message_id == message.message_id) else {
            return Ok(());
        };
        let held = &messages[index];
        if held.message.receipt_handle != message.receipt_handle || held.invisible_until <= now {
            return Err(Expired);
        }
        messages.remove(index);
        Ok(())
    }

    pub(crate) fn set_visibility(&mut self, message: &Received, visibility: u64, now: u64) -> Result<(), Expired> {
        let held = self.groups.get_mut(&message.group).into_iter().flatten();
        let mine = held.into_iter().find(|held| held.message.receipt_handle == message.receipt_handle);
        match mine.filter(|held| held.invisible_until > now) {
            Some(held) => held.invisible_until = now + visibility,
            None => return Err(Expired),
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.groups.values().all(VecDeque::is_empty)
    }
}
