//! The plan against a plain model: apply every change in the order of the queue, and compare what each audience holds.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use envelope::SentId;
use ids::{Encoding, IdType};
use proptest::prelude::*;
use tiktok::{Action, Mapping, Schema};
use uploader::cause::{Cause, Outcome, Reason};
use uploader::plan::{Limits, Plan, Planner};

use crate::world::{LIMITS, Member, Said, audience, id, last_word, listed, plan, work};

/// What TikTok holds after all calls of a plan, in whatever order they come.
fn told(plan: &Plan) -> BTreeMap<Member, bool> {
    let mut told = BTreeMap::new();
    for call in &plan.calls {
        for span in &call.rows {
            let row = plan.row(*span).unwrap();
            for audience in &row.audiences {
                assert_eq!(Schema::of(row.id.kind()), call.schema);
                let twice = told.insert((*audience, row.id), call.action == Action::Add);
                assert_eq!(twice, None, "told once");
            }
        }
    }
    told
}

#[test]
fn rows_of_many_messages_fill_calls_to_the_limit() {
    let messages = |lane: u32| (0..335).map(|n| vec![Said::joins(lane * 1000 + n, 1)]).collect();
    let work = work(&(0..7).map(messages).collect::<Vec<_>>());
    let sizes: Vec<_> = plan(&work, LIMITS).0.calls.iter().map(|call| call.rows.len()).collect();
    assert_eq!(sizes, [1000, 1000, 345]);
}

