//! Compare-and-set: what is written, how often, and that nobody's change is lost.

use std::cell::Cell;
use std::time::Duration;

use connections::{Record, Source, Transition};
use futures::future::try_join_all;
use secrets::Error;
use secrets::in_memory::InMemory;

use crate::world::{NAME, NOW, accepted, account, advertiser, calls, connect, refuse, secrets, stored_accounts};

#[tokio::test(start_paused = true)]
async fn the_first_accepted_token_creates_the_secret_and_a_change_moves_the_current_version() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    assert_eq!(connect(&secrets, 1, "t1").await, Ok(Transition::Created));
    assert_eq!(calls(&memory), [1, 1, 0, 0]);
    assert_eq!(connect(&secrets, 2, "t2").await, Ok(Transition::Created));
    assert_eq!(calls(&memory), [2, 1, 1, 1]);
    assert_eq!(stored_accounts(&memory), [account(1), account(2)]);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_changed_nothing_is_written() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    assert_eq!(refuse(&secrets, 1, "invented").await, Ok(Transition::Unchanged));
    assert_eq!(memory.names(), [] as [&str; 0]);
    connect(&secrets, 1, "t1").await.unwrap();
    assert_eq!(connect(&secrets, 1, "t1").await, Ok(Transition::Unchanged));
    assert_eq!(refuse(&secrets, 1, "another").await, Ok(Transition::Unchanged));
    assert_eq!(calls(&memory), [4, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn racing_writers_of_three_processes_end_with_the_changes_of_all() {
    let memory = InMemory::default();
    memory.set_latency(Duration::from_millis(40));
    let processes = [1, 2, 3].map(|_| secrets(&memory));
    for round in 0..12 {
        let connects = (1..=3).zip(&processes).map(|(n, secrets)| connect(secrets, round * 3 + n, "t"));
        let transition = try_join_all(connects).await.unwrap();
        assert_eq!(transition, [Transition::Created; 3]);
        memory.prune();
    }
    assert_eq!(stored_accounts(&memory), (1..=36).map(account).collect::<Vec<_>>());
    assert!(memory.calls("PutSecretValue") > 40, "they did meet: {:?}", calls(&memory));
}

#[tokio::test(start_paused = true)]
async fn writers_of_one_process_take_turns() {
    let memory = InMemory::default();
    memory.set_latency(Duration::from_millis(40));
    let secrets = secrets(&memory);
    try_join_all((1..=10).map(|number| connect(&secrets, number, "t"))).await.unwrap();
    assert_eq!(stored_accounts(&memory).len(), 10);
    assert_eq!(calls(&memory), [10, 1, 9, 9], "none of them had to write twice");
}

/// A record with one connection more than `text` has, as another process would have written it.
fn with_another(text: &str, number: i64) -> String {
    let mut record = Record::from_json(text).unwrap();
    record.accept(account(number), &accepted("theirs"), Source::Page, NOW);
    record.to_json().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_change_that_another_writer_overtook_is_applied_to_what_that_one_wrote() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    connect(&secrets, 1, "t1").await.unwrap();
    let applied = Cell::new(0);
    let change = |record: &mut Record| {
        applied.set(applied.get() + 1);
        if applied.get() == 1 {
            memory.set(NAME, &with_another(&memory.text(NAME).unwrap(), 2));
        }
        record.accept(account(3), &accepted("t3"), Source::Connect, NOW)
    };
    let (record, transition) = secrets.update(advertiser(), change).await.unwrap();
    assert_eq!((transition, applied.get(), record.connections().count()), (Transition::Created, 2, 3));
    assert_eq!(stored_accounts(&memory), [1, 2, 3].map(account));
}

#[tokio::test(start_paused = true)]
async fn after_five_tries_it_is_contended() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    connect(&secrets, 1, "t1").await.unwrap();
    let applied = Cell::new(1);
    let change = |record: &mut Record| {
        applied.set(applied.get() + 1);
        memory.set(NAME, &with_another(&memory.text(NAME).unwrap(), applied.get()));
        record.accept(account(9), &accepted("t9"), Source::Connect, NOW)
    };
    assert_eq!(secrets.update(advertiser(), change).await.unwrap_err(), Error::Contended(NAME.to_owned()));
    assert_eq!(memory.calls("PutSecretValue"), 5);
    assert_eq!(stored_accounts(&memory), (1..=6).map(account).collect::<Vec<_>>(), "nothing of theirs is lost");
}

#[tokio::test(start_paused = true)]
async fn two_who_create_the_same_secret_end_with_both_changes() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    let applied = Cell::new(0);
    let change = |record: &mut Record| {
        applied.set(applied.get() + 1);
        if applied.get() == 1 {
            memory.set(NAME, &with_another(&Record::default().to_json().unwrap(), 2));
        }
        record.accept(account(1), &accepted("t1"), Source::Connect, NOW)
    };
    assert_eq!(secrets.update(advertiser(), change).await.unwrap().1, Transition::Created);
    assert_eq!(stored_accounts(&memory), [account(1), account(2)]);
}

#[tokio::test(start_paused = true)]
async fn versions_can_be_pruned_all_the_time() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    for number in 0..150 {
        connect(&secrets, 1, &format!("t{number}")).await.unwrap();
        memory.prune();
    }
    assert!(memory.text(NAME).unwrap().contains("\"t149\""));
}

#[tokio::test(start_paused = true)]
async fn when_the_days_versions_are_used_up_it_says_so_and_keeps_what_there_is() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    for number in 0..100 {
        connect(&secrets, 1, &format!("t{number}")).await.unwrap();
    }
    assert_eq!(connect(&secrets, 1, "one more").await, Err(Error::QuotaReached(NAME.to_owned())));
    assert!(memory.text(NAME).unwrap().contains("\"t99\""));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_would_be_too_large_is_not_written() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    let token = "t".repeat(6_000);
    for number in 1..=10 {
        connect(&secrets, number, &token).await.unwrap();
    }
    assert_eq!(connect(&secrets, 11, &token).await, Err(Error::TooLarge(NAME.to_owned())));
    assert_eq!(stored_accounts(&memory).len(), 10);
    assert_eq!(refuse(&secrets, 1, &token).await, Ok(Transition::Refused), "the others can still be changed");
}
