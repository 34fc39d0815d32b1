//! What TikTok refuses: the bad is found, the good is delivered, and it is remembered for a while.

use std::time::Duration;

use sandbox::Fault;

use crate::world::{MAPPING, World, hash, row, skip};

#[tokio::test]
async fn sixteen_bad_rows_among_a_thousand_cost_the_others_nothing() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let bad: Vec<u32> = (0..16).map(|n| n * 62 + 5).collect();
    for user in &bad {
        // TikTok repeats the hash.
        world.tiktok.poison(&hash(*user), 40002, &format!("id {} is not valid", hash(*user))).await.unwrap();
    }
    for lane in 0..10 {
        let rows: Vec<_> = (0..100).map(|n| tenant.joins(u32::from(lane) * 100 + n)).collect();
        world.says(&tenant, lane, &rows);
    }
    assert_eq!(world.invoke().await, [""; 0]);
    let members = world.members(&tenant).await;
    assert_eq!((members.len(), members.iter().any(|user| bad.contains(user))), (984, false));
    let letters = world.letters();
    assert_eq!(letters.iter().map(|letter| letter.rows().len()).sum::<usize>(), 16);
    for letter in letters {
        let message = &letter.attributes["message"];
        assert!(letter.cause() == "rejected" && message.ends_with("id [hash] is not valid"), "{message}");
    }
    let calls = world.calls(&tenant).await.len();
    assert!(calls < 230, "{calls} calls");
}

#[tokio::test]
async fn a_row_that_was_rejected_is_not_sent_again_for_an_hour() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.tiktok.poison(&hash(1), 40002, "a bad id").await.unwrap();
    world.says(&tenant, 0, &[tenant.joins(1), tenant.joins(2)]);
    world.invoke().await;
    let calls = world.calls(&tenant).await.len();
    world.sends(&tenant, 0, &crate::world::body(tenant.connection, &[tenant.joins(1)]), &[]);
    world.invoke().await;
    assert_eq!((world.calls(&tenant).await.len(), world.causes()), (calls, vec!["rejected".to_owned(); 2]));
}

#[tokio::test]
async fn a_missing_audience_costs_calls_once_and_again_only_for_letters_that_are_sent_again() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.tiktok.delete_audience(&tenant.audience.to_string()).await.unwrap();
    world.says(&tenant, 0, &(0..50).map(|user| tenant.joins(user)).collect::<Vec<_>>());
    world.invoke().await;
    let calls = world.calls(&tenant).await.len();
    assert!(calls <= 4, "{calls} calls");
    world.says(&tenant, 0, &(50..99).map(|user| tenant.joins(user)).collect::<Vec<_>>());
    world.invoke().await;
    assert_eq!(world.calls(&tenant).await.len(), calls, "it is remembered");
    assert_eq!(world.causes(), ["audience_missing", "audience_missing"]);
    assert_eq!(world.letters()[0].attributes["code"], "40007");

    // Sooner than that SQS would take it for a repetition.
    skip(Duration::from_mins(6)).await;
    let body = world.letters()[0].body.clone();
    world.sends(&tenant, 0, &body, &[("redriven", "1")]);
    world.invoke().await;
    assert!(world.calls(&tenant).await.len() > calls, "what somebody sends again is tried again");
}

#[tokio::test]
async fn a_missing_audience_takes_nothing_from_the_others() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let gone = "7999999999999999999".parse().unwrap();
    let rows: Vec<_> = (0..100).map(|user| row(user, &[tenant.audience, gone], &[])).collect();
    world.says(&tenant, 0, &rows);
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!((world.members(&tenant).await.len(), world.causes()), (100, vec!["audience_missing".to_owned()]));
    assert_eq!(world.letters()[0].rows().len(), 100);
    assert!(world.letters()[0].rows().iter().all(|row| row["adds"] == serde_json::json!(["7999999999999999999"])));
}

#[tokio::test]
async fn a_call_that_holds_too_much_is_divided_and_nothing_is_rejected() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    let rules = sandbox::Rules { max_rows: 30, ..world.tiktok.rules().await.unwrap() };
    world.tiktok.set_rules_of(&tenant.advertiser, &rules).await.unwrap();
    world.says(&tenant, 0, &(0..100).map(|user| tenant.joins(user)).collect::<Vec<_>>());
    assert_eq!(world.invoke().await, [""; 0]);
    assert_eq!((world.members(&tenant).await.len(), world.letters().len()), (100, 0));
}

#[tokio::test]
async fn trouble_in_the_middle_of_dividing_keeps_what_was_not_tried() {
    let world = World::new().await;
    let tenant = world.tenant().await;
    world.tiktok.poison(&hash(77), 40002, "a bad id").await.unwrap();
    world.tiktok.fault(Fault::code(40132, "Too many requests").on(MAPPING).after(3).next(1)).await.unwrap();
    world.says(&tenant, 0, &(0..100).map(|user| tenant.joins(user)).collect::<Vec<_>>());
    assert_eq!(world.invoke().await.len(), 1);
    assert_eq!(world.letters().len(), 0, "a message is done only whole");
    world.drain().await;
    assert_eq!((world.members(&tenant).await.len(), world.causes()), (99, vec!["rejected".to_owned()]));
}
