//! What goes over the wire, and what the client makes of what comes back.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use hashed_id::HashedId;
use ids::{AdvertiserId, Encoding, IdType};
use secrecy::SecretString;
use serde_json::{Value, json};
use tiktok::{Acceptance, Action, AppCredentials, Client, Mapping, Meaning, Row, Schema};
use wiremock::matchers::{body_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TIMEOUT: Duration = Duration::from_secs(10);

fn token() -> SecretString {
    "t0k3n".into()
}

fn advertiser() -> AdvertiserId {
    "7000000000000000001".parse().unwrap()
}

fn client(tiktok: &MockServer) -> Client {
    Client::new(&tiktok.uri(), TIMEOUT).unwrap()
}

fn done(data: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"code": 0, "message": "OK", "request_id": "r-1", "data": data}))
}

fn refused(code: i64) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"code": code, "message": "no", "request_id": "r-2", "data": {}}))
}

async fn answer(tiktok: &MockServer, to: &str, with: ResponseTemplate) {
    Mock::given(path(to)).and(header("access-token", "t0k3n")).respond_with(with).mount(tiktok).await;
}

fn user() -> ResponseTemplate {
    done(&json!({"core_user_id": "7123", "display_name": "Ada"}))
}

fn listed(advertisers: &Value) -> ResponseTemplate {
    done(&json!({"list": advertisers}))
}

