//! What became of a world: each difference from the model is in a dead letter, and each letter's cause is true.

mod letters;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use sandbox::journal::Entry;

use super::failures;
use super::plan::Size;
use super::world::{World, locked};
use crate::model::Difference;
use letters::{LetterChange, Letters};

/// Codes that a call gets which is not well formed. None of the world's own refusals has one of them.
const MALFORMED: [u32; 6] = [40000, 40002, 40011, 40061, 40062, 40104];

/// What was found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Ids in the audiences that they belong to.
    pub in_place: usize,
    /// Ids that should be in an audience and are not, or the other way round, by the cause of the letter that says so.
    pub explained: BTreeMap<String, usize>,
    /// Letters, by cause.
    pub letters: BTreeMap<String, usize>,
    /// What is wrong.
    pub wrong: Vec<String>,
}

impl Verdict {
    /// Looks at everything.
    pub(super) async fn of(world: &World<'_>) -> Result<Self> {
        let model = locked(&world.model).clone();
        let journal = world.stack.tiktok.journal().await?;
        let letters_taken = Letters::new(world.stack.take_letters().await?);
        let mut verdict = Self::default();
        for letter in &letters_taken.letters {
            *verdict.letters.entry(letter.cause().to_owned()).or_default() += letter.changes().max(1);
            verdict.all(letters::wrong_cause(world, letter, &journal));
        }
        let gone = world.gone();
        let disconnected = disconnected(world);
        for difference in model.differences(&world.stack.tiktok).await? {
            if disconnected.contains(&difference.audience_id) || is_forgotten(&difference, &gone) {
                continue;
            }
            match letters_taken.explain(&LetterChange::of(world, &difference)) {
                Some(cause) => *verdict.explained.entry(cause.to_owned()).or_default() += 1,
                None => verdict.wrong.push(format!("without a dead letter: {difference:?}")),
            }
        }
        let compared = model.compare(&world.stack.tiktok).await?;
        verdict.in_place = compared.iter().map(|audience| audience.expected - audience.missing).sum();
        for change in letters::unmapped(&model) {
            if letters_taken.explain(&change).is_none() {
                verdict.wrong.push(format!("no letter says that an audience was never connected: {change:?}"));
            }
        }
        verdict.calls(&journal);
        verdict.unknown_audiences(world).await?;
        verdict.feedback(world).await?;
        if world.plan.size == Size::Full {
            verdict.all(failures::never_fired(world).into_iter().map(|name| format!("never happened: {name}")));
        }
        Ok(verdict)
    }

    fn all(&mut self, wrong: impl IntoIterator<Item = String>) {
        self.wrong.extend(wrong);
    }

    /// The sandbox is strict: what it refuses without having been told to is the caller's mistake.
    fn calls(&mut self, journal: &[Entry]) {
        let malformed = journal.iter().filter(|call| {
            let code = call.code.is_some_and(|code| MALFORMED.contains(&code));
            call.fault.is_none() && (code || call.status.is_some_and(|status| status == 404 || status == 405))
        });
        let told = |call: &Entry| format!("a call is not well formed: {} answered {:?}", call.path, call.code);
        self.all(malformed.map(told));
    }

    /// Audiences that nobody knows, of calls that were carried out without an answer, have no members.
    async fn unknown_audiences(&mut self, world: &World<'_>) -> Result<()> {
        let mut known = BTreeSet::new();
        for live in &world.connections {
            known.extend(live.audiences().into_iter().filter_map(|audience| audience.tiktok_id));
        }
        for advertiser in &world.advertisers {
            for audience in world.stack.tiktok.audiences(advertiser).await? {
                if !known.contains(&audience.audience_id) && audience.members.values().any(|count| *count > 0) {
                    self.wrong.push(format!("an audience that nobody knows has members: {}", audience.audience_id));
                }
            }
        }
        Ok(())
    }

    async fn feedback(&mut self, world: &World<'_>) -> Result<()> {
        let sent = world.stack.cloud.clear_fault(world.feedback_fault).await?;
        if sent > 0 {
            self.wrong.push(format!("the uploader sent {sent} times to the queue that it reads"));
        }
        Ok(())
    }

    /// Adds something that is wrong.
    pub(super) fn add(&mut self, wrong: String) {
        self.wrong.push(wrong);
    }
}

/// Nobody can tell what is still carried out for an audience while it is being disconnected.
fn disconnected(world: &World<'_>) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for live in &world.connections {
        let audiences = locked(&live.audiences);
        let disconnected = audiences.iter().filter(|known| known.is_disconnected);
        ids.extend(disconnected.filter_map(|known| known.audience.tiktok_id.clone()));
    }
    ids
}

/// An audience that was deleted holds nobody who could be forgotten, and no letter is written of that.
fn is_forgotten(difference: &Difference, gone: &BTreeSet<String>) -> bool {
    difference.last.is_some_and(|last| last.erased) && gone.contains(&difference.audience_id)
}
