//! What a person is told when there is no token: what it is, and what to do.

use std::time::Duration;

use auth_redirect::App;
use sandbox::Fault;
use sandbox::control::{NewApp, NewGrant};
use sandbox::journal::Query;
use secrets::in_memory::Fault as AwsFault;

use crate::world::{APP_SECRET_ID, EXCHANGE, Page, REQUEST_ID, Visit, World};

/// The page of somebody whose exchange meets this fault once.
async fn page_after(world: &World, fault: Fault) -> Page {
    let person = world.person(&["Northwind"]).await;
    world.tiktok.fault(fault.on(EXCHANGE)).await.unwrap();
    world.authorize(&person).await
}

/// The app has another secret, which Secrets Manager holds too. What was read before is old enough to be read again.
async fn change_app_secret(world: &World) {
    let app_id = world.tiktok.rules().await.unwrap().app_id;
    let new = NewApp { app_id: app_id.clone(), secret: "another".to_owned(), blocked: false };
    world.tiktok.set_app(&new).await.unwrap();
    world.aws.set(APP_SECRET_ID, &serde_json::json!({"app_id": app_id, "secret": "another\n"}).to_string());
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_wrong_code_is_said_to_be_used_whatever_tiktok_calls_it() {
    for code in [40_110, 40_115, 40_002, 40_000, 40_999] {
        let page = page_after(&World::new().await, Fault::code(code, "no")).await;
        assert_eq!(page.status, 410, "{code}");
        page.says("cannot be shown").says("href=\"/v1/auth?start=1\"");
    }
}

#[tokio::test]
async fn a_consent_that_was_refused_or_broken_off() {
    let world = World::new().await;
    for query in ["error=access_denied&state=your_custom_params", "state=your_custom_params", "auth_code=&state=s"] {
        let page = world.get(query).await;
        assert_eq!(page.status, 400);
        page.says("was not finished").says("Platform Service Agreement").says("account manager").says("Start again");
    }
    assert_eq!(world.calls(EXCHANGE).await, 0);
}

#[tokio::test]
async fn a_throttled_exchange_is_made_again() {
    let world = World::new().await;
    let page = page_after(&world, Fault::code(40_100, "Too many requests").next(2)).await;
    assert_eq!((page.status, page.token().len()), (200, 40));
    assert_eq!(world.calls(EXCHANGE).await, 3);
}

#[tokio::test]
async fn one_that_stays_throttled_keeps_its_code_and_tries_again_by_itself() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    world.tiktok.fault(Fault::code(40_100, "Too many requests").on(EXCHANGE)).await.unwrap();
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    let page = world.get(&callback).await;
    assert_eq!(page.status, 429);
    let exchanges = world.calls(EXCHANGE).await;
    assert!(exchanges <= 3, "{exchanges} calls for one code add to what TikTok throttles");
    page.says("One moment, please")
        .says("not used up")
        .says("<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>");
    page.says("data-again=\"5\"").does_not_say("data-address").says("<a class=\"button\" href=\"\">Try now</a>");
    assert_eq!(page.headers["retry-after"], "5");
    world.tiktok.clear_faults().await.unwrap();
    assert_eq!(world.get(&callback).await.token().len(), 40);
}

#[tokio::test]
async fn a_tiktok_that_cannot_be_reached_has_seen_no_code() {
    let mut world = World::new().await;
    world.config.time_limits.exchange = Duration::from_millis(4_500);
    let person = world.person(&["Northwind"]).await;
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    let right = world.config.tiktok_api_base_url.clone();
    // Nobody listens at the port of a listener that is gone.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.config.tiktok_api_base_url = format!("http://{nobody}/open_api/v1.3");
    world.get(&callback).await.says("One moment, please");
    world.config.tiktok_api_base_url = right;
    assert_eq!(world.get(&callback).await.token().len(), 40);
}

#[tokio::test]
async fn a_connection_that_tiktok_closes_between_two_authorizations_costs_no_code() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let app: App = world.app();
    for _ in 0..2 {
        let callback = world.callback(&NewGrant::of(&person.key)).await;
        // The last call of each authorization leaves a connection behind that TikTok closes at once.
        world.tiktok.fault(Fault::cut().on("/segment/audience/").next(1)).await.unwrap();
        assert_eq!(Visit::of(&callback).to(&app).await.token().len(), 40);
    }
}

#[tokio::test]
async fn an_exchange_that_tiktok_may_have_done_is_not_made_again() {
    for fault in [Fault::code(50_000, "Internal"), Fault::status(502), Fault::cut(), Fault::text("<html>")] {
        let world = World::new().await;
        let page = page_after(&world, fault).await;
        assert_eq!(page.status, 503);
        page.says("TikTok is not answering").says("Try again").says("You have done nothing wrong");
        assert_eq!(world.calls(EXCHANGE).await, 1);
    }
}

#[tokio::test]
async fn a_slow_tiktok_is_given_up_in_time() {
    let mut world = World::new().await;
    world.config.time_limits.exchange = Duration::from_secs(1);
    page_after(&world, Fault::hang(30_000)).await.says("TikTok is not answering");
}

#[tokio::test]
async fn the_operators_fault_is_a_reference_and_no_detail() {
    for code in [40_101, 40_104, 40_113] {
        let page = page_after(&World::new().await, Fault::code(code, "The secret is wrong")).await;
        assert_eq!(page.status, 500);
        page.says("for us to fix").says(REQUEST_ID).does_not_say("secret is wrong").does_not_say(&code.to_string());
        page.does_not_say("start=1");
    }
}

