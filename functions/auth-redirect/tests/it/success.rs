//! What a person sees and gets when the code works.

use std::time::Duration;

use lambda_http::http::Method;
use wiremock::ResponseTemplate;

use crate::support::{CALLBACK, CODE, TOKEN, World, account, granted, refused};

#[tokio::test]
async fn the_page_shows_the_token_the_accounts_and_the_next_steps() {
    let world = World::granting(&[account(7001, "Northwind Shoes"), account(7002, "Contoso")], &[3, 4]).await;
    let page = world.get(CALLBACK).await;
    assert_eq!(page.status, 200);
    page.says(TOKEN).says("Northwind Shoes").says("7001").says("Contoso").says("7002");
    page.says("TikTok Account Id").says("TikTok Access Token").says("50,000 unique users").says("3, 4");
    page.keeps_quiet_about("class=\"notice").keeps_quiet_about(CODE);
    assert_eq!(world.calls("/oauth2/access_token/").await, 1);
    assert_eq!(world.stored(7001), None, "an advertiser that is not connected is not stored");
}

#[tokio::test]
async fn the_token_is_shown_even_if_all_that_follows_fails() {
    let world = World::new().await;
    world.exchange(granted(&[account(7001, "")], &[3])).await;
    for at in ["/oauth2/advertiser/get/", "/user/info/", "/advertiser/info/", "/dmp/custom_audience/list/"] {
        world.answer("GET", at, refused(50000, "trouble")).await;
    }
    let page = world.get(CALLBACK).await;
    assert_eq!(page.status, 200);
    page.says(TOKEN).says("7001").says("TikTok did not answer in time when we checked");
}

#[tokio::test]
async fn the_token_is_shown_even_if_what_follows_hangs() {
    let mut world = World::new().await;
    world.config.patience.check = Duration::from_millis(300);
    world.config.patience.checks = Duration::from_millis(500);
    world.exchange(granted(&[], &[3])).await;
    let hang = || ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    for at in ["/oauth2/advertiser/get/", "/user/info/", "/advertiser/info/", "/dmp/custom_audience/list/"] {
        world.answer("GET", at, hang()).await;
    }
    let page = tokio::time::timeout(Duration::from_secs(20), world.get(CALLBACK)).await.unwrap();
    page.says(TOKEN).says("TikTok did not tell in time which accounts");
}

#[tokio::test]
async fn a_throttled_probe_is_made_again_so_that_a_useless_token_is_named() {
    let world = World::new().await;
    let accounts = [account(7001, "Northwind Shoes")];
    world.exchange(granted(&accounts, &[3])).await;
    world.throttle_probe(40001).await;
    let page = world.get(CALLBACK).await;
    page.says("Your role does not let you manage audiences");
    assert_eq!(world.calls("/dmp/custom_audience/list/").await, 2);
}

#[tokio::test]
async fn names_in_any_script_are_isolated_and_hostile_ones_escaped() {
    let names = ["<script>alert(1)</script>", "\u{202e}gnp.exe", "متجر \"السعادة\"", "靴のノースウィンド", ""];
    let accounts: Vec<_> = names.iter().zip(7001..).map(|(name, id)| account(id, name)).collect();
    let page = World::granting(&accounts, &[3]).await.get(CALLBACK).await;
    page.says("<bdi class=\"name\">&#60;script&#62;alert(1)&#60;/script&#62;</bdi>");
    page.says("<bdi class=\"name\">\u{202e}gnp.exe</bdi>").says("متجر &#34;السعادة&#34;").says("靴のノースウィンド");
    page.says("Account without a name").keeps_quiet_about("<script>alert");
}

#[tokio::test]
async fn many_accounts_are_all_listed_and_not_all_probed() {
    let accounts: Vec<_> = (1..=150).map(|n| account(7000 + n, &format!("Franchise {n:03}"))).collect();
    let world = World::granting(&accounts, &[3]).await;
    let page = world.get(CALLBACK).await;
    page.says("150 advertiser accounts").says("Franchise 001").says("Franchise 150").says("id=\"find\"");
    page.says("130 of these accounts were not checked");
    assert_eq!(world.calls("/dmp/custom_audience/list/").await, 20);
    assert_eq!(world.calls("/advertiser/info/").await, 2);
}

#[tokio::test]
async fn the_first_page_has_a_button_that_leads_to_tiktok_and_back_to_the_same_browser_only() {
    let mut world = World::granting(&[account(7001, "Northwind")], &[3]).await;
    world.config.require_fresh_state = true;
    let start = world.get("").await;
    assert_eq!(start.status, 200);
    start.says("href=\"?start=1\"");

    let begin = world.get("start=1").await;
    assert_eq!(begin.status, 302);
    let location = begin.headers["location"].to_str().unwrap();
    let cookie = begin.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    let (_, state) = location.split_once("&state=").unwrap();
    assert_eq!(cookie, format!("__Host-consent-state={state}"));
    assert!(location.starts_with("https://ads.tiktok.com/marketing_api/auth?app_id=7000000001&redirect_uri="));

    let back = format!("auth_code={CODE}&state={state}");
    for (query, cookie) in [(&*back, ""), (CALLBACK, cookie), (&*format!("auth_code={CODE}"), cookie)] {
        let elsewhere = world.ask(Method::GET, query, cookie).await;
        assert_eq!(elsewhere.status, 400);
        elsewhere.says("start again in this browser");
    }
    assert_eq!(world.calls("/oauth2/access_token/").await, 0);
    world.ask(Method::GET, &back, cookie).await.says(TOKEN);
}

#[tokio::test]
async fn a_page_loaded_again_says_that_the_token_was_shown() {
    let world = World::granting(&[account(7001, "Northwind")], &[3]).await;
    let first = world.get(CALLBACK).await;
    first.says(TOKEN).says("data-address=\"?shown=1\"");
    let shown = world.get("shown=1").await;
    assert_eq!(shown.status, 200);
    shown.says("The token was shown once").says("href=\"?start=1\"").keeps_quiet_about(TOKEN);
    let without_script = world.get(CALLBACK).await;
    assert_eq!(without_script.status, 410);
    without_script.says("used or expired").says("shown only once").says("href=\"?start=1\"").keeps_quiet_about(TOKEN);
}
