//! The faults that are set, and which of them hits a call. It counts down and draws; it carries nothing out.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::fault::{Fault, When};

/// The faults that are set, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    set: Vec<Armed>,
    last: u64,
}

#[derive(Debug)]
struct Armed {
    number: u64,
    fault: Fault,
    rng: StdRng,
}

impl Faults {
    /// Sets a fault and returns its number.
    pub(crate) fn add(&mut self, fault: Fault, seed: u64) -> u64 {
        self.last += 1;
        let rng = StdRng::seed_from_u64(seed ^ self.last);
        self.set.push(Armed { number: self.last, fault, rng });
        self.last
    }

    /// Takes one fault back; false if there is none of this number.
    pub(crate) fn remove(&mut self, number: u64) -> bool {
        let before = self.set.len();
        self.set.retain(|armed| armed.number != number);
        self.set.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.set.clear();
    }

    /// The faults set, with `skip` and `when` counted down.
    pub(crate) fn list(&self) -> Vec<Fault> {
        self.set.iter().map(|armed| armed.fault.clone()).collect()
    }

    /// The fault that hits this call: the oldest one that matches and is due.
    pub(crate) fn hit(&mut self, path: &str, advertisers: &[String], action: Option<&str>) -> Option<Fault> {
        let hit = self
            .set
            .iter_mut()
            .filter(|armed| armed.fault.matches(path, advertisers, action))
            .find_map(|armed| armed.due().then(|| armed.fault.clone()));
        self.set.retain(|armed| armed.fault.when != When::Next(0));
        hit
    }
}

impl Armed {
    fn due(&mut self) -> bool {
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
