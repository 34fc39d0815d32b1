//! Every change is exactly one of told, in a letter, or still on the queue; no message is deleted before an older one.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use proptest::prelude::*;
use uploader::acknowledge::Deletes;
use uploader::cause::{Cause, Outcome};
use uploader::settle::{LaneSettlement, Terms, settle};
use uploader::work::Place;

use crate::planning::lanes;
use crate::settling::{HOUR, shape};
use crate::world::{LIMITS, all_of_them, in_body, later, lettered, plan, received_work, rejected, terms, work};

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Delivered),
        2 => Just(rejected()),
        1 => Just(later(Cause::Token)),
        1 => Just(later(Cause::Unavailable)),
        1 => Just(later(Cause::NotTried)),
    ]
}

/// Deletes what `lanes` say, with some deletes failing; checks the order, and says what is gone.
fn delete_all(lanes: &[LaneSettlement], unwritten: &HashSet<Place>, fails: impl Fn(Place) -> bool) -> BTreeSet<Place> {
    let mut deletes = Deletes::new(lanes, unwritten);
    let mut gone = BTreeSet::new();
    loop {
        let round = deletes.next_round();
        if round.is_empty() {
            return gone;
        }
        let lanes_in_round: BTreeSet<_> = round.iter().map(|place| place.lane()).collect();
        assert_eq!(lanes_in_round.len(), round.len(), "two of a lane never go together");
        for place in round {
            if fails(place) {
                deletes.failed(place);
            } else {
                gone.insert(place);
            }
        }
    }
}

proptest! {
    #[test]
    fn each_change_is_told_or_lettered_or_still_on_the_queue(
        lanes in lanes(),
        outcomes in proptest::collection::vec(outcome(), 1..20),
        (age_hours, receives, dead, crowded) in (0_i64..30, 1_u32..5, any::<bool>(), any::<bool>()),
        failing in proptest::collection::vec(any::<bool>(), 1..7),
    ) {
        let work = received_work(&lanes, receives);
        let (mut plan, contents) = plan(&work, LIMITS);
        let waiting = plan.changes.iter_mut().filter(|change| change.waits());
        waiting.zip(outcomes.iter().cycle()).for_each(|(change, outcome)| change.outcome = outcome.clone());
        let terms = Terms { now_ms: age_hours * HOUR, dead, crowded, failing_since_ms: dead.then_some(0), ..terms() };
        let settled = settle(&work, &contents, &plan, terms);
        let letters = lettered(&settled);

        // Each message is done, the head, or behind it, in the order of its lane.
        for (lane, settled) in lanes.iter().zip(&settled) {
            let (done, head, behind) = shape(settled);
            let order: Vec<_> = done.into_iter().chain(head.map(|(place, _)| place)).chain(behind).collect();
            prop_assert_eq!(order, (0..u32::try_from(lane.len()).unwrap()).collect::<Vec<_>>());
        }
        let done: BTreeSet<Place> = settled.iter().flat_map(|lane| &lane.done).map(|done| done.place).collect();
        for change in &plan.changes {
            let origin = plan.origin(change).unwrap();
            let place = origin.place;
            let member = (if origin.erases { all_of_them() } else { change.audience }, change.id);
            let in_letter = letters.contains(&(member, change.action));
            match &change.outcome {
                Outcome::Later(_) => prop_assert_eq!(in_letter, done.contains(&place), "waits, or is given up with its message"),
                Outcome::Rejected(_) => prop_assert_eq!(in_letter, done.contains(&place)),
                Outcome::Delivered | Outcome::Superseded | Outcome::Dropped => {}
            }
        }

        // Whatever cannot be deleted or lettered, nothing overtakes it.
        let fails = |place: Place| failing[(place.lane() * 3 + place.position() as usize) % failing.len()];
        let unwritten: HashSet<Place> = done.iter().copied().filter(|place| fails(*place) && place.position() % 2 == 0).collect();
        let gone = delete_all(&settled, &unwritten, |place| fails(place) && place.position() % 2 == 1);
        for place in &gone {
            let older = done.iter().filter(|other| other.lane() == place.lane() && other.position() < place.position());
            prop_assert!(older.clone().all(|older| gone.contains(older)), "an older message stays");
            prop_assert!(!unwritten.contains(place));
        }
    }

    #[test]
    fn letters_say_what_their_message_said(lanes in lanes()) {
        let work = work(&lanes);
        let (mut plan, contents) = plan(&work, LIMITS);
        plan.changes.iter_mut().filter(|change| change.waits()).for_each(|change| change.outcome = rejected());
        for done in settle(&work, &contents, &plan, terms()).iter().flat_map(|lane| &lane.done) {
            let said: BTreeSet<_> = in_body(&work.at(done.place).unwrap().body).into_iter().collect();
            for letter in &done.letters {
                prop_assert!(in_body(&letter.outgoing().body).iter().all(|change| said.contains(change)));
                prop_assert!(!Arc::clone(&letter.reason).message.is_empty());
            }
        }
    }
}
