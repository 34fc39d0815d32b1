//! SQS FIFO as far as order depends on it: groups that are blocked while a message of theirs is in flight, and handles that expire.

use std::collections::{HashMap, VecDeque};

use envelope::GroupId;
use queue::Received;
use rand::RngExt;
use rand::rngs::StdRng;

/// The most messages that a receive gives, and so the most of a group that are in flight: the oldest ones.
const RECEIVED: usize = 10;

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
    groups: Vec<VecDeque<Held>>,
    by_name: HashMap<String, usize>,
    sent: u64,
}

impl Fifo {
    pub(crate) fn send(&mut self, group: &GroupId, body: String, now: u64) {
        self.sent += 1;
        let mut message = crate::world::message(&self.sent.to_string(), group.lane, body);
        message.group = group.to_string();
        message.sent_ms = i64::try_from(now * 1000).unwrap();
        let index = *self.by_name.entry(group.to_string()).or_insert_with(|| {
            self.groups.push(VecDeque::new());
            self.groups.len() - 1
        });
        self.groups[index].push_back(Held { message, invisible_until: 0, deliveries: 0 });
    }

    /// Up to 10 messages, of one free group first, then of others.
    pub(crate) fn receive(&mut self, now: u64, visibility: u64, random: &mut StdRng) -> Vec<Received> {
        let mut received = Vec::new();
        if self.groups.is_empty() {
            return received;
        }
        let first = random.random_range(0..self.groups.len());
        let (before, from) = self.groups.split_at_mut(first);
        for messages in from.iter_mut().chain(before) {
            let is_free =
                !messages.is_empty() && messages.iter().take(RECEIVED).all(|held| held.invisible_until <= now);
            if received.len() == RECEIVED || !is_free {
                continue;
            }
            let wanted = random.random_range(1..=RECEIVED - received.len());
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
        let Some(messages) = self.group(&message.group) else { return Ok(()) };
        let mine = messages.iter().take(RECEIVED).position(|held| held.message.message_id == message.message_id);
        let Some(index) = mine else { return Ok(()) };
        let held = &messages[index];
        if held.message.receipt_handle != message.receipt_handle || held.invisible_until <= now {
            return Err(Expired);
        }
        messages.remove(index);
        Ok(())
    }

    pub(crate) fn set_visibility(&mut self, message: &Received, visibility: u64, now: u64) -> Result<(), Expired> {
        let held = self.group(&message.group).into_iter().flatten().take(RECEIVED);
        let mine = held.into_iter().find(|held| held.message.receipt_handle == message.receipt_handle);
        match mine.filter(|held| held.invisible_until > now) {
            Some(held) => held.invisible_until = now + visibility,
            None => return Err(Expired),
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.groups.iter().all(VecDeque::is_empty)
    }

    fn group(&mut self, name: &str) -> Option<&mut VecDeque<Held>> {
        let index = *self.by_name.get(name)?;
        self.groups.get_mut(index)
    }
}
