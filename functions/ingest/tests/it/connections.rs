//! Connecting an audience: each of mParticle's gets exactly one at TikTok, however often and by whomever it is asked for.

use std::collections::BTreeSet;

use serde_json::json;

use crate::tiktok::{Audience, Fault};
use crate::world::{ADVERTISER, Answer, TOKEN, World, direct, subscription};

fn audience(id: u64, name: &str) -> Audience {
    Audience { id, advertiser: ADVERTISER.to_owned(), name: name.to_owned(), kind: "Partner Audience" }
}

fn connected(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json["audience_subscription_settings"]["tiktokAudienceId"].as_str().unwrap().parse().unwrap()
}

fn names(world: &World) -> Vec<String> {
    world.tiktok.with(|state| state.audiences.iter().map(|audience| audience.name.clone()).collect())
}

#[tokio::test]
async fn connecting_creates_an_audience_and_verifies_the_token() {
    let world = World::new().await;
    let id = connected(&world.http(&subscription(TOKEN, "add", "New Users", None)).await);
    assert_eq!(world.tiktok.with(|state| state.audiences[0].id), id);
    assert_eq!(names(&world), ["New Users [mp-456]"]);
    let token = &world.record().unwrap()["tokens"][0];
    assert_eq!(
        (&token["user"], &token["source"], token["verified_ms"].is_i64()),
        (&json!("ann"), &json!("firehose"), true)
    );
}

#[tokio::test]
async fn a_repeated_request_finds_what_the_first_one_made() {
    let world = World::new().await;
    let first = connected(&world.direct(&subscription(TOKEN, "add", "New Users", None)).await);
    let second = connected(&world.direct(&subscription(TOKEN, "add", "New Users", None)).await);
    let renamed = connected(&world.direct(&subscription(TOKEN, "add", "Old Users", None)).await);
    assert_eq!((first, first), (second, renamed));
    assert_eq!(names(&world).len(), 1);
}

#[tokio::test]
async fn concurrent_requests_agree_on_one_audience() {
    let world = World::new().await;
    let instances: Vec<_> = (0..6).map(|_| world.other_instance()).collect();
    let request = subscription(TOKEN, "add", "New Users", None);
    let answers = futures::future::join_all(instances.iter().map(|app| direct(app, &request))).await;
    let ids: BTreeSet<_> = answers.iter().map(connected).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(names(&world).len(), 1);
    assert_eq!(world.tiktok.with(|state| state.audiences[0].id), *ids.first().unwrap());
}

#[tokio::test]
async fn an_audience_whose_creation_was_not_answered_is_found() {
    let world = World::new().await;
    world.tiktok.with(|state| state.faults.push_back(("/segment/audience/", Fault::AnswerLost)));
    connected(&world.direct(&subscription(TOKEN, "add", "New Users", None)).await);
    assert_eq!(
        (names(&world).len(), world.tiktok.calls("/segment/audience/")),
        (1, 1),
        "looked for before it is created again"
    );
}

#[tokio::test]
async fn the_mark_survives_tiktoks_cut() {
    let world = World::new().await;
    let name = format!(" {}\n{} ", "é".repeat(40), "漢".repeat(58));
    let first = connected(&world.direct(&subscription(TOKEN, "add", &name, None)).await);
    let [stored] = &names(&world)[..] else { panic!("one audience") };
    assert_eq!(stored.chars().count(), 70);
    assert!(stored.starts_with("éé") && stored.contains("é 漢") && stored.ends_with("漢 [mp-456]"), "{stored}");
    assert_eq!(connected(&world.direct(&subscription(TOKEN, "add", &name, None)).await), first);
    assert_eq!(connected(&world.direct(&subscription(TOKEN, "add", "", None)).await), first);
}

#[tokio::test]
async fn of_several_audiences_the_oldest_that_can_be_fed_is_taken() {
    let world = World::new().await;
    let not_fed = Audience { kind: "Customer File Audience", ..audience(10, "New Users [mp-456]") };
    let not_ours = Audience { advertiser: "7000000000000000002".to_owned(), ..audience(11, "New Users [mp-456]") };
    world.tiktok.with(|state| {
        state.audiences.extend([not_fed, not_ours, audience(12, "Other [mp-45]"), audience(13, "New Users [mp-4567]")]);
        state.audiences.extend([audience(15, "New Users [mp-456]"), audience(14, "Once New [mp-456]")]);
    });
    assert_eq!(connected(&world.direct(&subscription(TOKEN, "add", "New Users", None)).await), 14);
    assert_eq!(names(&world).len(), 6);
}

