//! Settling: what becomes of each message of a lane, and when what stays comes back.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use uploader::acknowledge::Deletes;
use uploader::cause::{Cause, Outcome, Reason};
use uploader::settle::{Content, LaneSettlement, Terms, settle};
use uploader::work::{Lane, Place, Work};

use crate::world::{LIMITS, Said, body, connection, later, message, plan, rejected, terms, work};

pub(crate) const HOUR: i64 = 3_600_000;

/// Settles one lane of messages of one join each, whose changes came to `outcomes`.
fn settle_lane(outcomes: &[Outcome], terms: Terms, change: impl Fn(&mut queue::Received)) -> LaneSettlement {
    let mut lane = Lane::default();
    for n in 0..outcomes.len() {
        let user = u32::try_from(n).unwrap();
        let mut message = message(&n.to_string(), 0, body(&[Said::joins(user, 1)]));
        change(&mut message);
        lane.push(message);
    }
    let work = Work::new(connection(), vec![lane]);
    let (mut plan, contents) = plan(&work, LIMITS);
    for change in &mut plan.changes {
        let user = (0..100).find(|user| crate::world::id(change.id.kind(), *user) == change.id).unwrap();
        change.outcome = outcomes[user as usize].clone();
    }
    settle(&work, &contents, &plan, terms).pop().unwrap()
}

fn causes(lane: &LaneSettlement) -> Vec<Vec<Cause>> {
    let of = |done: &uploader::settle::Done| done.letters.iter().map(|letter| letter.reason.cause).collect();
    lane.done.iter().map(of).collect()
}

/// Positions of what is done, of the head, and of those behind.
pub(crate) fn shape(lane: &LaneSettlement) -> (Vec<u32>, Option<(u32, u64)>, Vec<u32>) {
    (
        lane.done.iter().map(|done| done.place.position()).collect(),
        lane.head.as_ref().map(|head| (head.place.position(), head.delay.as_secs())),
        lane.behind.iter().map(|place| place.position()).collect(),
    )
}

#[test]
fn the_first_message_that_waits_blocks_the_lane_and_what_is_behind_it_waits_with_it() {
    let outcomes = [Outcome::Delivered, later(Cause::Unavailable), Outcome::Delivered, later(Cause::Unavailable)];
    let lane = settle_lane(&outcomes, terms(), |_| {});
    assert_eq!(shape(&lane), (vec![0], Some((1, 10)), vec![2, 3]));
}

#[test]
fn what_is_rejected_becomes_a_letter_and_is_done() {
    let lane = settle_lane(&[rejected(), Outcome::Delivered], terms(), |_| {});
    assert_eq!(shape(&lane), (vec![0, 1], None, vec![]));
    assert_eq!(causes(&lane), [vec![Cause::Rejected], vec![]]);
}

#[test]
fn what_was_not_tried_comes_back_at_once_and_does_not_age() {
    let old = Terms { now_ms: 9 * 24 * HOUR, failing_since_ms: Some(0), ..terms() };
    let lane = settle_lane(&[later(Cause::NotTried)], old, |message| message.receive_count = 50);
    assert_eq!(shape(&lane), (vec![], Some((0, 0)), vec![]));
}

#[test]
fn a_cause_of_its_own_is_waited_for_a_day_and_everybodys_for_eight() {
    for (cause, days) in
        [(Cause::Token, 1), (Cause::AdvertiserThrottled, 1), (Cause::Unavailable, 8), (Cause::Operator, 8)]
    {
        for (age, given_up) in [(days * 24 * HOUR - 1, false), (days * 24 * HOUR, true)] {
            let terms = Terms { now_ms: age, ..terms() };
            let lane = settle_lane(&[later(cause)], terms, |message| message.receive_count = 3);
            assert_eq!(lane.head.is_none(), given_up, "{cause:?} after {age} ms");
            assert_eq!(causes(&lane), if given_up { vec![vec![cause]] } else { vec![] });
        }
    }
}

