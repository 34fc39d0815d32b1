//! What a person is told when there is no token, or one that does not help.

use std::time::Duration;

use crate::support::{APP_SECRET, Account, CALLBACK, CODE, Page, REQUEST_ID, TOKEN, World, account, refused};
use wiremock::ResponseTemplate;

async fn exchanged(response: ResponseTemplate) -> (World, Page) {
    let world = World::new().await;
    world.exchange(response).await;
    let page = world.get(CALLBACK).await;
    assert_eq!(world.calls("/oauth2/access_token/").await, 1, "a code is exchanged once");
    (world, page)
}

#[tokio::test]
async fn a_spent_code() {
    let (_, page) = exchanged(refused(40110, "Auth_code is used")).await;
    assert_eq!(page.status, 410);
    page.says("used or expired").says("href=\"?start=1\"");
}

#[tokio::test]
async fn a_refused_or_unfinished_consent() {
    let world = World::new().await;
    for query in ["error=access_denied&state=your_custom_params", "state=your_custom_params", "auth_code=&state=s"] {
        let page = world.get(query).await;
        assert_eq!(page.status, 400);
        page.says("was not finished").says("Platform Service Agreement").says("href=\"?start=1\"");
    }
    assert_eq!(world.calls("/oauth2/access_token/").await, 0);
}

#[tokio::test]
async fn a_damaged_address() {
    let world = World::new().await;
    let long = format!("auth_code={}&state=your_custom_params", "x".repeat(600));
    for query in
        [&*long, "auth_code=a&auth_code=a&state=your_custom_params", "auth_code=a%0Ab&state=your_custom_params"]
    {
        let page = world.get(query).await;
        assert_eq!(page.status, 400);
        page.says("address is damaged");
    }
    assert_eq!(world.calls("/oauth2/access_token/").await, 0);
}

#[tokio::test]
async fn tiktok_in_trouble() {
    for response in [refused(50000, "Internal"), refused(40100, "Too many"), ResponseTemplate::new(502)] {
        let (_, page) = exchanged(response).await;
        assert_eq!(page.status, 503);
        page.says("TikTok is not answering").says("Try again");
    }
}

#[tokio::test]
async fn tiktok_slow() {
    let mut world = World::new().await;
    world.config.patience.exchange = Duration::from_secs(1);
    world.exchange(ResponseTemplate::new(200).set_delay(Duration::from_secs(30))).await;
    world.get(CALLBACK).await.says("TikTok is not answering");
    assert_eq!(world.calls("/oauth2/access_token/").await, 1);
}

#[tokio::test]
async fn the_operators_fault_is_a_reference_and_no_detail() {
    for code in [40101, 40104, 40113, 40999] {
        let (_, page) = exchanged(refused(code, "The secret is wrong")).await;
        assert_eq!(page.status, 500);
        page.says("for us to fix")
            .says(REQUEST_ID)
            .keeps_quiet_about("secret is wrong")
            .keeps_quiet_about(&code.to_string());
        page.keeps_quiet_about("href=\"?start=1\"");
    }
}

#[tokio::test]
async fn a_missing_or_broken_app_secret_is_the_operators_fault() {
    for broken in [None, Some("{}"), Some("not json")] {
        let world = World::new().await;
        let mut vault = world.vault.lock().unwrap().clone();
        vault.remove("audiences/app");
        vault.extend(broken.map(|text| ("audiences/app".to_owned(), text.to_owned())));
        *world.vault.lock().unwrap() = vault;
        let page = world.get(CALLBACK).await;
        assert_eq!(page.status, 500);
        page.says(REQUEST_ID).keeps_quiet_about("audiences/app");
        assert_eq!(world.calls("/oauth2/access_token/").await, 0, "the code is not spent");
    }
}

#[tokio::test]
async fn no_advertiser_account() {
    let page = World::granting(&[], &[3]).await.get(CALLBACK).await;
    assert_eq!(page.status, 200);
    page.says("No advertiser account was found").says("Business Center").says("all the same").says(TOKEN);
}

#[tokio::test]
async fn the_permission_is_missing() {
    let world = World::granting(&[account(7001, "Northwind")], &[1, 4, 30]).await;
    let page = world.get(CALLBACK).await;
    page.says("One permission is missing").says("Audience Management was not ticked").says("1, 4, 30").says(TOKEN);
    page.keeps_quiet_about("In mParticle");
    assert_eq!(world.calls("/dmp/custom_audience/list/").await, 0);
}

/// An account that `probe`, `status` and `role` make trouble for, alone and beside one without trouble.
async fn hindered(probe: i64, status: &'static str, role: &'static str) -> [Page; 2] {
    let hindered = Account { status, role, probe, ..account(7001, "One") };
    let alone = World::granting(std::slice::from_ref(&hindered), &[3]).await.get(CALLBACK).await;
    let beside = World::granting(&[hindered, account(7002, "Two")], &[3]).await.get(CALLBACK).await;
    beside.says("Your access token is ready").says("1 of 2 accounts: ").says("<bdi>One</bdi>").says(TOKEN);
    [alone, beside]
}

#[tokio::test]
async fn a_token_that_may_not_manage_audiences_is_named_before_it_is_pasted() {
    let table = [
        (40001, "ROLE_ADVERTISER", "role does not let you manage audiences", "Analyst is not enough"),
        (40300, "ROLE_ADVERTISER", "ut of your reach", "Ask an admin"),
        (40001, "ROLE_AGENT", "n agency’s own account", "client’s advertiser account"),
    ];
    for (probe, role, what, advice) in table {
        let [alone, beside] = hindered(probe, "STATUS_ENABLE", role).await;
        alone.says("This token would not work yet").says("all the same").says("href=\"?start=1\"").says(TOKEN);
        alone.says(what).says(advice).keeps_quiet_about("In mParticle");
        beside.says(what).says(advice).says("In mParticle");
    }
}

#[tokio::test]
async fn a_token_that_only_has_to_wait_is_shown_with_what_it_waits_for() {
    let table = [
        (40118, "STATUS_ENABLE", "integration is not approved yet", "TikTok account manager"),
        (40001, "STATUS_DISABLE", "isabled", "TikTok’s support"),
        (0, "STATUS_PENDING_CONFIRM", "till in review", "Wait until"),
    ];
    for (probe, status, what, advice) in table {
        let [alone, beside] = hindered(probe, status, "ROLE_ADVERTISER").await;
        alone.says("The token is ready, but the account is not yet").says(TOKEN).says("In mParticle");
        alone.says(what).says(advice).keeps_quiet_about("href=\"?start=1\"");
        beside.says(what).says(advice);
    }
}

#[tokio::test]
async fn no_page_repeats_what_came_with_the_address() {
    let world = World::new().await;
    world.exchange(refused(40110, "used")).await;
    for query in [CALLBACK, "error=%3Cscript%3Ehello&error_description=evil", "auth_code=evil%0A&state=evil", "x=evil"]
    {
        world.get(query).await.keeps_quiet_about(CODE).keeps_quiet_about("evil").keeps_quiet_about(APP_SECRET);
    }
}
