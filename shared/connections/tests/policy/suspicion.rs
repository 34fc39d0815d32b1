//! When TikTok is asked about a token, and when nobody is given up.

use connections::{Brake, ProbeBackoff, ProbeRate, Record, Source, TokenStatus, UserId};
use ids::ConnectionId;
use proptest::prelude::*;

use crate::world::{DAY, GRACE, HOUR, MINUTE, NOW, accepted, account, connected, fingerprint, refusal};

fn status(record: &Record, token: &str) -> TokenStatus {
    TokenStatus::of(Some(record), account(1), fingerprint(token))
}

#[test]
fn while_the_connection_is_active_only_an_unknown_token_is_worth_asking_about() {
    let mut record = connected();
    record.accept(account(1), &accepted("a2"), Source::Update, NOW);
    for (token, is) in [("a2", TokenStatus::InUse), ("a1", TokenStatus::Replaced), ("a3", TokenStatus::Unproven)] {
        assert_eq!(status(&record, token), is, "{token}");
        for at_verification in [false, true] {
            assert_eq!(is.is_worth_asking(at_verification), token == "a3", "{token}");
        }
    }
}

#[test]
fn while_it_is_refused_or_dead_its_own_is_asked_about_at_a_verification_and_any_other_always() {
    let mut record = connected();
    record.accept(account(1), &accepted("a2"), Source::Update, NOW);
    for now_ms in [NOW, NOW + DAY] {
        record.refuse(account(1), &refusal("a2", NOW), now_ms, GRACE, false);
        assert_eq!(status(&record, "a2"), TokenStatus::Suspended);
        assert_eq!([false, true].map(|at| TokenStatus::Suspended.is_worth_asking(at)), [false, true]);
        assert_eq!(status(&record, "a1"), TokenStatus::Unproven, "the customer may go back to an older token");
        assert_eq!(status(&record, "a3"), TokenStatus::Unproven);
    }
}

#[test]
fn without_a_connection_any_token_is_worth_asking_about() {
    assert_eq!(TokenStatus::of(None, account(1), fingerprint("a1")), TokenStatus::Unproven);
    assert_eq!(TokenStatus::of(Some(&connected()), account(2), fingerprint("a1")), TokenStatus::Unproven);
}

fn connection(number: i64) -> ConnectionId {
    ConnectionId { advertiser: "7123".parse().unwrap(), account: account(number) }
}

#[test]
fn a_refused_token_is_asked_about_again_after_a_minute_doubling_to_an_hour() {
    let (mut backoff, mut now_ms) = (ProbeBackoff::default(), NOW);
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert!(backoff.may_ask(connection(1), fingerprint("x"), now_ms));
        backoff.refused(connection(1), fingerprint("x"), now_ms);
        now_ms += minutes * MINUTE;
        assert!(!backoff.may_ask(connection(1), fingerprint("x"), now_ms - 1), "{minutes}");
    }
    assert!(backoff.may_ask(connection(2), fingerprint("x"), NOW), "another connection");
    assert!(backoff.may_ask(connection(1), fingerprint("y"), NOW), "another token");
    backoff.accepted(connection(1), fingerprint("x"));
    assert!(backoff.may_ask(connection(1), fingerprint("x"), NOW));
}

#[test]
fn an_answer_that_decides_nothing_costs_a_minute_each_time() {
    let mut backoff = ProbeBackoff::default();
    for now_ms in [NOW, NOW + MINUTE, NOW + 2 * MINUTE] {
        assert!(backoff.may_ask(connection(1), fingerprint("x"), now_ms));
        backoff.undecided(connection(1), fingerprint("x"), now_ms);
        assert!(!backoff.may_ask(connection(1), fingerprint("x"), now_ms + MINUTE - 1));
    }
}

