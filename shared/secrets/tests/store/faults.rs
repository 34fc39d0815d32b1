//! What Secrets Manager and its operator may do in between.

use connections::{Record, Transition};
use secrets::Error;
use secrets::in_memory::{Fault, InMemory};

use crate::world::{NAME, account, advertiser, calls, connect, pass, refuse, secrets, stored_accounts};

#[tokio::test(start_paused = true)]
async fn a_lost_answer_neither_loses_the_change_nor_hides_what_it_became() {
    for fault in [Fault::AnswerLost, Fault::Broken, Fault::NotReached] {
        let memory = InMemory::default();
        let secrets = secrets(&memory);
        memory.fail_next("CreateSecret", fault);
        assert_eq!(connect(&secrets, 1, "t1").await, Ok(Transition::Created), "{fault:?}");
        memory.fail_next("PutSecretValue", fault);
        assert_eq!(connect(&secrets, 2, "t2").await, Ok(Transition::Created), "{fault:?}");
        memory.fail_next("UpdateSecretVersionStage", fault);
        assert_eq!(connect(&secrets, 2, "t3").await, Ok(Transition::Replaced), "{fault:?}");
        assert_eq!(stored_accounts(&memory), [account(1), account(2)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_vanished_before_it_was_current_is_written_again() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    connect(&secrets, 1, "t1").await.unwrap();
    memory.fail_next("UpdateSecretVersionStage", Fault::Refused("ResourceNotFoundException"));
    memory.fail_next("PutSecretValue", Fault::Refused("ResourceNotFoundException"));
    assert_eq!(connect(&secrets, 2, "t2").await, Ok(Transition::Created));
    assert_eq!(calls(&memory), [4, 1, 3, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_not_tried_again() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    connect(&secrets, 1, "t1").await.unwrap();
    for action in ["PutSecretValue", "UpdateSecretVersionStage"] {
        memory.fail_next(action, Fault::Refused("AccessDeniedException"));
        let refused = Error::Refused("AccessDeniedException".to_owned());
        assert_eq!(connect(&secrets, 2, "t2").await, Err(refused), "{action}");
    }
    assert_eq!(calls(&memory), [3, 1, 2, 1]);
    assert_eq!(stored_accounts(&memory), [account(1)]);
}

#[tokio::test(start_paused = true)]
async fn while_it_is_down_nothing_can_be_written() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    connect(&secrets, 1, "t1").await.unwrap();
    memory.set_down(true);
    assert_eq!(connect(&secrets, 2, "t2").await, Err(Error::Unavailable("not reached".to_owned())));
    memory.set_down(false);
    for _ in 0..5 {
        memory.fail_next("UpdateSecretVersionStage", Fault::NotReached);
    }
    assert_eq!(connect(&secrets, 2, "t2").await, Err(Error::Unavailable("not reached".to_owned())));
    assert_eq!(memory.calls("UpdateSecretVersionStage"), 5);
    assert_eq!(connect(&secrets, 2, "t2").await, Ok(Transition::Created));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_being_deleted_is_absent_for_readers_and_an_error_for_writers() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    connect(&secrets, 1, "t1").await.unwrap();
    memory.mark_for_deletion(NAME, true);
    pass(10).await;
    let found = secrets.fresh_record(advertiser()).await.unwrap();
    assert!(found.record.is_none() && !found.stale);
    assert_eq!(connect(&secrets, 2, "t2").await, Err(Error::BeingDeleted(NAME.to_owned())));
    assert_eq!(refuse(&secrets, 1, "t1").await, Err(Error::BeingDeleted(NAME.to_owned())));

    memory.mark_for_deletion(NAME, false);
    pass(10).await;
    let found = secrets.record(advertiser()).await.unwrap();
    assert_eq!(found.record.unwrap().connections().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_an_error_and_is_not_overwritten() {
    for broken in
        ["", "{}", r#"{"version":3,"connections":{}}"#, r#"{"version":2,"connections":{"1":{"token":"s3cr3t"}}}"#]
    {
        let memory = InMemory::default();
        let secrets = secrets(&memory);
        memory.set(NAME, broken);
        let read = secrets.record(advertiser()).await.unwrap_err();
        let write = connect(&secrets, 1, "t1").await.unwrap_err();
        assert!(matches!(&read, Error::Unreadable { secret, .. } if secret == NAME), "{read}");
        assert_eq!(read, write);
        assert!(!format!("{read} {read:?}").contains("s3cr3t"));
        assert_eq!(memory.text(NAME).as_deref(), Some(broken));
        assert_eq!(memory.calls("PutSecretValue"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_in_no_debug_output() {
    let memory = InMemory::default();
    let secrets = secrets(&memory);
    connect(&secrets, 1, "s3cr3t").await.unwrap();
    let (record, ()) = secrets.update(advertiser(), |_: &mut Record| ()).await.unwrap();
    let found = secrets.record(advertiser()).await.unwrap();
    assert!(!format!("{secrets:?} {record:?} {found:?}").contains("s3cr3t"));
}