#[tokio::test]
async fn a_passing_trouble_of_tiktoks_is_waited_out() {
    for fault in [Fault::Code(40_100), Fault::Code(40_133), Fault::Code(50_000), Fault::Unavailable] {
        let world = World::new().await;
        world.tiktok.with(|state| {
            state.faults.push_back(("/dmp/custom_audience/list/", fault));
            state.faults.push_back(("/segment/audience/", fault));
        });
        connected(&world.direct(&subscription(TOKEN, "add", "New Users", None)).await);
        assert_eq!(names(&world).len(), 1);
    }
}

#[tokio::test]
async fn a_lasting_trouble_of_tiktoks_is_for_mparticle_to_try_again() {
    let world = World::new().await;
    world.tiktok.with(|state| state.faults.extend([("/dmp/custom_audience/list/", Fault::Unavailable); 20]));
    let answer = world.http(&subscription(TOKEN, "add", "New Users", None)).await;
    assert_eq!((answer.status, &answer.json["error"]["code"]), (503, &json!("tiktok_unavailable")));
    assert_eq!(world.tiktok.calls("/dmp/custom_audience/list/"), 4);
    assert_eq!(world.record(), None);
}

#[tokio::test]
async fn the_operators_trouble_is_not_the_customers() {
    let world = World::new().await;
    world.tiktok.with(|state| state.faults.push_back(("/dmp/custom_audience/list/", Fault::Code(40_101))));
    let answer = world.http(&subscription(TOKEN, "add", "New Users", None)).await;
    assert_eq!((answer.status, &answer.json["error"]["code"]), (503, &json!("tiktok_unavailable")));
    assert_eq!(world.tiktok.calls("/dmp/custom_audience/list/"), 1, "trying again at once cannot mend it");
}

#[tokio::test]
async fn a_refusal_of_tiktoks_carries_its_words() {
    let world = World::new().await;
    world.tiktok.with(|state| state.faults.push_back(("/segment/audience/", Fault::Code(40_002))));
    let answer = world.http(&subscription(TOKEN, "add", "New Users", None)).await;
    assert_eq!((answer.status, &answer.json["error"]["code"]), (400, &json!("tiktok_refused")));
    assert_eq!(answer.json["error"]["message"], "refused by TikTok code 40002: as the test wants (request_id req-1)");
}

#[tokio::test]
async fn whose_token_it_is_need_not_be_known() {
    let world = World::new().await;
    world.tiktok.with(|state| state.faults.push_back(("/user/info/", Fault::Code(40_001))));
    connected(&world.direct(&subscription(TOKEN, "add", "New Users", None)).await);
    let token = &world.record().unwrap()["tokens"][0];
    assert_eq!((token["user"].is_null(), token["verified_ms"].is_i64()), (true, true));
}

#[tokio::test]
async fn without_a_place_for_the_token_nothing_is_created() {
    let world = World::new().await;
    world.cloud.with(|state| state.secrets_down = true);
    let answer = world.direct(&subscription(TOKEN, "add", "New Users", None)).await;
    assert_eq!((answer.status, &answer.json["error"]["code"]), (503, &json!("secrets_unavailable")));
    assert!(names(&world).is_empty());
}

#[tokio::test]
async fn an_update_keeps_the_audience_and_verifies_the_token() {
    let world = World::new().await;
    assert_eq!(connected(&world.direct(&subscription(TOKEN, "update", "New Users", Some(77))).await), 77);
    assert!(world.record().unwrap()["tokens"][0]["verified_ms"].is_i64());
    assert_eq!(world.tiktok.calls("/segment/audience/"), 0);

    connected(&world.direct(&subscription(TOKEN, "update", "New Users", None)).await);
    assert_eq!(names(&world).len(), 1, "without an audience it connects one");
}

/// In time that passes only while everything waits.
#[tokio::test(start_paused = true)]
async fn a_tiktok_that_does_not_answer_is_given_up_in_time() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let world = World::with(|config| config.tiktok_api_base_url = url).await;
    let started = tokio::time::Instant::now();
    for action in ["add", "update", "remove"] {
        let answer = world.direct(&subscription(TOKEN, action, "New Users", Some(77))).await;
        assert_eq!((answer.status, &answer.json["error"]["code"]), (503, &json!("tiktok_unavailable")), "{action}");
    }
    assert!(started.elapsed() <= std::time::Duration::from_secs(46), "{:?}", started.elapsed());
}
