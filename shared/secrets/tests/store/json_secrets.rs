//! The secrets that are only read.

use secrets::in_memory::{Fault, InMemory};
use secrets::{Error, FirehoseTokens, JsonSecret, NotAsDocumented};

use crate::world::{hear_warnings, pass, warnings};

const ID: &str = "test/firehose";

fn tokens(memory: &InMemory) -> JsonSecret<FirehoseTokens> {
    JsonSecret::new(memory.client(), ID.to_owned())
}

#[tokio::test(start_paused = true)]
async fn it_is_read_every_five_minutes_and_on_demand_every_ten_seconds() {
    let memory = InMemory::default();
    let tokens = tokens(&memory);
    memory.set(ID, r#"{"current":"old\n"}"#);
    assert!(tokens.get().await.unwrap().which("old").is_some());
    memory.set(ID, r#"{"current":"new","previous":"old"}"#);
    pass(9).await;
    assert!(tokens.fresh().await.unwrap().which("new").is_none());
    pass(1).await;
    assert!(tokens.get().await.unwrap().which("new").is_none());
    assert!(tokens.fresh().await.unwrap().which("new").is_some());
    assert!(tokens.get().await.unwrap().which("new").is_some());
    assert_eq!(memory.calls("GetSecretValue"), 2);
    pass(300).await;
    tokens.get().await.unwrap();
    assert_eq!(memory.calls("GetSecretValue"), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_it_is_told_without_its_text() {
    let memory = InMemory::default();
    let tokens = tokens(&memory);
    assert_eq!(tokens.get().await.unwrap_err(), Error::Missing(ID.to_owned()));
    for text in ["s3cr3t", r#"{"current":7}"#, r#"{"current":" "}"#, r#"{"previous":"s3cr3t"}"#] {
        memory.set(ID, text);
        pass(1).await;
        let error = tokens.get().await.unwrap_err();
        assert!(matches!(error, Error::Unreadable { why: NotAsDocumented::Json { .. }, .. }), "{error}");
        assert!(!format!("{error} {error:?} {tokens:?}").contains("s3cr3t"));
    }
    memory.mark_for_deletion(ID, true);
    pass(1).await;
    assert_eq!(tokens.get().await.unwrap_err(), Error::BeingDeleted(ID.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn while_secrets_manager_fails_the_last_value_is_served_with_a_warning_and_is_not_fresh() {
    let memory = InMemory::default();
    let tokens = tokens(&memory);
    memory.set(ID, r#"{"current":"t"}"#);
    tokens.get().await.unwrap();
    hear_warnings();
    memory.set_down(true);
    pass(3_600).await;
    assert!(tokens.get().await.unwrap().which("t").is_some());
    assert_eq!(tokens.fresh().await.unwrap_err(), Error::Unavailable("not reached".to_owned()));
    assert_eq!((warnings().len(), memory.calls("GetSecretValue")), (1, 2));
    memory.set_down(false);
    pass(10).await;
    assert!(tokens.fresh().await.unwrap().which("t").is_some());
}

#[tokio::test(start_paused = true)]
async fn what_passes_by_itself_is_told_from_what_secrets_manager_refuses() {
    let refused = |code| (Fault::Refused(code), false);
    let table = [
        (Fault::NotReached, true),
        (Fault::AnswerLost, true),
        (Fault::Broken, true),
        (Fault::Refused("ThrottlingException"), true),
        refused("AccessDeniedException"),
        refused("DecryptionFailure"),
        refused("ResourceNotFoundException"),
        refused("InvalidRequestException"),
    ];
    for (fault, passes) in table {
        let memory = InMemory::default();
        memory.fail_next("GetSecretValue", fault);
        let error = tokens(&memory).get().await.unwrap_err();
        assert_eq!(error.is_passing(), passes, "{fault:?}: {error}");
    }
}