#[test]
fn invented_tokens_push_out_those_that_may_be_asked_about_soonest() {
    let mut backoff = ProbeBackoff::default();
    backoff.refused(connection(1), fingerprint("x"), NOW);
    backoff.refused(connection(1), fingerprint("x"), NOW);
    for n in 0..10_000 {
        backoff.refused(connection(2), fingerprint(&n.to_string()), NOW);
    }
    assert!(!backoff.may_ask(connection(1), fingerprint("x"), NOW), "it waits for longer than the others");
    let free = (0..10_000).filter(|n: &i32| backoff.may_ask(connection(2), fingerprint(&n.to_string()), NOW)).count();
    assert_eq!(free, 1);
}

#[test]
fn a_process_asks_once_a_second_with_a_burst_of_five() {
    let mut rate = ProbeRate::default();
    let mut taken = |now_ms, tries| (0..tries).filter(|_| rate.take(now_ms)).count();
    assert_eq!(taken(NOW, 10), 5);
    assert_eq!(taken(NOW + 999, 10), 0);
    assert_eq!(taken(NOW + 1_000, 10), 1);
    assert_eq!(taken(NOW + 3_500, 10), 2);
    assert_eq!(taken(NOW + HOUR, 10), 5);
    assert_eq!(taken(NOW, 10), 0, "the clock was set back");
    assert_eq!(taken(NOW + 1_000, 10), 1);
}

fn users(outcomes: &[(u32, bool)], brake: &mut Brake, now_ms: i64) {
    for (user, accepted) in outcomes {
        brake.note(&UserId::new(user.to_string()), *accepted, now_ms);
    }
}

#[test]
fn the_brake_counts_users_and_the_latest_outcome_of_each() {
    let is_on = |outcomes: &[(u32, bool)]| {
        let mut brake = Brake::default();
        users(outcomes, &mut brake, NOW);
        brake.is_on(NOW)
    };
    assert!(!is_on(&[]));
    assert!(!is_on(&[(1, false), (1, false), (1, false)]), "one user may have granted many");
    assert!(is_on(&[(1, false), (2, false)]));
    assert!(!is_on(&[(1, false), (2, false), (2, true)]));
    assert!(is_on(&[(1, true), (2, false), (1, false)]));
    assert!(!is_on(&[(1, false), (2, false), (3, false), (4, true)]), "more than half, of fewer than five");
    assert!(is_on(&[(1, false), (2, false), (3, false), (4, true), (5, true)]));
    assert!(!is_on(&[(1, false), (2, false), (3, false), (4, true), (5, true), (6, true)]), "half");
}

#[test]
fn the_brake_forgets_after_ten_minutes() {
    let mut brake = Brake::default();
    users(&[(1, false), (2, false)], &mut brake, NOW);
    assert!(brake.is_on(NOW + 10 * MINUTE - 1));
    assert!(!brake.is_on(NOW + 10 * MINUTE));
}

#[test]
fn however_many_users_the_latest_ones_count() {
    let mut brake = Brake::default();
    for n in 0..4_500 {
        users(&[(n, true)], &mut brake, NOW + i64::from(n));
    }
    for n in 0..4_096 {
        users(&[(10_000 + n, false)], &mut brake, NOW + 4_500 + i64::from(n));
    }
    assert!(brake.is_on(NOW + 9_000));
}

proptest! {
    #[test]
    fn no_clock_makes_them_panic(times in prop::collection::vec(any::<i64>(), 1..40)) {
        let (mut backoff, mut rate, mut brake) = (ProbeBackoff::default(), ProbeRate::default(), Brake::default());
        for now_ms in times {
            let may = backoff.may_ask(connection(1), fingerprint("x"), now_ms);
            backoff.refused(connection(1), fingerprint("x"), now_ms);
            backoff.undecided(connection(2), fingerprint("x"), now_ms);
            rate.take(now_ms);
            brake.note(&UserId::new("u"), may, now_ms);
            prop_assert!(!brake.is_on(now_ms), "one user never puts it on");
        }
    }
}
