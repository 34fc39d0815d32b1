//! What a person sees and gets when the code works: the token, and whose it is.

use std::time::Duration;

use sandbox::Fault;
use sandbox::control::{NewGrant, PersonChange};
use serde_json::json;

use crate::world::{EXCHANGE, Visit, World};

#[tokio::test]
async fn the_page_shows_the_token_whose_it_is_and_where_it_goes() {
    let world = World::new().await;
    let person = world.person(&["Northwind Shoes", "Contoso"]).await;
    let page = world.authorize(&person).await;
    assert_eq!(page.status, 200);
    page.says("Authorized as <strong><bdi>Ada Admin</bdi></strong> (<bdi>p•••@example.com</bdi>)");
    page.says("Not you? Sign out at TikTok and <a href=\"/v1/auth?start=1\">authorize again</a>");
    page.does_not_say(&person.email);
    page.says("anyone with the token may access your advertiser accounts").says("One token serves all the accounts");
    page.says("Integrations directory")
        .says("TikTok Account Id")
        .says("TikTok Access Token")
        .says("50,000 unique users");
    page.says("the id of the account that is to receive the audience");
    page.does_not_say("class=\"notice");
    for id in &person.advertisers {
        page.says(id);
        assert_eq!(world.record(id), None, "an advertiser that is not connected is not stored");
    }
    assert_eq!(world.calls(EXCHANGE).await, 1);
    assert_eq!(page.token().len(), 40);
}

#[tokio::test]
async fn send_email_is_explained_where_there_is_such_a_setting() {
    let mut world = World::new().await;
    let person = world.person(&["Northwind Shoes"]).await;
    world.authorize(&person).await.does_not_say("Send Email");
    world.config.email_identities = true;
    world.authorize(&person).await.says("<strong>Send Email</strong> is off").says("as SHA-256 hashes");
}

#[tokio::test]
async fn with_one_account_its_id_is_filled_in() {
    let world = World::new().await;
    let person = world.person(&["Northwind Shoes"]).await;
    let id = person.advertisers[0].clone();
    let page = world.authorize(&person).await;
    page.says(&format!("<dt>TikTok Account Id</dt><dd><span class=\"row\"><code class=\"value\">{id}</code>"));
    page.says(&format!("data-copy=\"id-{id}\"")).says("One token serves all the accounts");
}

#[tokio::test]
async fn names_with_markup_or_other_directions_are_shown_as_text() {
    let names = ["<script>alert(1)</script>", "\u{202e}gnp.exe", "متجر \"السعادة\"", "靴のノースウィンド", ""];
    let world = World::new().await;
    let person = world.person(&names).await;
    let change = PersonChange {
        display_name: Some("<img src=x onerror=alert(1)>\u{202e}\n\u{0}".to_owned()),
        email: Some("\"><b>@<script>.example".to_owned()),
        ..PersonChange::default()
    };
    world.tiktok.change_person(&person.key, &change).await.unwrap();
    let page = world.authorize(&person).await;
    page.says("<bdi>&#60;img src=x onerror=alert(1)&#62;\u{202e}</bdi>")
        .says("(<bdi>&#34;•••@&#60;script&#62;.example</bdi>)");
    page.says("<bdi class=\"name\">&#60;script&#62;alert(1)&#60;/script&#62;</bdi>");
    page.says("<bdi class=\"name\">\u{202e}gnp.exe</bdi>").says("متجر &#34;السعادة&#34;").says("靴のノースウィンド");
    page.says("Account without a name").does_not_say("<script>alert").does_not_say("<img");
}

#[tokio::test]
async fn a_login_without_a_name_or_an_address_is_said_to_have_none() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let nothing =
        PersonChange { shown_as: Some(json!({"display_name": null, "email": null})), ..PersonChange::default() };
    world.tiktok.change_person(&person.key, &nothing).await.unwrap();
    world.authorize(&person).await.says("a TikTok user without a name").does_not_say("(<bdi>");
    world.tiktok.fault(Fault::code(50_000, "trouble").on("/user/info/")).await.unwrap();
    world.authorize(&person).await.says("TikTok did not say whose login this is");
}