#[test]
fn age_is_judged_after_three_receives_or_when_the_connection_has_been_failing_for_longer_than_the_limit() {
    let day_old = Terms { now_ms: 25 * HOUR, ..terms() };
    let twice = |message: &mut queue::Received| message.receive_count = 2;
    assert!(settle_lane(&[later(Cause::Token)], day_old, twice).head.is_some());
    let dead = Terms { failing_since_ms: Some(0), ..day_old };
    assert!(settle_lane(&[later(Cause::Token)], dead, twice).head.is_none());
}

#[test]
fn what_waited_for_everybodys_trouble_within_the_hour_is_waited_for_for_eight_days_unless_it_crowds() {
    let cases = [(59, 2, false, false), (59, 8, false, true), (60, 2, false, true), (59, 2, true, true)];
    for (minutes, days, crowded, given_up) in cases {
        let waited_for_all = Some(Duration::from_mins(minutes));
        let terms = Terms { waited_for_all, crowded, dead: true, now_ms: days * 24 * HOUR, ..terms() };
        let ten = vec![later(Cause::AdvertiserThrottled); 10];
        let lane = settle_lane(&ten, terms, |message| message.receive_count = 3);
        assert_eq!(lane.head.is_none(), given_up, "{minutes} minutes after it, {days} days old");
    }
}

#[test]
fn after_its_letters_a_lane_is_not_delayed() {
    let outcomes = [later(Cause::Token), later(Cause::Token)];
    let terms = Terms { now_ms: 25 * HOUR, ..terms() };
    let young_second = |message: &mut queue::Received| {
        message.receive_count = 3;
        message.sent_ms = if message.message_id == "1" { 20 * HOUR } else { 0 };
    };
    let lane = settle_lane(&outcomes, terms, young_second);
    assert_eq!(shape(&lane), (vec![0], Some((1, 0)), vec![]));
}

#[test]
fn before_sqs_would_take_it_a_message_becomes_a_letter_whatever_it_waits_for() {
    for (receives, age) in [(900, 0), (1, 13 * 24 * HOUR)] {
        let terms = Terms { now_ms: age, ..terms() };
        let lane = settle_lane(&[later(Cause::NotTried)], terms, |message| message.receive_count = receives);
        assert_eq!(causes(&lane), [vec![Cause::NotTried]]);
    }
}

#[test]
fn in_a_crowd_only_full_lanes_of_dead_or_long_blocked_connections_with_a_cause_of_their_own_are_given_up() {
    let crowd = Terms { crowded: true, dead: true, ..terms() };
    let ten = |cause| vec![later(cause); 10];
    assert_eq!(causes(&settle_lane(&ten(Cause::Token), crowd, |_| {})), vec![vec![Cause::Crowded]; 10]);
    let long = Terms { dead: false, failing_since_ms: Some(0), now_ms: HOUR, ..crowd };
    assert_eq!(causes(&settle_lane(&ten(Cause::AdvertiserThrottled), long, |_| {})), vec![vec![Cause::Crowded]; 10]);

    assert!(settle_lane(&ten(Cause::Token), Terms { dead: false, ..crowd }, |_| {}).head.is_some());
    assert!(settle_lane(&ten(Cause::Operator), crowd, |_| {}).head.is_some());
    assert!(settle_lane(&ten(Cause::Token), Terms { crowded: false, ..crowd }, |_| {}).head.is_some());
    assert!(settle_lane(&[later(Cause::Token)], crowd, |_| {}).head.is_some(), "nine more could not be hidden by it");
}

