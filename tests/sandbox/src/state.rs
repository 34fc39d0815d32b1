//! All that a sandbox knows, behind one lock. The lock is held for the length of a decision, never across a wait.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fault::active::Faults;
use crate::journal::Journal;
use crate::limits::Counters;
use crate::rules::{RuleBook, Rules};
use crate::seed;
use crate::world::World;

/// The state of one sandbox.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) rules: RuleBook,
    pub(crate) world: World,
    pub(crate) counters: Counters,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
}

/// The state, shared by all connections.
#[derive(Debug)]
pub(crate) struct Sandbox(Mutex<State>);

impl Sandbox {
    pub(crate) fn new(rules: Rules) -> Self {
        Self(Mutex::new(State {
            world: seed::world(&rules),
            rules: RuleBook::new(rules),
            counters: Counters::default(),
            faults: Faults::default(),
            journal: Journal::default(),
        }))
    }

    /// The state, for this caller alone. A panic elsewhere does not take the sandbox away from the other stories.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
