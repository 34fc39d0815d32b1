//! What the page says of each account: ready, cannot and why, not checked; and what is connected.

use sandbox::control::{AdvertiserChange, AudienceChange, NewAudience, NewGrant};
use sandbox::world::Role;
use sandbox::{Fault, Rules};
use serde_json::json;

use crate::world::{AUDIENCE, Page, World};

/// The parts of the page's source that are about one account each, in order.
fn rows(page: &Page) -> Vec<String> {
    page.plain().split("<li class=\"account\">").skip(1).map(str::to_owned).collect()
}

/// The page of somebody in this role, whose first account TikTok shows with this status and kind.
async fn page_of_account(role: Role, change: &AdvertiserChange, beside_another: bool) -> Page {
    let world = World::with(|rules: &mut Rules| rules.analyst_reads_audiences = true).await;
    let person = world.person(if beside_another { &["One", "Two"] } else { &["One"] }).await;
    world.tiktok.change_advertiser(&person.advertisers[0], change).await.unwrap();
    let person = world.login("Ana", role, &person.advertisers).await;
    world.authorize(&person).await
}

#[tokio::test]
async fn an_analyst_who_may_read_audiences_is_told_that_the_role_does_not_suffice() {
    let page = page_of_account(Role::Analyst, &AdvertiserChange::default(), false).await;
    page.says("This token would not work yet")
        .says("Your role does not let you manage audiences")
        .says("Analyst is not enough");
    page.says("Cannot: your role").says("I want the token all the same").does_not_say("In mParticle");
}

#[tokio::test]
async fn an_agencys_own_account_is_named() {
    let agent = AdvertiserChange { shown_as: Some(json!({"role": "ROLE_AGENT"})), ..AdvertiserChange::default() };
    let page = page_of_account(Role::Analyst, &agent, false).await;
    page.says("An agency’s own account").says("client’s advertiser account").says("Cannot: agency account");
}

#[tokio::test]
async fn what_only_has_to_wait_is_named_with_what_it_waits_for() {
    let status = |word: &str| AdvertiserChange { status: Some(word.to_owned()), ..AdvertiserChange::default() };
    let unlisted = AdvertiserChange { allow_listed: Some(false), ..AdvertiserChange::default() };
    let table = [
        (unlisted, "his integration is not approved yet", "Cannot yet: not approved for this integration"),
        (status("STATUS_DISABLE"), "isabled, or not approved by TikTok", "Cannot yet: not enabled"),
        (status("STATUS_PENDING_CONFIRM"), "till in review", "Cannot yet: in review at TikTok"),
    ];
    for (change, what, label) in table {
        let alone = page_of_account(Role::Admin, &change, false).await;
        alone.says("The token is ready, but the account is not yet").says(what).says(label).says("In mParticle");
        let beside = page_of_account(Role::Admin, &change, true).await;
        beside
            .says("Your access token is ready")
            .says("1 of 2 accounts: ")
            .says("<bdi>One</bdi>")
            .says(what)
            .says(label);
        assert_eq!(rows(&beside).iter().filter(|row| row.contains("✓</span>Ready")).count(), 1);
    }
}

#[tokio::test]
async fn the_permission_is_asked_without_writing_and_once_an_account() {
    let world = World::new().await;
    let person = world.person(&["Northwind", "Contoso"]).await;
    world.authorize(&person).await.says("Ready");
    for id in &person.advertisers {
        let calls = world.tiktok.journal_of(id).await.unwrap();
        let asked: Vec<_> = calls.iter().filter(|call| call.path == AUDIENCE).collect();
        assert_eq!(asked.len(), 1);
        assert_eq!(
            (asked[0].action.as_deref(), asked[0].code, asked[0].applied),
            (Some("delete"), Some(40_007), false)
        );
    }
}

#[tokio::test]
async fn a_throttled_question_is_asked_again() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    world.tiktok.fault(Fault::code(40_100, "Too many requests").on(AUDIENCE).next(1)).await.unwrap();
    world.authorize(&person).await.says("✓</span>Ready");
    assert_eq!(world.calls(AUDIENCE).await, 2);
}