#[tokio::test]
async fn the_token_is_shown_even_if_all_that_follows_fails() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    world.tiktok.fault(Fault::code(50_000, "trouble").after(1)).await.unwrap();
    let page = world.authorize(&person).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.token().len(), 40);
    page.says(&person.advertisers[0]).says("Not checked").says("TikTok is asked when you connect an audience");
}

#[tokio::test]
async fn the_token_is_shown_even_if_what_follows_hangs() {
    let mut world = World::new().await;
    world.config.time_limits.call = Duration::from_millis(300);
    world.config.time_limits.checks = Duration::from_millis(500);
    let person = world.person(&["Northwind"]).await;
    world.tiktok.fault(Fault::hang(30_000).after(1)).await.unwrap();
    let page = tokio::time::timeout(Duration::from_secs(20), world.authorize(&person)).await.unwrap();
    assert_eq!(page.token().len(), 40);
}

#[tokio::test]
async fn the_permissions_are_told_in_words() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let page = world.authorize_with(&NewGrant::of(&person.key).scopes(&[1, 3, 4, 100])).await;
    page.says("<summary>What you allowed at TikTok</summary>").says("<li>See the ad account’s information</li>");
    page.says("<li>Audience Management</li>\n<li>Others, by TikTok’s numbers: 4</li>");
}

#[tokio::test]
async fn the_start_page_leads_to_tiktok_and_back_to_the_same_browser_only() {
    let mut world = World::new().await;
    world.config.require_fresh_state = true;
    let person = world.person(&["Northwind"]).await;
    let app = world.app();
    let start = Visit::of("").to(&app).await;
    assert_eq!(start.status, 200);
    let order = [
        "account manager",
        "Admin or Operator",
        "tick Audience Management",
        "Platform Service Agreement",
        "Copy the token",
    ];
    let places: Vec<_> = order.iter().map(|step| start.html.find(step).unwrap_or_else(|| panic!("{step}"))).collect();
    assert!(places.is_sorted(), "the steps are in order");
    start.says("href=\"/v1/auth?start=1\"");

    let begun = Visit::of("start=1").to(&app).await;
    assert_eq!(begun.status, 302);
    let (_, state) = begun.headers["location"].rsplit_once("state=").unwrap();
    let cookie = begun.cookies[0].split(';').next().unwrap().to_owned();
    let code = world.tiktok.auth_code(&NewGrant::of(&person.key)).await.unwrap();
    let back = format!("auth_code={code}&state={state}");
    let public = format!("auth_code={code}&state=your_custom_params");
    for (query, cookies) in [(&back, vec![]), (&public, vec![cookie.clone()])] {
        let elsewhere = Visit { cookies, ..Visit::of(query) }.to(&app).await;
        assert_eq!(elsewhere.status, 400);
        elsewhere.says("start again in this browser").says("no token was made");
    }
    assert_eq!(world.calls(EXCHANGE).await, 0);
    let landed = Visit { cookies: vec!["other=1".to_owned(), cookie], ..Visit::of(&back) }.to(&app).await;
    assert_eq!(landed.token().len(), 40);
}

#[tokio::test]
async fn loading_the_page_again_says_that_the_token_was_shown() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    world.get(&callback).await.says("data-address=\"?shown=1\"");
    let shown = world.get("shown=1").await;
    assert_eq!(shown.status, 200);
    shown.says("The token was shown once").says("That is as it should be").says("href=\"/v1/auth?start=1\"");
    let without_script = world.get(&callback).await;
    assert_eq!(without_script.status, 410);
    without_script.says("A token is shown only once").says("If you have copied the token, you are done");
}
