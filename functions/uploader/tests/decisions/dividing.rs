//! Dividing a refused call, against a TikTok that refuses whole calls with anything bad in them.

use std::collections::BTreeSet;
use std::sync::Arc;

use ids::AudienceId;
use proptest::prelude::*;
use uploader::cause::{Cause, Outcome, Reason};
use uploader::divide::{Answer, Division};
use uploader::plan::{Change, Plan, Span};

use crate::world::{LIMITS, Said, audience, plan, work};

/// A TikTok that refuses calls with a bad row or a missing audience, fails at those with certain rows or at certain times, and counts its
/// calls.
#[derive(Default)]
struct TikTok {
    bad: BTreeSet<String>,
    missing: BTreeSet<AudienceId>,
    failing: BTreeSet<String>,
    /// The calls that it fails at whatever they hold, counted from 1.
    failing_calls: BTreeSet<u32>,
    calls: u32,
    delivered: Vec<Span>,
}

impl TikTok {
    fn new(bad: impl IntoIterator<Item = u32>, missing: impl IntoIterator<Item = u32>) -> Self {
        Self { bad: hashes(bad), missing: missing.into_iter().map(audience).collect(), ..Self::default() }
    }

    fn refusal(&self, change: &Change) -> Option<(Cause, i64)> {
        if self.failing.contains(&change.id.to_string()) {
            Some((Cause::Unavailable, 50000))
        } else if self.missing.contains(&change.audience) {
            Some((Cause::AudienceMissing, 40007))
        } else {
            self.bad.contains(&change.id.to_string()).then_some((Cause::Rejected, 40002))
        }
    }

    fn answer(&mut self, plan: &Plan, rows: &[Span]) -> Answer {
        self.calls += 1;
        let failed = self.failing_calls.contains(&self.calls).then_some((Cause::Unavailable, 50000));
        let changes = || rows.iter().flat_map(|row| row.changes(&plan.changes));
        if let Some((cause, code)) = failed.or_else(|| changes().find_map(|change| self.refusal(change))) {
            Answer::Refused(Arc::new(Reason { code: Some(code), ..Reason::new(cause, "no").as_ref().clone() }))
        } else {
            self.delivered.extend(rows);
            Answer::Delivered
        }
    }
}

fn hashes(users: impl IntoIterator<Item = u32>) -> BTreeSet<String> {
    users.into_iter().map(crate::world::hash).collect()
}

/// Sends the one call of `plan` and divides it.
fn deliver(plan: &Plan, tiktok: &mut TikTok) -> Vec<(Span, Outcome)> {
    let rows = plan.calls[0].rows.clone();
    let answer = tiktok.answer(plan, &rows);
    let mut division = Division::new(&plan.changes, rows, answer);
    while let Some(part) = division.next_part() {
        let answer = tiktok.answer(plan, &part);
        division.answered(&plan.changes, answer);
    }
    division.finish()
}

fn users(count: u32, audiences: u32) -> Plan {
    let rows = (0..count).map(|user| Said { adds: (0..audiences).collect(), ..Said::joins(user, 0) }).collect();
    plan(&work(&[vec![rows]]), LIMITS).0
}

/// How many changes were delivered, rejected, and wait.
fn tally(plan: &Plan, outcomes: &[(Span, Outcome)]) -> [usize; 3] {
    let mut tally = [0; 3];
    for (span, outcome) in outcomes {
        let kind = match outcome {
            Outcome::Delivered => 0,
            Outcome::Rejected(_) => 1,
            Outcome::Later(_) => 2,
            Outcome::Superseded | Outcome::Dropped => panic!("dividing does not say that"),
        };
        tally[kind] += span.changes(&plan.changes).len();
    }
    tally
}

#[test]
fn sixteen_bad_rows_spread_over_a_thousand_cost_the_others_nothing() {
    let plan = users(1000, 1);
    let mut tiktok = TikTok::new((0..16).map(|n| n * 62 + 5), []);
    let outcomes = deliver(&plan, &mut tiktok);
    assert_eq!(tally(&plan, &outcomes), [984, 16, 0]);
    assert!(tiktok.calls < 230, "{} calls", tiktok.calls);
}

#[test]
fn where_all_is_bad_eight_rows_tell() {
    let plan = users(1000, 1);
    let mut tiktok = TikTok::new(0..1000, []);
    let outcomes = deliver(&plan, &mut tiktok);
    assert_eq!(tally(&plan, &outcomes), [0, 1000, 0]);
    assert_eq!(tiktok.calls, 9);
}

#[test]
fn where_one_of_the_samples_is_good_all_the_others_are_tried() {
    let plan = users(40, 1);
    let mut tiktok = TikTok::new((0..40).filter(|user| ![0, 23].contains(user)), []);
    let outcomes = deliver(&plan, &mut tiktok);
    assert_eq!(tally(&plan, &outcomes), [2, 38, 0]);
}

#[test]
fn a_missing_audience_among_five_is_found_in_a_few_calls() {
    let plan = users(200, 5);
    let mut tiktok = TikTok::new([], [3]);
    let outcomes = deliver(&plan, &mut tiktok);
    assert_eq!(tally(&plan, &outcomes), [800, 200, 0]);
    assert!(tiktok.calls <= 10, "{} calls", tiktok.calls);
}