#[tokio::test]
async fn without_the_permission_nothing_is_asked_and_no_account_is_judged() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let page = world.authorize_with(&NewGrant::of(&person.key).scopes(&[1, 4, 30])).await;
    page.says("One permission is missing").says("Audience Management was not ticked").does_not_say("Not checked");
    assert_eq!(world.calls(AUDIENCE).await, 0);
}

#[tokio::test]
async fn connected_accounts_come_first_with_their_audiences() {
    let world = World::new().await;
    let person = world.person(&["Alpha", "Beta", "Gamma"]).await;
    let gamma = person.advertisers[2].clone();
    let token = world.tiktok.token(&person.key).await.unwrap();
    world.connect(&gamma, 123, &token.access_token, &person.core_user_id);
    for (name, users) in
        [("Shoppers [mp-123-7]", 61_234), ("VIP [mp-123-8]", 1_200), ("Theirs", 9), ("Old [mp-123-9]", 70_000)]
    {
        let new = NewAudience { advertiser_id: gamma.clone(), name: name.to_owned(), audience_type: None };
        let id = world.tiktok.create_audience(&new).await.unwrap();
        let change = AudienceChange { cover_num: Some(users), ..AudienceChange::default() };
        world.tiktok.change_audience(&id, &change).await.unwrap();
        if name.starts_with("Old") {
            world.tiktok.expire_audience(&id).await.unwrap();
        }
    }
    let page = world.authorize(&person).await;
    let rows = rows(&page);
    let names: Vec<_> =
        ["Gamma", "Alpha", "Beta"].into_iter().zip(&rows).map(|(name, row)| row.contains(name)).collect();
    assert_eq!(names, [true, true, true]);
    page.says("mParticle configuration 123: works.");
    page.says("<bdi>Shoppers</bdi>").says("✓</span>61,234 users");
    page.says("<bdi>VIP</bdi>").says("!</span>1,200 users: too few, TikTok uses it from 50,000 on");
    page.says("<bdi>Old</bdi>").says("✕</span>expired").does_not_say("Theirs");
    assert!(!rows[1].contains("configuration"));
}

#[tokio::test]
async fn many_accounts_are_all_listed_and_looked_into_as_far_as_the_pace_allows() {
    let mut world = World::new().await;
    world.config.time_limits.unconnected = std::time::Duration::from_millis(500);
    let person = world.tiktok.person("many").await.unwrap();
    let page = world.authorize(&person).await;
    page.says("137 advertiser accounts").says("Franchise 001").says("Franchise 137").says("id=\"find\"");
    page.says("accounts.").says("not checked.");
    let permissions = world.calls(AUDIENCE).await;
    let checked = rows(&page).iter().filter(|row| !row.contains("Not checked")).count();
    assert_eq!(checked, permissions);
    // The second hundred's details, which nothing goes before, and what is left of the burst and of the half second.
    let asked = permissions + world.calls("/advertiser/info/").await - 1;
    assert!((1..=6).contains(&asked), "{asked} calls in a moment");
}

#[tokio::test]
async fn of_many_accounts_only_the_records_that_there_are_are_read() {
    let mut world = World::new().await;
    world.config.time_limits.unconnected = std::time::Duration::ZERO;
    let person = world.tiktok.person("many").await.unwrap();
    let last = person.advertisers.last().unwrap();
    let token = world.tiktok.token(&person.key).await.unwrap();
    world.connect(last, 123, &token.access_token, &person.core_user_id);
    let page = world.authorize(&person).await;
    assert!(rows(&page)[0].contains(last), "the connected one comes first");
    assert_eq!(world.aws.calls("GetSecretValue"), 2, "the app's secret and one record");
}

#[tokio::test]
async fn a_login_without_an_advertiser_account_hears_what_to_do() {
    let world = World::new().await;
    let person = world.tiktok.person("business-center").await.unwrap();
    let page = world.authorize(&person).await;
    page.says("No advertiser account was found").says("Business Center").says("I want the token all the same");
}
