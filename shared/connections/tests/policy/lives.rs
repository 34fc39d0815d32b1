//! What holds for every sequence of events.

use std::collections::HashMap;

use connections::{Record, Source, State, Transition};
use ids::AccountId;
use proptest::prelude::*;

use crate::world::{DAY, Event, GRACE, HOUR, NOW, Step, accepted, account, essence, fingerprint, lives, refusal};

/// Goes through a life, and shows each step with the record before and after it.
fn live(steps: &[Step], mut see: impl FnMut(&Step, i64, &Record, &Record, Option<Transition>)) -> (Record, i64) {
    let (mut record, mut now_ms) = (Record::default(), NOW);
    for step in steps {
        now_ms += step.after_ms;
        let before = record.clone();
        let transition = step.apply(&mut record, now_ms);
        see(step, now_ms, &before, &record, transition);
    }
    (record, now_ms)
}

/// The token in use is the page's, and mParticle brought it too.
fn is_pasted(account: AccountId, before: &Record, after: &Record) -> bool {
    let is_of_page = |record: &Record| record.get(account).is_some_and(|connection| connection.source == Source::Page);
    is_of_page(before) && !is_of_page(after)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_token_goes_only_when_another_is_accepted_for_its_connection(steps in lives(80)) {
        live(&steps, |step, now_ms, before, after, _| {
            for (account, was) in before.connections() {
                match after.get(account) {
                    Some(is) if is.fingerprint == was.fingerprint => {}
                    Some(is) => {
                        assert_eq!(account, step.account);
                        assert_eq!(Some(is.fingerprint), step.brings().map(fingerprint));
                        assert!(is.state.is_active());
                    }
                    None => {
                        assert_ne!(account, step.account, "never the one that is written for");
                        assert!(now_ms - (was.last_used_week + 1) * 7 * DAY >= 90 * DAY, "unused for 90 days");
                    }
                }
            }
        });
    }

    #[test]
    fn an_event_changes_no_other_connection(steps in lives(80)) {
        live(&steps, |step, _, before, after, _| {
            for (account, was) in before.connections().filter(|(account, _)| *account != step.account) {
                let Some(is) = after.get(account) else { continue };
                assert_eq!(essence(is), essence(was));
                assert!(is.created.iter().all(|created| was.created.contains(created)));
            }
            let is_new = |account| before.get(account).is_none();
            assert!(after.connections().all(|(account, _)| account == step.account || !is_new(account)));
        });
    }

    #[test]
    fn only_an_accepted_token_makes_a_connection(steps in lives(40)) {
        live(&steps, |step, _, before, after, _| {
            let is_made = before.get(step.account).is_none() && after.get(step.account).is_some();
            assert!(!is_made || matches!(step.event, Event::Accept { .. }));
        });
    }

    #[test]
    fn the_transition_says_whether_anything_matters(steps in lives(80)) {
        live(&steps, |step, _, before, after, transition| match transition {
            Some(Transition::Unchanged) if is_pasted(step.account, before, after) => {}
            Some(Transition::Unchanged) => assert_eq!(after, before),
            Some(_) => assert_ne!(after, before),
            None => {}
        });
    }

    #[test]
    fn nobody_dies_braked_or_before_the_grace_or_by_another_token(steps in lives(80)) {
        live(&steps, |step, now_ms, before, after, transition| {
            let Some(is) = after.get(step.account) else { return };
            let State::Dead { since_ms, died_ms, .. } = is.state else { return };
            if transition == Some(Transition::Dead) {
                let Event::Refuse { token, grace, braked, .. } = &step.event else { panic!("{:?} kills", step.event) };
                let was = before.get(step.account).unwrap();
                assert!(!braked && !was.state.is_dead());
                assert_eq!(was.fingerprint, fingerprint(token));
                assert_eq!(died_ms, now_ms);
                assert!(u128::try_from(died_ms - since_ms).unwrap() >= grace.as_millis());
                assert!(since_ms >= was.since_ms, "nothing was accepted in between");
            } else {
                assert_eq!(before.get(step.account).map(|was| was.state), Some(is.state));
            }
        });
    }

    #[test]
    fn every_connection_that_tiktok_accepts_again_lives(steps in lives(80)) {
        let (record, now_ms) = live(&steps, |_, _, _, _, _| {});
        for (account, connection) in record.connections() {
            let is_alive = |record: &Record| record.get(account).unwrap().state.is_active();
            let was_alive = connection.state.is_active();

            let mut again = record.clone();
            let transition = again.revive(account, connection.fingerprint, now_ms);
            prop_assert!(is_alive(&again));
            prop_assert_eq!(was_alive, transition == Transition::Unchanged);
            for token in ["a1", "b1", "new"] {
                let mut pasted = record.clone();
                pasted.accept(account, &accepted(token), Source::Membership, now_ms);
                prop_assert!(is_alive(&pasted));
            }
            let mut page = record.clone();
            let mut new = accepted("new");
            new.user = connection.user.clone();
            page.replace_refused(account, connection.fingerprint, &new, now_ms);
            prop_assert!(is_alive(&page));
            prop_assert_eq!(page.get(account).unwrap().fingerprint, new.fingerprint());
        }
    }

    #[test]
    fn at_most_20_refusals_are_written_a_day(refused in prop::collection::vec((1..4_i64, 0..HOUR / 2), 100..150)) {
        let (mut record, mut now_ms) = (Record::default(), NOW);
        for n in 1..4 {
            record.accept(account(n), &accepted("a1"), Source::Connect, now_ms);
        }
        let mut written = HashMap::new();
        for (n, after_ms) in refused {
            now_ms += after_ms;
            if record.refuse(account(n), &refusal("a1", now_ms), now_ms, GRACE, true) == Transition::Refused {
                *written.entry(now_ms.div_euclid(DAY)).or_insert(0) += 1;
                record.revive(account(n), fingerprint("a1"), now_ms);
            }
        }
        prop_assert!(written.values().all(|count| *count <= 20));
        prop_assert!(written.values().any(|count| *count == 20), "the first days are full");
    }

    #[test]
    fn replaced_tokens_are_few_once_each_and_not_in_use(steps in lives(80)) {
        live(&steps, |_, _, _, after, _| {
            for (_, connection) in after.connections() {
                let replaced = &connection.replaced;
                assert!(replaced.len() <= 8 && !replaced.contains(&connection.fingerprint));
                assert!((1..replaced.len()).all(|n| !replaced[..n].contains(&replaced[n])));
            }
        });
    }

    #[test]
    fn a_record_reads_back_as_it_was_written(steps in lives(60)) {
        let (record, _) = live(&steps, |_, _, _, _, _| {});
        prop_assert_eq!(Record::from_json(&record.to_json().unwrap()), Ok(record));
    }
}
