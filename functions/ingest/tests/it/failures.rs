//! What a customer who connects is told when TikTok is in trouble, or refuses.

use std::time::Duration;

use sandbox::Fault;

use crate::audiences::{connect, make, world};
use crate::world::direct;

#[tokio::test]
async fn at_400_audiences_the_refusal_names_the_limit() {
    let world = world().await;
    for n in 0..400 {
        make(&world, &format!("another {n}"), None).await;
    }
    let answer = world.http(&world.sender.subscription("add", "New Users", None)).await;
    assert_eq!((answer.status, answer.code()), (400, "audience_limit"));
    assert!(answer.message().contains("400") && answer.message().contains("TikTok code 40002"), "{}", answer.message());
}

#[tokio::test]
async fn a_passing_failure_of_tiktok_is_retried() {
    for fault in [Fault::code(40_100, "x"), Fault::code(40_133, "x"), Fault::code(50_000, "x"), Fault::status(502)] {
        let world = world().await;
        for path in ["/user/info/", "/dmp/custom_audience/list/", "/segment/audience/"] {
            world.tiktok.fault(fault.clone().on(path).next(1)).await.unwrap();
        }
        connect(&world).await;
        assert_eq!(world.audiences().await.len(), 1);
    }
}

#[tokio::test]
async fn a_lasting_failure_of_tiktok_is_answered_503() {
    let world = world().await;
    world.tiktok.fault(Fault::status(502).on("/dmp/custom_audience/list/")).await.unwrap();
    let answer = world.http(&world.sender.subscription("add", "New Users", None)).await;
    assert_eq!((answer.status, answer.code()), (503, "tiktok_unavailable"));
    assert_eq!(world.calls("/dmp/custom_audience/list/").await, 4);
}

#[tokio::test]
async fn the_operators_fault_is_answered_503_and_not_retried() {
    for code in [40_101, 40_118] {
        let world = world().await;
        world.tiktok.fault(Fault::code(code, "blocked").on("/segment/audience/")).await.unwrap();
        let answer = world.http(&world.sender.subscription("add", "New Users", None)).await;
        assert_eq!((answer.status, answer.code()), (503, "tiktok_unavailable"));
        assert_eq!(world.calls("/segment/audience/").await, 1, "trying again at once cannot help");
    }
}

#[tokio::test]
async fn a_refusal_of_tiktoks_carries_its_words() {
    let world = world().await;
    world.tiktok.fault(Fault::code(40_002, "as the test wants").on("/segment/audience/")).await.unwrap();
    let answer = world.http(&world.sender.subscription("add", "New Users", None)).await;
    assert_eq!((answer.status, answer.code()), (400, "tiktok_refused"));
    assert!(
        answer.message().starts_with("refused by TikTok code 40002: as the test wants (request_id "),
        "{}",
        answer.message()
    );
}

#[tokio::test]
async fn a_token_that_tiktok_refuses_connects_and_updates_nothing() {
    let world = world().await;
    let mallory = world.another().await;
    for token in [mallory.token.as_str(), "made-up"] {
        for action in ["add", "update"] {
            let answer =
                world.http(&world.sender.with_token(token).subscription(action, "New Users", Some("77"))).await;
            assert_eq!((answer.status, answer.code()), (400, "token_refused"), "{action}");
            assert_eq!(answer.json["error"]["field"], "account.account_settings.tiktokAccessToken");
        }
    }
    assert_eq!((world.audiences().await.len(), world.record()), (0, None));
}

#[tokio::test]
async fn where_the_token_cannot_be_stored_no_audience_is_created() {
    let world = world().await;
    world.secrets.set_down(true);
    let answer = world.direct(&world.sender.subscription("add", "New Users", None)).await;
    assert_eq!((answer.status, answer.code()), (503, "secrets_unavailable"));
    assert!(world.audiences().await.is_empty());
}

#[tokio::test]
async fn a_tiktok_that_does_not_answer_is_given_up_in_time() {
    let world = world().await;
    world.tiktok.fault(Fault::hang(600_000)).await.unwrap();
    let request = |action| world.sender.subscription(action, "New Users", Some("77"));
    let (add, update, remove) = (request("add"), request("update"), request("remove"));
    let [one, two, three] = [world.other_instance(), world.other_instance(), world.other_instance()];
    let all = async { tokio::join!(direct(&one, &add), direct(&two, &update), direct(&three, &remove)) };
    // Far more than the time of a subscription, and far less than TikTok takes.
    let answers = tokio::time::timeout(Duration::from_mins(3), Box::pin(all)).await.unwrap();
    for answer in [answers.0, answers.1, answers.2] {
        assert_eq!((answer.status, answer.code()), (503, "tiktok_unavailable"));
    }
}
