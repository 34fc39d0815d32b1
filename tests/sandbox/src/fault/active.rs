//! The faults that are set, and which of them hits a call. It counts down and draws; it carries nothing out.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{Fault, When};

/// The faults that are set, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    active: Vec<Active>,
    last: u64,
    /// How many calls each hit, those that ended too.
    hits: BTreeMap<u64, u64>,
}

#[derive(Debug)]
struct Active {
    number: u64,
    fault: Fault,
    rng: StdRng,
}

/// What decides whether a fault is meant for a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) path: &'a str,
    pub(crate) advertiser_ids: &'a [String],
    pub(crate) action: Option<&'a str>,
    /// The SHA-256 of its token, in lower-case hex.
    pub(crate) token: Option<&'a str>,
}

impl Faults {
    /// Sets a fault and returns its number.
    pub(crate) fn add(&mut self, fault: Fault, seed: u64) -> u64 {
        self.last += 1;
        self.hits.insert(self.last, 0);
        let rng = StdRng::seed_from_u64(seed ^ self.last);
        self.active.push(Active { number: self.last, fault, rng });
        self.last
    }

    /// Takes one fault back; false if there is none of this number.
    pub(crate) fn remove(&mut self, number: u64) -> bool {
        let before = self.active.len();
        self.active.retain(|active| active.number != number);
        self.active.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    /// How many calls a fault has hit; `None` if there was none of this number.
    pub(crate) fn hits(&self, number: u64) -> Option<u64> {
        self.hits.get(&number).copied()
    }

    /// The faults set, with `skip` and `when` counted down.
    pub(crate) fn list(&self) -> Vec<Fault> {
        self.active.iter().map(|active| active.fault.clone()).collect()
    }

    /// The fault that hits this call: the oldest one that matches and is due.
    pub(crate) fn hit(&mut self, target: Target<'_>) -> Option<Fault> {
        let hit = self
            .active
            .iter_mut()
            .filter(|active| active.fault.matches(target))
            .find_map(|active| active.is_due().then(|| (active.number, active.fault.clone())));
        if let Some(hits) = hit.as_ref().and_then(|(number, _)| self.hits.get_mut(number)) {
            *hits += 1;
        }
        self.active.retain(|active| active.fault.when != When::Next(0));
        hit.map(|(_, fault)| fault)
    }
}

impl Fault {
    fn matches(&self, target: Target<'_>) -> bool {
        let token = |prefix: &String| target.token.is_some_and(|token| token.starts_with(prefix.as_str()));
        (self.paths.is_empty() || self.paths.iter().any(|path| path == target.path))
            && self.advertiser_id.as_ref().is_none_or(|id| target.advertiser_ids.contains(id))
            && self.action.as_deref().is_none_or(|action| target.action == Some(action))
            && self.token.as_ref().is_none_or(token)
    }
}

impl Active {
    fn is_due(&mut self) -> bool {
        if self.fault.skip > 0 {
            self.fault.skip -= 1;
            return false;
        }
        match &mut self.fault.when {
            When::Always => true,
            When::Next(left) => {
                *left = left.saturating_sub(1);
                true
            }
            When::Share(share) => self.rng.random_bool(share.clamp(0.0, 1.0)),
        }
    }
}