#[test]
fn what_cannot_be_read_becomes_a_letter_as_it_is_and_what_is_newer_blocks_its_lane() {
    let mut lane = Lane::default();
    for n in ["0", "1", "2"] {
        lane.push(message(n, 0, "gibberish".to_owned()));
    }
    let work = Work::new(connection(), vec![lane]);
    let reason = |cause| Reason::new(cause, "a test");
    let kinds = [
        Content::Unreadable(reason(Cause::Unreadable)),
        Content::Waits(reason(Cause::NewerVersion)),
        Content::Planned(1),
    ];
    let contents: BTreeMap<Place, Content> = work.messages().map(|(place, _)| place).zip(kinds).collect();
    let plan = uploader::plan::Planner::new().plan(LIMITS, &Ok(Vec::new()), |_, _| None);
    let lane = settle(&work, &contents, &plan, terms()).pop().unwrap();
    assert_eq!(shape(&lane), (vec![0], Some((1, 10)), vec![2]));
    let letter = lane.done[0].letters[0].outgoing();
    assert_eq!(letter.body, "gibberish");
    let attributes: BTreeMap<_, _> = letter.attributes.into_iter().collect();
    assert_eq!(attributes["cause"], "unreadable");
    assert_eq!((attributes["advertiser"].as_str(), attributes["account"].as_str()), ("7", "1"));
    assert_eq!((&attributes["id"], Some(&attributes["id"])), (&letter.group, letter.deduplication_id.as_ref()));
}

#[test]
fn a_letter_fits_into_sqs_with_its_attributes_whatever_the_message() {
    let mut lane = Lane::default();
    lane.push(message("0", 0, "ü".repeat(524_288)));
    let work = Work::new(connection(), vec![lane]);
    let place = work.messages().next().unwrap().0;
    let reason = Reason::new(Cause::Unreadable, "x".repeat(300));
    let contents = BTreeMap::from([(place, Content::Unreadable(reason))]);
    let plan = uploader::plan::Planner::new().plan(LIMITS, &Ok(Vec::new()), |_, _| None);
    let lane = settle(&work, &contents, &plan, terms()).pop().unwrap();
    assert!(lane.done[0].letters[0].outgoing().bytes() <= queue::MAX_MESSAGE_BYTES);
}

#[test]
fn letters_hold_the_ids_hashed_and_are_the_same_when_they_are_written_again() {
    let raw = "66b728c2-f9a4-4d87-82ef-ce07414fe3f7";
    let body = body(&[Said::joins(1, 1)])
        .replace(&format!(r#""md5","{}""#, crate::world::hash(1)), &format!(r#""raw","{raw}""#));
    let letters = || {
        let mut lane = Lane::default();
        lane.push(message("0", 0, body.clone()));
        let work = Work::new(connection(), vec![lane]);
        let (mut plan, contents) = plan(&work, LIMITS);
        plan.changes[0].outcome = rejected();
        settle(&work, &contents, &plan, terms()).pop().unwrap().done.pop().unwrap().letters
    };
    let letter = letters().pop().unwrap().outgoing();
    assert!(
        !letter.body.contains(raw) && letter.body.contains(r#""md5","0ca6a1feca650934a6a80edc68fde56f""#),
        "{}",
        letter.body
    );
    assert_eq!(letters().pop().unwrap().outgoing(), letter);
}

#[test]
fn a_message_that_was_received_a_hundred_times_comes_back_a_quarter_of_an_hour_later() {
    for (receives, delay) in [(100, 10), (101, 900)] {
        let lane = settle_lane(&[later(Cause::Unavailable)], terms(), |message| message.receive_count = receives);
        assert_eq!(shape(&lane), (vec![], Some((0, delay)), vec![]));
    }
}

#[test]
fn a_message_of_which_nothing_is_known_stays_with_all_behind_it() {
    let work = work(&[vec![vec![Said::joins(1, 1)], vec![Said::joins(2, 1)], vec![Said::joins(3, 1)]]]);
    let (mut plan, mut contents) = plan(&work, LIMITS);
    contents.retain(|place, _| place.position() != 1);
    plan.changes.iter_mut().for_each(|change| change.outcome = Outcome::Delivered);
    let lane = settle(&work, &contents, &plan, terms()).pop().unwrap();
    assert_eq!(shape(&lane), (vec![0], None, vec![]));
}

#[test]
fn a_lane_of_which_nothing_is_left_is_left_alone() {
    let lane = settle_lane(&[Outcome::Delivered], terms(), |_| {});
    let deletes = Deletes::new(std::slice::from_ref(&lane), &HashSet::new());
    assert_eq!(deletes.visibility(), Vec::<(Place, Duration)>::new());
}
