//! Each transition by example.

use std::time::Duration;

use connections::{Record, RevivedBy, Source, State, Transition};

use crate::world::{DAY, GRACE, HOUR, MINUTE, NOW, accepted, account, connected, fingerprint, refusal, state};

fn refuse(record: &mut Record, first_ms: i64, now_ms: i64) -> Transition {
    record.refuse(account(1), &refusal("a1", first_ms), now_ms, GRACE, false)
}

#[test]
fn it_is_refused_first_and_dies_when_the_grace_is_over() {
    let mut record = connected();
    assert_eq!(refuse(&mut record, NOW + MINUTE, NOW + MINUTE + 5), Transition::Refused);
    assert_eq!(state(&record, 1), State::Refused { since_ms: NOW + MINUTE, code: Some(40_105) });
    assert_eq!(refuse(&mut record, NOW + 50 * MINUTE, NOW + 50 * MINUTE), Transition::Unchanged);
    assert_eq!(refuse(&mut record, NOW + 61 * MINUTE, NOW + 61 * MINUTE), Transition::Dead);
    let died = State::Dead { since_ms: NOW + MINUTE, died_ms: NOW + 61 * MINUTE, code: Some(40_105) };
    assert_eq!(state(&record, 1), died);
    assert_eq!(refuse(&mut record, NOW, NOW + DAY), Transition::Unchanged);
    assert_eq!(state(&record, 1), died);
}

#[test]
fn without_a_grace_the_first_confirmed_refusal_kills() {
    let mut record = connected();
    let now_ms = NOW + 1;
    assert_eq!(record.refuse(account(1), &refusal("a1", now_ms), now_ms, Duration::ZERO, false), Transition::Dead);
}

#[test]
fn while_braked_it_is_refused_and_no_more() {
    let mut record = connected();
    let refusal = refusal("a1", NOW);
    assert_eq!(record.refuse(account(1), &refusal, NOW + DAY, Duration::ZERO, true), Transition::Refused);
    assert_eq!(record.refuse(account(1), &refusal, NOW + 2 * DAY, GRACE, true), Transition::Unchanged);
    assert_eq!(record.refuse(account(1), &refusal, NOW + 3 * DAY, GRACE, false), Transition::Dead);
}

#[test]
fn a_refusal_from_before_it_was_accepted_again_does_not_count() {
    let mut record = connected();
    assert_eq!(refuse(&mut record, NOW, NOW + 1), Transition::Refused);
    assert_eq!(
        record.revive(account(1), fingerprint("a1"), NOW + 2 * HOUR),
        Transition::Revived(RevivedBy::AcceptedAgain)
    );
    assert_eq!(refuse(&mut record, NOW, NOW + 2 * HOUR + 1), Transition::Refused);
    assert_eq!(refuse(&mut record, NOW, NOW + 3 * HOUR - 1), Transition::Unchanged);
}

#[test]
fn a_refusal_of_another_token_changes_nothing() {
    let mut record = connected();
    record.accept(account(1), &accepted("a2"), Source::Page, NOW + 1);
    assert_eq!(refuse(&mut record, NOW, NOW + DAY), Transition::Unchanged);
    assert_eq!(record.revive(account(1), fingerprint("a1"), NOW + 2), Transition::Unchanged);
    assert_eq!(record.refuse(account(2), &refusal("a2", NOW), NOW + DAY, GRACE, false), Transition::Unchanged);
}

#[test]
fn over_the_budget_a_refusal_is_not_written_but_death_and_life_are() {
    let mut record = connected();
    for n in 1..=20 {
        assert_eq!(refuse(&mut record, NOW + n, NOW + n), Transition::Refused);
        record.revive(account(1), fingerprint("a1"), NOW + n);
    }
    assert_eq!(refuse(&mut record, NOW + 21, NOW + 21), Transition::Unchanged);
    assert_eq!(refuse(&mut record, NOW + 21, NOW + 21 + HOUR), Transition::Dead, "known to be refused for an hour");
    assert!(matches!(record.revive(account(1), fingerprint("a1"), NOW + 2 * HOUR), Transition::Revived(_)));
    assert_eq!(refuse(&mut record, NOW + DAY, NOW + DAY), Transition::Refused, "another day");
}

#[test]
fn how_it_came_back_to_life_is_told() {
    let mut dead = connected();
    assert_eq!(refuse(&mut dead, NOW, NOW + DAY), Transition::Dead);

    let revived = |how| Transition::Revived(how);
    let at = NOW + 2 * DAY;
    let by = |token, source| dead.clone().accept(account(1), &accepted(token), source, at);
    assert_eq!(by("a1", Source::Update), revived(RevivedBy::AcceptedAgain));
    assert_eq!(by("a2", Source::Update), revived(RevivedBy::NewToken(Source::Update)));
    assert_eq!(by("b1", Source::Membership), revived(RevivedBy::NewToken(Source::Membership)));
    let page = dead.clone().replace_refused(account(1), fingerprint("a1"), &accepted("a2"), at);
    assert_eq!(page, revived(RevivedBy::NewToken(Source::Page)));
    assert_eq!([RevivedBy::AcceptedAgain.word(), RevivedBy::NewToken(Source::Page).word()], ["accepted_again", "page"]);
}