#[test]
fn those_who_join_and_those_who_leave_are_told_by_turns_and_the_oldest_first() {
    let lane = |n: u32| vec![vec![Said::joins(n, 1)], vec![Said::leaves(n + 50, 1)], vec![Said::joins(n + 100, 1)]];
    let work = work(&[lane(1), lane(2)]);
    let (plan, _) = plan(&work, Limits { rows: 2, bytes: 1_000_000 });
    let actions: Vec<_> = plan.calls.iter().map(|call| call.action).collect();
    assert_eq!(actions, [Action::Add, Action::Delete, Action::Add]);
    let place = |span: &uploader::plan::Span| {
        plan.origin(span.changes(&plan.changes).first().unwrap()).unwrap().place.position()
    };
    assert_eq!(plan.calls[0].rows.iter().map(place).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(plan.calls[2].rows.iter().map(place).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn a_row_larger_than_a_call_is_divided_by_audiences() {
    let many = Said { adds: (0..100).collect(), ..Said::joins(1, 0) };
    let (plan, _) = plan(&work(&[vec![vec![many]]]), Limits { rows: 1000, bytes: 2_000 });
    assert!(plan.calls.len() > 1);
    assert_eq!(told(&plan).len(), 100);
}

#[test]
fn ids_that_cannot_be_used_are_counted_and_not_told() {
    let work = work(&[vec![vec![Said::joins(1, 1)]]]);
    let place = work.messages().next().unwrap().0;
    let mut planner = Planner::new();
    let bad = [
        (Encoding::Raw, "00000000-0000-0000-0000-000000000000"),
        (Encoding::Raw, "nonsense"),
        (Encoding::Sha256, "0ca6a1feca650934a6a80edc68fde56f"),
    ];
    for (encoding, value) in bad {
        planner
            .add(place, &envelope::Row { id: SentId(IdType::Idfa, encoding, value.into()), ..Said::joins(1, 1).row() });
    }
    let plan = planner.plan(LIMITS, &Ok(Vec::new()), |_, _| None);
    assert_eq!((plan.counts.rows, plan.counts.nil, plan.counts.malformed, plan.counts.encoding), (3, 1, 1, 1));
    assert!(plan.calls.is_empty() && plan.changes.is_empty());
}

#[test]
fn an_erasure_is_told_of_every_audience_that_is_listed_or_was_named_before_and_newer_changes_win() {
    let messages = vec![
        vec![Said::joins(1, 0), Said::joins(1, 7)],
        vec![Said::joins(2, 7)],
        vec![Said::is_forgotten(1)],
        vec![Said::joins(1, 1), Said::joins(1, 8)],
    ];
    let (plan, _) = plan(&work(&[messages]), LIMITS);
    let of = |user| id(IdType::Idfa, user);
    let expected = [(0, 1, false), (1, 1, true), (2, 1, false), (7, 1, false), (8, 1, true), (7, 2, true)];
    let expected = expected.map(|(n, user, joins)| ((audience(n), of(user)), joins));
    assert_eq!(told(&plan), expected.into_iter().collect());
    assert_eq!((plan.counts.erasures, plan.erasures.len(), plan.erased()), (1, 0, 0));
}

#[test]
fn an_erasure_waits_where_the_audiences_are_not_known_and_an_audience_that_is_missing_holds_nobody() {
    let work = work(&[vec![vec![Said::is_forgotten(1), Said::joins(2, 0)]]]);
    let place = work.messages().next().unwrap().0;
    let planner = || {
        let mut planner = Planner::new();
        planner.add(place, &Said::is_forgotten(1).row());
        planner.add(place, &Said::joins(2, 0).row());
        planner
    };
    let reason = Reason::new(Cause::Unavailable, "no list");
    let waits = planner().plan(LIMITS, &Err(Arc::clone(&reason)), |_, _| None);
    assert_eq!(waits.erasures.iter().map(|erasure| &erasure.reason).collect::<Vec<_>>(), [&reason]);
    assert_eq!((told(&waits).len(), waits.erased()), (1, 0), "the other one is told all the same");

    let missing = Reason::new(Cause::AudienceMissing, "gone");
    let mut plan = planner().plan(LIMITS, &Ok(listed()), |_, _| None);
    let calls = std::mem::take(&mut plan.calls);
    for span in calls.iter().flat_map(|call| &call.rows) {
        plan.settle(*span, &Outcome::Rejected(Arc::clone(&missing)));
    }
    let count = |is: fn(&Outcome) -> bool| plan.changes.iter().filter(|change| is(&change.outcome)).count();
    assert_eq!(count(|outcome| *outcome == Outcome::Dropped), 3);
    assert_eq!((count(|outcome| matches!(outcome, Outcome::Rejected(_))), plan.erased()), (1, 1));
}

#[test]
fn erasures_that_would_become_too_many_changes_at_once_are_left_for_the_next_time() {
    let lane = (0..30).map(|user| vec![Said::is_forgotten(user)]).collect();
    let work = work(&[lane]);
    let mut planner = Planner::new();
    for (place, message) in work.messages() {
        for row in &envelope::Envelope::read(&message.body).unwrap().rows {
            planner.add(place, row);
        }
    }
    let plan = planner.plan(LIMITS, &Ok((0..10_000).map(audience).collect()), |_, _| None);
    assert_eq!((plan.changes.len(), plan.erasures.len()), (200_000, 10));
    assert!(plan.erasures.iter().all(|erasure| erasure.reason.cause == Cause::NotTried));
    assert!(plan.erasures.iter().all(|erasure| erasure.origin.place.position() >= 20), "the oldest come first");
}

#[test]
fn what_is_known_already_is_not_told() {
    let messages = vec![vec![Said::joins(1, 1)], vec![Said::joins(1, 2)]];
    let work = work(&[messages]);
    let mut planner = Planner::new();
    for (place, message) in work.messages() {
        for row in &envelope::Envelope::read(&message.body).unwrap().rows {
            planner.add(place, row);
        }
    }
    let plan =
        planner.plan(LIMITS, &Ok(Vec::new()), |change, _| (change.audience == audience(1)).then_some(Outcome::Dropped));
    assert_eq!(plan.counts.dropped, 1);
    assert_eq!(told(&plan).keys().map(|(audience, ..)| *audience).collect::<Vec<_>>(), [audience(2)]);
}

#[test]
fn an_envelope_with_as_many_audiences_as_fit_costs_memory_in_proportion_to_its_bytes() {
    let hostile = Said { adds: (0..40_000).collect(), ..Said::joins(1, 0) };
    let work = work(&[vec![vec![hostile]]]);
    let bytes: usize = work.messages().map(|(_, message)| message.body.len()).sum();
    let (plan, _) = plan(&work, LIMITS);
    assert!(plan.changes.len() * size_of::<uploader::plan::Change>() < bytes * 4);
    assert_eq!(plan.calls.iter().map(|call| call.rows.len()).max(), Some(1));
}

pub(crate) fn said(users: u32, audiences: u32) -> impl Strategy<Value = Said> {
    let device = prop_oneof![Just(IdType::Idfa), Just(IdType::Gaid), Just(IdType::Email)];
    let list = || proptest::collection::vec(0..audiences, 0..3);
    let erase = prop_oneof![4 => Just(false), 1 => Just(true)];
    let said = (0..users, device, erase, list(), list());
    said.prop_map(|(user, device, erase, adds, deletes)| Said { user, device, erase, adds, deletes })
}

/// Lanes of messages of rows; each user is in one lane.
pub(crate) fn lanes() -> impl Strategy<Value = Vec<Vec<Vec<Said>>>> {
    let lane = proptest::collection::vec(proptest::collection::vec(said(6, 4), 1..4), 1..5);
    proptest::collection::vec(lane, 1..4).prop_map(|lanes| {
        let own = |(lane, messages): (u32, Vec<Vec<Said>>)| {
            let rows =
                |rows: Vec<Said>| rows.into_iter().map(|row| Said { user: row.user + lane * 100, ..row }).collect();
            messages.into_iter().map(rows).collect()
        };
        (0..).zip(lanes).map(own).collect()
    })
}

proptest! {
    #[test]
    fn tiktok_is_told_the_last_word_on_everything_once(lanes in lanes(), rows in 1_usize..5, bytes in 400_usize..2_000) {
        let work = work(&lanes);
        let (plan, _) = plan(&work, Limits { rows, bytes });
        prop_assert_eq!(told(&plan), last_word(lanes.iter().flatten().flatten()));
        for call in &plan.calls {
            prop_assert!(call.rows.len() <= rows);
            let rows = call.rows.iter().map(|span| plan.row(*span).unwrap());
            let size: usize = rows.map(|row| tiktok::Row::json_bytes(row.id, row.audiences)).sum();
            prop_assert!(size + Mapping::OVERHEAD_BYTES <= bytes || call.rows.len() == 1);
        }
        let superseded = plan.changes.iter().filter(|change| change.outcome == Outcome::Superseded).count();
        prop_assert_eq!(superseded as u64, plan.counts.superseded);
        let distinct: HashSet<_> = plan.changes.iter().map(|c| (c.audience, c.id)).collect();
        prop_assert_eq!(plan.changes.len() - superseded, distinct.len());
    }
}