#[test]
fn what_the_bound_leaves_untried_waits_and_is_not_rejected() {
    let plan = users(1000, 1);
    let mut tiktok = TikTok::new((0..1000).filter(|user| user % 2 == 1), []);
    let outcomes = deliver(&plan, &mut tiktok);
    let [delivered, rejected, waiting] = tally(&plan, &outcomes);
    assert!(
        tiktok.calls <= 401 && delivered > 50 && rejected > 50 && waiting > 500,
        "{delivered} {rejected} {waiting}"
    );
    let untried = outcomes.iter().find_map(|(_, outcome)| match outcome {
        Outcome::Later(reason) => Some(reason.cause),
        Outcome::Delivered | Outcome::Superseded | Outcome::Dropped | Outcome::Rejected(_) => None,
    });
    assert_eq!(untried, Some(Cause::NotTried));
}

#[test]
fn trouble_in_the_middle_stops_it_and_the_rest_waits_for_it() {
    let plan = users(100, 1);
    let mut tiktok = TikTok::new([50], []);
    let rows = plan.calls[0].rows.clone();
    let answer = tiktok.answer(&plan, &rows);
    let mut division = Division::new(&plan.changes, rows, answer);
    let first = division.next_part().unwrap();
    let answer = tiktok.answer(&plan, &first);
    division.answered(&plan.changes, answer);
    division.next_part().unwrap();
    division.answered(&plan.changes, Answer::Later(Reason::new(Cause::AppThrottled, "slow down")));
    assert_eq!(division.next_part(), None);
    let outcomes = division.finish();
    assert_eq!(tally(&plan, &outcomes), [1, 0, 99]);
}

#[test]
fn a_row_that_tiktok_fails_at_alone_waits_and_one_that_it_refuses_alone_is_rejected_whatever_the_whole_failed_with() {
    let plan = users(64, 1);
    for (bad, failing) in [(50, 40), (40, 50)] {
        let mut tiktok = TikTok { failing: hashes([failing]), ..TikTok::new([bad], []) };
        let outcomes = deliver(&plan, &mut tiktok);
        assert_eq!(tally(&plan, &outcomes), [62, 1, 1]);
    }
}

#[test]
fn rows_that_tiktok_fails_at_alike_stand_for_no_others() {
    let plan = users(1000, 1);
    let mut tiktok = TikTok { failing_calls: (2..20).collect(), ..TikTok::new([999], []) };
    let outcomes = deliver(&plan, &mut tiktok);
    assert_eq!(tally(&plan, &outcomes)[1], 0, "TikTok refused none of them alone");
}

#[test]
fn where_tiktok_fails_at_every_part_dividing_ends_soon_and_all_waits() {
    let plan = users(1000, 1);
    let rows = plan.calls[0].rows.clone();
    let failure = || Answer::Refused(Reason::new(Cause::Unavailable, "500"));
    let mut division = Division::new(&plan.changes, rows, failure());
    let mut calls = 1;
    while division.next_part().is_some() {
        calls += 1;
        division.answered(&plan.changes, failure());
    }
    assert_eq!((calls, tally(&plan, &division.finish())), (16, [0, 0, 1000]));
}

proptest! {
    #[test]
    fn each_row_is_settled_once_and_only_what_is_bad_is_rejected(
        count in 1_u32..60,
        audiences in 1_u32..4,
        bad in proptest::collection::btree_set(0_u32..60, 0..6),
        missing in proptest::collection::btree_set(0_u32..4, 0..2),
    ) {
        let plan = users(count, audiences);
        let mut tiktok = TikTok::new(bad, missing);
        let outcomes = deliver(&plan, &mut tiktok);
        let mut told = BTreeSet::new();
        for (span, outcome) in &outcomes {
            for change in span.changes(&plan.changes) {
                prop_assert!(told.insert((change.audience, change.id)), "settled twice");
                prop_assert_eq!(*outcome == Outcome::Delivered, tiktok.refusal(change).is_none(), "{:?}", outcome);
            }
        }
        prop_assert_eq!(told.len(), plan.changes.len());
        let delivered: usize = tiktok.delivered.iter().map(|span| span.changes(&plan.changes).len()).sum();
        prop_assert_eq!(delivered, tally(&plan, &outcomes)[0], "what was delivered is known to be");
    }

    #[test]
    fn whatever_tiktok_fails_at_meanwhile_only_what_it_refuses_is_rejected(
        count in 1_u32..60,
        audiences in 1_u32..4,
        bad in proptest::collection::btree_set(0_u32..60, 0..6),
        missing in proptest::collection::btree_set(0_u32..4, 0..2),
        failing in proptest::collection::btree_set(0_u32..60, 0..6),
        failing_calls in proptest::collection::btree_set(1_u32..60, 0..30),
    ) {
        let plan = users(count, audiences);
        let mut tiktok = TikTok { failing: hashes(failing), failing_calls, ..TikTok::new(bad, missing) };
        let outcomes = deliver(&plan, &mut tiktok);
        let told: usize = tally(&plan, &outcomes).iter().sum();
        prop_assert_eq!(told, plan.changes.len());
        for (span, outcome) in outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Rejected(_))) {
            for change in span.changes(&plan.changes) {
                let is_bad = tiktok.bad.contains(&change.id.to_string());
                prop_assert!(is_bad || tiktok.missing.contains(&change.audience), "{:?}", outcome);
            }
        }
    }
}