#[test]
fn a_new_token_takes_the_place_of_a_living_one_and_the_old_one_is_remembered() {
    let mut record = connected();
    for n in 2..12 {
        let transition = record.accept(account(1), &accepted(&format!("a{n}")), Source::Update, NOW + n);
        assert_eq!(transition, Transition::Replaced);
    }
    let connection = record.get(account(1)).unwrap();
    let newest: Vec<_> = (3..11).rev().map(|n| fingerprint(&format!("a{n}"))).collect();
    assert_eq!(connection.replaced, newest);
    assert_eq!((connection.fingerprint, connection.since_ms), (fingerprint("a11"), NOW + 11));

    record.accept(account(1), &accepted("a9"), Source::Connect, NOW + 12);
    let connection = record.get(account(1)).unwrap();
    assert_eq!(connection.replaced.first(), Some(&fingerprint("a11")));
    assert!(!connection.replaced.contains(&fingerprint("a9")), "it is in use");
}

/// The page's tokens `of` replace the one in use, and each other.
fn replaced_by_the_page(record: &mut Record, of: std::ops::Range<i64>) {
    for n in of {
        let in_use = record.get(account(1)).unwrap().fingerprint;
        let transition = record.replace_refused(account(1), in_use, &accepted(&format!("a{n}")), NOW + n);
        assert_eq!(transition, Transition::Replaced);
    }
}

#[test]
fn the_token_that_mparticle_sends_is_remembered_however_often_the_page_replaces_it() {
    let mut record = connected();
    replaced_by_the_page(&mut record, 2..30);
    let names = ["a1", "a28", "a27", "a26", "a25", "a24", "a23", "a22"];
    assert_eq!(record.get(account(1)).unwrap().replaced, names.map(fingerprint));

    record.accept(account(1), &accepted("a30"), Source::Update, NOW + 30);
    replaced_by_the_page(&mut record, 31..60);
    let replaced = &record.get(account(1)).unwrap().replaced;
    assert_eq!(replaced.first(), Some(&fingerprint("a30")));
    assert!(!replaced.contains(&fingerprint("a1")), "mParticle sends another one by now");
}

#[test]
fn a_token_of_the_page_that_was_pasted_into_mparticle_is_one_that_mparticle_sends() {
    let mut record = connected();
    replaced_by_the_page(&mut record, 2..4);
    record.accept(account(1), &accepted("a3"), Source::Update, NOW + 4);
    replaced_by_the_page(&mut record, 5..30);
    assert_eq!(record.get(account(1)).unwrap().replaced.first(), Some(&fingerprint("a3")));
}

#[test]
fn the_page_replaces_only_the_token_it_asked_about_and_only_of_its_user() {
    let mut record = connected();
    let mut page = |refused, token| record.replace_refused(account(1), fingerprint(refused), &accepted(token), NOW + 1);
    assert_eq!(page("a1", "b1"), Transition::Unchanged, "a former agency does not ride on its client's token");
    assert_eq!(page("a0", "a2"), Transition::Unchanged, "somebody was first");
    assert_eq!(page("a1", "a2"), Transition::Replaced, "active in the record, though TikTok refuses it");
    assert_eq!(record.replace_refused(account(2), fingerprint("a1"), &accepted("a2"), NOW), Transition::Unchanged);
}

#[test]
fn the_page_finds_the_connections_of_its_user() {
    let mut record = connected();
    record.accept(account(2), &accepted("b1"), Source::Connect, NOW);
    record.accept(account(3), &accepted("a2"), Source::Connect, NOW);
    let of_a: Vec<_> = record.connections_of(&accepted("a9").user).map(|(account, _)| account).collect();
    assert_eq!(of_a, [account(1), account(3)]);
}

#[test]
fn use_is_noted_once_a_week_and_keeps_a_connection() {
    let mut record = connected();
    assert!(!record.use_in_week(account(1), NOW));
    assert!(!record.use_in_week(account(2), NOW), "no such connection");
    record.accept(account(2), &accepted("b1"), Source::Connect, NOW);
    assert!(record.use_in_week(account(1), NOW + 60 * DAY));
    assert!(!record.use_in_week(account(1), NOW + 60 * DAY));

    record.use_in_week(account(1), NOW + 89 * DAY);
    assert!(record.get(account(2)).is_some());
    assert!(record.use_in_week(account(1), NOW + 98 * DAY));
    assert!(record.get(account(2)).is_none(), "unused for 90 days, and the week it was used in");
    assert!(record.get(account(1)).is_some());
}

#[test]
fn neither_a_token_nor_a_user_is_in_debug_output() {
    let mut record = Record::default();
    let accepted = connections::Accepted { token: "s3cr3t".into(), user: connections::UserId::new("some-person") };
    record.accept(account(1), &accepted, Source::Connect, NOW);
    let shown = format!("{record:?} {accepted:?}");
    assert!(!shown.contains("s3cr3t") && !shown.contains("some-person"), "{shown}");
}