#[tokio::test]
async fn a_missing_or_broken_app_secret_is_the_operators_fault_and_spends_no_code() {
    for broken in [None, Some("{}"), Some("not json")] {
        let world = World::new().await;
        let person = world.person(&["Northwind"]).await;
        let callback = world.callback(&NewGrant::of(&person.key)).await;
        match broken {
            Some(text) => world.aws.set(APP_SECRET_ID, text),
            None => world.aws.fail_next("GetSecretValue", AwsFault::Refused("ResourceNotFoundException")),
        }
        let page = world.get(&callback).await;
        assert_eq!(page.status, 500);
        page.says(REQUEST_ID).does_not_say(APP_SECRET_ID);
        assert_eq!(world.calls(EXCHANGE).await, 0);
    }
}

#[tokio::test]
async fn an_app_secret_that_may_not_be_read_is_the_operators_fault() {
    for code in ["AccessDeniedException", "DecryptionFailure"] {
        let world = World::new().await;
        world.aws.fail_next("GetSecretValue", AwsFault::Refused(code));
        let page = world.get("auth_code=0000&state=your_custom_params").await;
        assert_eq!(page.status, 500);
        page.says(REQUEST_ID).does_not_say(code);
    }
}

#[tokio::test]
async fn a_secrets_manager_in_trouble_spends_no_code_and_the_page_tries_again_by_itself() {
    let throttled = AwsFault::Refused("ThrottlingException");
    for fault in [AwsFault::NotReached, AwsFault::AnswerLost, AwsFault::Broken, throttled] {
        let world = World::new().await;
        let person = world.person(&["Northwind"]).await;
        let callback = world.callback(&NewGrant::of(&person.key)).await;
        world.aws.fail_next("GetSecretValue", fault);
        let page = world.get(&callback).await;
        assert_eq!((page.status, world.calls(EXCHANGE).await), (429, 0), "{fault:?}");
        page.says("One moment, please").says("not used up").says("data-again=\"5\"").does_not_say("data-address");
        assert_eq!(world.get(&callback).await.token().len(), 40, "{fault:?}");
    }
}

#[tokio::test]
async fn a_slow_secrets_manager_is_given_up_in_time_and_spends_no_code() {
    let mut world = World::new().await;
    world.config.time_limits.secret = Duration::from_millis(50);
    let person = world.person(&["Northwind"]).await;
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    world.aws.set_latency(Duration::from_hours(1));
    let page = world.get(&callback).await;
    assert_eq!((page.status, world.calls(EXCHANGE).await), (429, 0));
    page.says("One moment, please").says("not used up");
}

#[tokio::test]
async fn an_app_secret_that_was_changed_is_read_again_at_once() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let app = world.app();
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    Visit::of(&callback).to(&app).await.says("Your access token is ready");
    change_app_secret(&world).await;
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    Visit::of(&callback).to(&app).await.says("Your access token is ready");
    let exchanges = world.tiktok.calls(&Query::path(EXCHANGE)).await.unwrap();
    assert_eq!(exchanges.iter().map(|call| call.code).collect::<Vec<_>>(), [Some(0), Some(40_113), Some(0)]);
}

#[tokio::test]
async fn an_app_secret_that_may_have_been_changed_is_not_called_wrong_while_secrets_manager_fails() {
    let world = World::new().await;
    let person = world.person(&["Northwind"]).await;
    let app = world.app();
    Visit::of("auth_code=0000&state=your_custom_params").to(&app).await.says("cannot be shown");
    change_app_secret(&world).await;
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    world.aws.fail_next("GetSecretValue", AwsFault::NotReached);
    Visit::of(&callback).to(&app).await.says("One moment, please").says("not used up");
    assert_eq!(world.get(&callback).await.token().len(), 40, "the code is unspent");
}

#[tokio::test]
async fn an_app_secret_that_was_changed_begins_no_exchange_that_would_end_too_late() {
    let mut world = World::new().await;
    world.config.time_limits.exchange = Duration::from_secs(3);
    let person = world.person(&["Northwind"]).await;
    let app = world.app();
    Visit::of("auth_code=0000&state=your_custom_params").to(&app).await.says("cannot be shown");
    change_app_secret(&world).await;
    let callback = world.callback(&NewGrant::of(&person.key)).await;
    Visit::of(&callback).to(&app).await.says("One moment, please").says("not used up");
    let exchanges = world.tiktok.calls(&Query::path(EXCHANGE)).await.unwrap();
    assert_eq!(exchanges.iter().map(|call| call.code).collect::<Vec<_>>(), [Some(40_110), Some(40_113)]);
    assert_eq!(Visit::of(&callback).to(&app).await.token().len(), 40, "the code is unspent");
}

#[tokio::test]
async fn the_app_secret_is_kept_between_authorizations() {
    let world = World::new().await;
    let app = world.app();
    for _ in 0..3 {
        Visit::of("auth_code=0000&state=your_custom_params").to(&app).await.says("cannot be shown");
    }
    assert_eq!(world.aws.calls("GetSecretValue"), 1);
}

#[tokio::test]
async fn no_page_repeats_what_came_with_the_address() {
    let world = World::new().await;
    let queries = [
        "error=%3Cscript%3Ehello&error_description=evil",
        "auth_code=evil&state=your_custom_params",
        "auth_code=evil%0A&state=evil",
        "x=evil",
    ];
    for query in queries {
        let page = world.get(query).await;
        assert!(!page.html.contains("evil"), "{query}");
        page.does_not_say("hello");
    }
}