#[tokio::test]
async fn a_token_is_accepted_for_an_advertiser_that_tiktok_lists_for_it() {
    let tiktok = MockServer::start().await;
    answer(&tiktok, "/user/info/", user()).await;
    Mock::given(path("/advertiser/info/"))
        .and(query_param("advertiser_ids", r#"["7000000000000000001"]"#))
        .and(query_param("fields", r#"["advertiser_id","name","role","status"]"#))
        .respond_with(listed(
            &json!([{"advertiser_id": "7000000000000000001", "name": "Acme", "status": "STATUS_ENABLE"}]),
        ))
        .mount(&tiktok)
        .await;
    let Acceptance::Accepted { user, advertiser: found } =
        client(&tiktok).accepts(&token(), advertiser()).await.unwrap()
    else {
        panic!("it is accepted")
    };
    assert_eq!((user.core_user_id.as_str(), found.name.as_str(), found.advertiser_id), ("7123", "Acme", advertiser()));
}

#[tokio::test]
async fn a_token_is_refused_where_tiktok_says_so_and_undecided_where_it_does_not() {
    let nobody = listed(&json!([{"advertiser_id": "7000000000000000002"}]));
    let down = ResponseTemplate::new(502);
    let ok = || listed(&json!([{"advertiser_id": "7000000000000000001"}]));
    let table = [
        (refused(40105), ok(), Some(Meaning::Reauthorize)),
        (user(), refused(40001), Some(Meaning::NotPermitted)),
        (user(), refused(40300), Some(Meaning::Reauthorize)),
        (user(), refused(40007), Some(Meaning::Missing)),
        (user(), nobody, Some(Meaning::Reauthorize)),
        (user(), listed(&Value::Null), Some(Meaning::Reauthorize)),
        (refused(40100), ok(), None),
        (user(), refused(40133), None),
        (user(), refused(40113), None),
        (user(), refused(40118), None),
        (user(), refused(50000), None),
        (user(), refused(40002), None),
        (user(), done(&json!({})), None),
        (user(), listed(&json!([{"advertiser_id": null}])), None),
        (done(&json!({})), ok(), None),
        (down, ok(), None),
    ];
    for (at, (of_user, of_advertiser, expected)) in table.into_iter().enumerate() {
        let tiktok = MockServer::start().await;
        answer(&tiktok, "/user/info/", of_user).await;
        answer(&tiktok, "/advertiser/info/", of_advertiser).await;
        let meaning = match client(&tiktok).accepts(&token(), advertiser()).await {
            Ok(Acceptance::Refused(failure)) => Some(failure.meaning),
            Ok(Acceptance::Accepted { .. }) => panic!("row {at} is accepted"),
            Err(_) => None,
        };
        assert_eq!(meaning, expected, "row {at}");
    }
}

#[tokio::test]
async fn a_mapping_has_a_time_out_of_its_own() {
    let tiktok = MockServer::start().await;
    answer(&tiktok, "/segment/mapping/", done(&json!({})).set_delay(Duration::from_secs(5))).await;
    let id = HashedId::parse(IdType::Idfa, Encoding::Raw, "66b728c2-f9a4-4d87-82ef-ce07414fe3f7").unwrap();
    let row = Row { id, audiences: std::iter::once("71".parse().unwrap()).collect() };
    let mapping = Mapping { advertiser: advertiser(), action: Action::Add, schema: Schema::Devices, rows: &[row] };
    let failure = client(&tiktok).map(&token(), &mapping, Duration::from_millis(100)).await.unwrap_err();
    // Within the client's own ten seconds the answer would have come, and been a success.
    assert_eq!((failure.meaning, failure.not_sent), (Meaning::Unavailable, false));
    let sent: Value = tiktok.received_requests().await.unwrap().first().unwrap().body_json().unwrap();
    let expected = json!([[{"id": "0ca6a1feca650934a6a80edc68fde56f", "audience_ids": ["71"]}, {}]]);
    assert_eq!(sent.get("batch_data"), Some(&expected));
}

#[tokio::test]
async fn what_was_not_sent_is_told_from_what_was_not_answered() {
    let nobody_listens = Client::new("http://127.0.0.1:9", TIMEOUT).unwrap();
    let failure = nobody_listens.user(&token()).await.unwrap_err();
    assert_eq!((failure.meaning, failure.not_sent), (Meaning::Unavailable, true));
    let tiktok = MockServer::start().await;
    answer(&tiktok, "/user/info/", ResponseTemplate::new(500)).await;
    assert!(!client(&tiktok).user(&token()).await.unwrap_err().not_sent);
}

#[tokio::test]
async fn the_list_is_asked_for_what_the_advertiser_created() {
    let tiktok = MockServer::start().await;
    let row = json!({"audience_id": 71, "name": "New Users [mp-1-456]", "audience_type": null, "cover_num": 1200});
    Mock::given(method("GET"))
        .and(path("/dmp/custom_audience/list/"))
        .and(query_param("advertiser_id", "7000000000000000001"))
        .and(query_param("is_creator", "true"))
        .and(query_param("page", "2"))
        .and(query_param("page_size", "100"))
        .respond_with(done(&json!({"list": [{"audience_id": null}, row], "page_info": {"total_page": 2}})))
        .mount(&tiktok)
        .await;
    let page = client(&tiktok).audiences(&token(), advertiser(), 2).await.unwrap().data;
    let found: Vec<_> = page.audiences.iter().map(|audience| audience.name.as_str()).collect();
    assert_eq!((found, page.total_pages), (vec!["New Users [mp-1-456]"], 2));
}

#[tokio::test]
async fn a_deleted_audience_that_is_not_there_is_missing() {
    let tiktok = MockServer::start().await;
    answer(&tiktok, "/segment/audience/", refused(40007)).await;
    let failure = client(&tiktok).delete_audience(&token(), advertiser(), "71".parse().unwrap()).await.unwrap_err();
    assert_eq!(failure.meaning, Meaning::Missing);
}

#[tokio::test]
async fn an_exchange_sends_the_credentials_without_what_pasting_left_around_them() {
    let tiktok = MockServer::start().await;
    let app: AppCredentials = serde_json::from_str(r#"{"app_id":" 7001","secret":"s3cr3t\n"}"#).unwrap();
    Mock::given(path("/oauth2/access_token/"))
        .and(body_json(json!({"app_id": "7001", "secret": "s3cr3t", "auth_code": "c0d3"})))
        .respond_with(done(&json!({"access_token": "t0k3n", "advertiser_ids": ["7000000000000000001"], "scope": [3]})))
        .mount(&tiktok)
        .await;
    let grant = client(&tiktok).exchange(&app, &"c0d3".into()).await.unwrap().data;
    assert_eq!((grant.advertiser_ids, grant.scope), (vec![advertiser()], vec![3]));
}

#[tokio::test]
async fn a_secret_that_tiktok_repeats_is_in_no_failure() {
    let tiktok = MockServer::start().await;
    let echo = json!({"code": 40002, "message": "s3cr3t and c0d3 and 0ca6a1feca650934a6a80edc68fde56f"});
    let app: AppCredentials = serde_json::from_str(r#"{"app_id":"7001","secret":"s3cr3t"}"#).unwrap();
    Mock::given(path("/oauth2/access_token/"))
        .respond_with(ResponseTemplate::new(200).set_body_json(echo))
        .mount(&tiktok)
        .await;
    let failure = client(&tiktok).exchange(&app, &"c0d3".into()).await.unwrap_err();
    assert_eq!(failure.message, "[secret] and [secret] and [hash]");
}
