//! The cache: how often Secrets Manager is read, and what is served when it fails.

use std::time::Duration;

use connections::Transition;
use futures::future::join_all;
use secrets::Error;
use secrets::in_memory::InMemory;

use crate::world::{NAME, account, advertiser, connect, hear_warnings, pass, refuse, secrets, warnings};

/// A Secrets Manager with one active connection, and a process that has read nothing yet.
async fn connected() -> (InMemory, secrets::Secrets) {
    let memory = InMemory::default();
    connect(&secrets(&memory), 1, "t1").await.unwrap();
    let process = secrets(&memory);
    (memory, process)
}

fn reads(memory: &InMemory) -> usize {
    memory.calls("GetSecretValue") - 1
}

#[tokio::test(start_paused = true)]
async fn while_all_connections_are_active_it_is_read_every_five_minutes() {
    let (memory, secrets) = connected().await;
    for (seconds, expected) in [(0, 1), (299, 1), (1, 2), (299, 2), (1, 3)] {
        pass(seconds).await;
        assert!(secrets.record(advertiser()).await.unwrap().record.is_some());
        assert_eq!(reads(&memory), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_read_every_ten_seconds() {
    let (memory, secrets) = connected().await;
    refuse(&secrets, 1, "t1").await.unwrap();
    assert_eq!(reads(&memory), 1);
    for (seconds, expected) in [(0, 1), (9, 1), (1, 2), (9, 2), (1, 3)] {
        pass(seconds).await;
        secrets.record(advertiser()).await.unwrap();
        assert_eq!(reads(&memory), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_absent_record_is_looked_for_every_ten_seconds() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    for (seconds, expected) in [(0, 1), (9, 1), (1, 2)] {
        pass(seconds).await;
        assert!(secrets.record(advertiser()).await.unwrap().record.is_none());
        assert_eq!(memory.calls("GetSecretValue"), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fresh_record_is_at_most_ten_seconds_old() {
    let (memory, secrets) = connected().await;
    for (seconds, expected) in [(0, 1), (9, 1), (1, 2), (9, 2), (1, 3)] {
        pass(seconds).await;
        secrets.fresh_record(advertiser()).await.unwrap();
        assert_eq!(reads(&memory), expected);
    }
    pass(200).await;
    secrets.record(advertiser()).await.unwrap();
    assert_eq!(reads(&memory), 3);
}

#[tokio::test(start_paused = true)]
async fn what_was_just_written_need_not_be_read() {
    let (memory, secrets) = connected().await;
    connect(&secrets, 2, "t2").await.unwrap();
    let found = secrets.fresh_record(advertiser()).await.unwrap();
    assert!(found.record.unwrap().get(account(2)).is_some());
    assert_eq!(reads(&memory), 1, "the one of the writer");
}

#[tokio::test(start_paused = true)]
async fn a_read_that_began_before_a_write_does_not_hide_it() {
    let (memory, secrets) = connected().await;
    memory.set_latency(Duration::from_secs(1));
    for number in 2..40 {
        pass(10).await;
        let (read, written) = tokio::join!(secrets.fresh_record(advertiser()), connect(&secrets, number, "t"));
        assert_eq!((read.is_ok(), written), (true, Ok(Transition::Created)));
        let found = secrets.record(advertiser()).await.unwrap();
        assert!(found.record.unwrap().get(account(number)).is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_ask_together_share_one_read_and_its_failure() {
    let (memory, secrets) = connected().await;
    memory.set_latency(Duration::from_secs(3));
    let ask = || join_all((0..20).map(|_| secrets.record(advertiser())));
    assert!(ask().await.iter().all(Result::is_ok));
    assert_eq!(reads(&memory), 1);

    let cold = crate::world::secrets(&memory);
    memory.set_down(true);
    let asked = join_all((0..20).map(|_| cold.record(advertiser()))).await;
    assert!(asked.iter().all(|found| matches!(found, Err(Error::Unavailable(_)))));
    assert_eq!(reads(&memory), 2);
}

#[tokio::test(start_paused = true)]
async fn while_it_fails_the_last_record_is_served_with_one_warning_a_read() {
    let (memory, secrets) = connected().await;
    secrets.record(advertiser()).await.unwrap();
    hear_warnings();
    memory.set_down(true);
    pass(86_400).await;
    for (seconds, expected) in [(0, 2), (9, 2), (1, 3)] {
        pass(seconds).await;
        for _ in 0..3 {
            let found = secrets.record(advertiser()).await.unwrap();
            assert!(found.stale && found.record.unwrap().get(account(1)).is_some());
        }
        assert_eq!((reads(&memory), warnings().len()), (expected, expected - 1));
    }
    let line = warnings().remove(0);
    for part in ["WARN", NAME, r#""cause":"Secrets Manager: not reached""#, r#""age_seconds":86400"#] {
        assert!(line.contains(part), "{part} is not in {line}");
    }

    memory.set_down(false);
    pass(10).await;
    assert!(!secrets.record(advertiser()).await.unwrap().stale);
}

#[tokio::test(start_paused = true)]
async fn an_absent_record_may_be_served_stale_too() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    secrets.record(advertiser()).await.unwrap();
    memory.set_down(true);
    pass(10).await;
    let found = secrets.record(advertiser()).await.unwrap();
    assert!(found.stale && found.record.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_was_never_read_is_an_error_and_is_read_again_after_a_second() {
    let (memory, secrets) = connected().await;
    memory.set_down(true);
    let failed = Error::Unavailable("not reached".to_owned());
    assert_eq!(secrets.record(advertiser()).await.unwrap_err(), failed);
    memory.set_down(false);
    assert_eq!(secrets.record(advertiser()).await.unwrap_err(), failed);
    assert_eq!(reads(&memory), 1);
    pass(1).await;
    assert!(secrets.record(advertiser()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_never_replaced_by_what_was_read_before() {
    let (memory, secrets) = connected().await;
    secrets.record(advertiser()).await.unwrap();
    memory.set(NAME, "edited");
    pass(300).await;
    assert!(matches!(secrets.record(advertiser()).await, Err(Error::Unreadable { .. })));
}
