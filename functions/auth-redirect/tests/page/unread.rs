//! Whether connections had stopped is not known where their records cannot be read: the page says so, and shows the token.

use std::time::Duration;

use sandbox::control::NewGrant;
use secrets::in_memory::Fault as AwsFault;

use crate::world::{Visit, World};

const NOT_LOOKED_AT: &str = "onnections could not be looked at";

#[tokio::test]
async fn an_unreadable_record_is_left_as_it_is_and_the_page_says_whose_it_is() {
    let world = World::new().await;
    let person = world.person(&["Broken", "Without a record"]).await;
    let name = format!("audiences/advertiser/{}", person.advertisers[0]);
    world.aws.set(&name, "{\"version\":2,\"connections\":7}");
    let page = world.authorize(&person).await;
    page.says("1 of 2 accounts: connections could not be looked at").says("<p class=\"whose\"><bdi>Broken</bdi></p>");
    assert_eq!(page.token().len(), 40);
    assert_eq!(world.aws.text(&name).unwrap(), "{\"version\":2,\"connections\":7}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_now_is_asked_for_again_by_the_next_authorization() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let token = world.tiktok.token(&person.key).await.unwrap().access_token;
    world.connect(&person.advertisers[0], 123, &token, &person.core_user_id);
    world.stop(&person.advertisers[0], 123, true);
    world.tiktok.revoke(&token).await.unwrap();
    let app = world.app();
    Visit::of("auth_code=0000&state=your_custom_params").to(&app).await.says("cannot be shown");
    world.aws.fail_next("GetSecretValue", AwsFault::Refused("ThrottlingException"));
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    let page = Visit::of(&callback).to(&app).await;
    page.says(NOT_LOOKED_AT).says("authorize again in a few minutes").does_not_say("onnected again");
    world.authorize(&person).await.says("Connected again").does_not_say(NOT_LOOKED_AT);
}

#[tokio::test]
async fn of_many_accounts_those_are_told_whose_records_could_not_be_listed() {
    let mut world = World::new().await;
    world.config.time_limits.unconnected = Duration::ZERO;
    let person = world.tiktok.person("many").await.unwrap();
    world.aws.fail_next("ListSecrets", AwsFault::Refused("ThrottlingException"));
    let page = world.authorize(&person).await;
    page.says("87 of 137 accounts: connections could not be looked at");
    assert_eq!(world.aws.calls("GetSecretValue"), 51, "the app's secret, and as many records as of 50 accounts");
    world.authorize(&person).await.does_not_say(NOT_LOOKED_AT);
}

#[tokio::test]
async fn a_secrets_manager_that_does_not_answer_leaves_nobody_to_believe_that_nothing_has_stopped() {
    let mut world = World::new().await;
    world.config.time_limits.checks = Duration::from_secs(1);
    world.config.time_limits.unconnected = Duration::ZERO;
    let app = world.app();
    Visit::of("auth_code=0000&state=your_custom_params").to(&app).await.says("cannot be shown");
    world.aws.set_latency(Duration::from_hours(1));
    let many = world.tiktok.person("many").await.unwrap();
    for (person, title) in [(many, "All 137 accounts: c"), (world.person(&["Northwind"]).await, "<h2>C")] {
        let callback = world.callback(&NewGrant::of(&person.key)).await;
        let page = Visit::of(&callback).to(&app).await;
        page.says(&format!("{title}{NOT_LOOKED_AT}"));
        assert_eq!(page.token().len(), 40);
    }
}
