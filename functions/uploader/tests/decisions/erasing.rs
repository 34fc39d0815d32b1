//! Erasures are settled like changes, and waited for longer.

use uploader::cause::{Cause, Outcome, Reason};
use uploader::settle::{LaneSettlement, Terms, settle};
use uploader::work::{Lane, Work};

use crate::settling::HOUR;
use crate::world::{LIMITS, Said, all_of_them, body, connection, in_body, later, message, plan, rejected, terms};

/// Settles a full lane of erasures that came to `outcome`, or of which the audiences are not known.
fn settle_erasures(outcome: Option<Outcome>, terms: Terms, change: impl Fn(&mut queue::Received)) -> LaneSettlement {
    let mut lane = Lane::default();
    for user in 0..10 {
        let mut message = message(&user.to_string(), 0, body(&[Said::is_forgotten(user)]));
        message.attributes.insert("subject_request_id".to_owned(), format!("r-{user}"));
        change(&mut message);
        lane.push(message);
    }
    let work = Work::new(connection(), vec![lane]);
    let (mut plan, contents) = plan(&work, LIMITS);
    match outcome {
        Some(outcome) => plan.changes.iter_mut().for_each(|change| change.outcome = outcome.clone()),
        None => plan = plan_without_list(&work),
    }
    settle(&work, &contents, &plan, terms).pop().unwrap()
}

fn plan_without_list(work: &Work) -> uploader::plan::Plan {
    let mut planner = uploader::plan::Planner::new();
    for (place, message) in work.messages() {
        for row in &envelope::Envelope::read(&message.body).unwrap().rows {
            planner.add(place, row);
        }
    }
    planner.plan(LIMITS, &Err(Reason::new(Cause::Unavailable, "no list")), |_, _| None)
}

#[test]
fn an_erasure_is_waited_for_eight_days_whatever_the_cause_and_never_crowded() {
    for outcome in [Some(later(Cause::Token)), Some(later(Cause::AdvertiserThrottled)), None] {
        for (days, stays) in [(1, true), (7, true), (8, false)] {
            let dead = Terms { dead: true, crowded: true, failing_since_ms: Some(0), ..terms() };
            let lane = settle_erasures(outcome.clone(), Terms { now_ms: days * 24 * HOUR, ..dead }, |message| {
                message.receive_count = 5;
            });
            assert_eq!(lane.head.is_some(), stays, "{outcome:?} {days}");
        }
    }
}

#[test]
fn the_letter_of_an_erasure_is_one_row_for_every_audience_and_names_the_persons_request() {
    let given_up = Terms { now_ms: 9 * 24 * HOUR, ..terms() };
    for (outcome, terms) in [(Some(rejected()), terms()), (None, given_up), (Some(later(Cause::Token)), given_up)] {
        let lane = settle_erasures(outcome.clone(), terms, |message| message.receive_count = 5);
        assert_eq!(lane.done.len(), 10, "{outcome:?}");
        let [letter] = lane.done[3].letters.as_slice() else { panic!("one letter: {:?}", lane.done[3].letters) };
        let outgoing = letter.outgoing();
        let expected = ((all_of_them(), crate::world::id(ids::IdType::Idfa, 3)), tiktok::Action::Delete);
        assert_eq!((in_body(&outgoing.body), letter.erases), (vec![expected], true));
        assert!(outgoing.attributes.contains(&("subject_request_id", "r-3".to_owned())));
    }
}

#[test]
fn an_erasure_whose_audiences_are_not_known_comes_back_later_each_time_though_its_connection_is_well() {
    let delay = |terms, receives| {
        let lane = settle_erasures(None, terms, |message| message.receive_count = receives);
        lane.head.unwrap().delay.as_secs()
    };
    assert_eq!([1, 3, 9].map(|receives| delay(terms(), receives)), [10, 40, 300]);
    // With a connection that is paused it comes back when the pause ends, however often it was received by then.
    let paused = Terms { stopped: true, ..terms() };
    assert_eq!([1, 3, 9].map(|receives| delay(paused, receives)), [10; 3]);
}
