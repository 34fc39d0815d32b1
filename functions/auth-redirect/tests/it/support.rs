//! A world for the function: a TikTok that answers as told, a vault of secrets in memory, and a browser's view of the answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_redirect::{App, Config};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput};
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueOutput;
use aws_sdk_secretsmanager::types::error::ResourceNotFoundException;
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use lambda_http::http::{HeaderMap, Method, Request};
use lambda_http::{Body, Context, RequestExt};
use secrets::Secrets;
use serde_json::{Value, json};
use startup::Settings;
use wiremock::matchers::{body_partial_json, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(crate) const TOKEN: &str = "9f0c1e2d3b4a59687766554433221100ffeeddcc";
pub(crate) const CODE: &str = "c0dec0dec0dec0dec0dec0dec0dec0dec0dec0de";
pub(crate) const APP_SECRET: &str = "app5ecret5app5ecret5app5ecret5";
pub(crate) const REQUEST_ID: &str = "6bc28136-28ac-4a5c-a4b2-0a5f4e7f3c11";
pub(crate) const CALLBACK: &str = "auth_code=c0dec0dec0dec0dec0dec0dec0dec0dec0dec0de&code=c0dec0dec0dec0dec0dec0dec0dec0dec0dec0de&state=your_custom_params";

/// An account at TikTok; `probe` is the code with which it answers a look at its audiences.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) status: &'static str,
    pub(crate) role: &'static str,
    pub(crate) probe: i64,
}

pub(crate) fn account(id: u64, name: &str) -> Account {
    Account { id, name: name.to_owned(), status: "STATUS_ENABLE", role: "ROLE_ADVERTISER", probe: 0 }
}

pub(crate) type Vault = Arc<Mutex<BTreeMap<String, String>>>;

pub(crate) struct World {
    pub(crate) tiktok: MockServer,
    pub(crate) vault: Vault,
    pub(crate) config: Config,
}

/// What the browser gets.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) html: String,
}

impl Page {
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.html.contains(text), "the page does not say {text:?}:\n{}", without_style_and_script(&self.html));
        self
    }

    #[track_caller]
    pub(crate) fn keeps_quiet_about(&self, text: &str) -> &Self {
        assert!(!self.html.contains(text), "the page says {text:?}:\n{}", without_style_and_script(&self.html));
        self
    }
}

/// The page without what is the same on all of them.
pub(crate) fn without_style_and_script(html: &str) -> String {
    let mut left = html.to_owned();
    for (open, close) in [("<style>", "</style>"), ("<script>", "</script>")] {
        let (before, rest) = left.split_once(open).unwrap();
        let (_, after) = rest.split_once(close).unwrap();
        left = format!("{before}{open}…{close}{after}");
    }
    let lines: Vec<_> = left.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.join("\n")
}

impl World {
    pub(crate) async fn new() -> Self {
        let tiktok = MockServer::start().await;
        let base = tiktok.uri();
        let mut config = Config::read(Settings::new(|name| {
            let value = match name {
                "TIKTOK_APP_SECRET_ID" => "audiences/app",
                "ADVERTISER_SECRET_PREFIX" => "audiences/advertiser/",
                "TIKTOK_API_BASE_URL" => &base,
                "TIKTOK_AUTHORIZE_URL" => {
                    "https://ads.tiktok.com/marketing_api/auth?app_id=7000000001&state=your_custom_params&redirect_uri=https%3A%2F%2Fapi.example%2Fv1%2Fauth&rid=r1"
                }
                "METRICS_NAMESPACE" => "audiences",
                _ => return None,
            };
            Some(value.to_owned())
        }))
        .unwrap();
        config.patience.pace = Duration::ZERO;
        config.patience.throttled = Duration::ZERO;
        let app = json!({"app_id": "7000000001", "secret": APP_SECRET}).to_string();
        let vault = Arc::new(Mutex::new(BTreeMap::from([("audiences/app".to_owned(), app)])));
        Self { tiktok, vault, config }
    }

    /// A world in which TikTok grants `scopes` for `accounts`.
    pub(crate) async fn granting(accounts: &[Account], scopes: &[u64]) -> Self {
        let world = Self::new().await;
        world.exchange(granted(accounts, scopes)).await;
        let names: Vec<_> = accounts
            .iter()
            .map(|one| json!({"advertiser_id": one.id.to_string(), "advertiser_name": one.name}))
            .collect();
        world.answer("GET", "/oauth2/advertiser/get/", done(&json!({"list": names}))).await;
        world.answer("GET", "/user/info/", done(&json!({"core_user_id": "ann"}))).await;
        world.details(accounts).await;
        for one in accounts {
            world.probe(one).await;
        }
        world
    }

    /// How TikTok answers the exchange of the code: once, as the code works once.
    pub(crate) async fn exchange(&self, response: ResponseTemplate) {
        let body = json!({"app_id": "7000000001", "secret": APP_SECRET, "auth_code": CODE});
        let call = Mock::given(method("POST")).and(path("/oauth2/access_token/"));
        call.and(body_partial_json(body)).respond_with(response).up_to_n_times(1).mount(&self.tiktok).await;
        let spent = Mock::given(method("POST")).and(path("/oauth2/access_token/"));
        spent.respond_with(refused(40110, "Auth_code is used or expired.")).mount(&self.tiktok).await;
    }

    pub(crate) async fn answer(&self, verb: &str, at: &str, response: ResponseTemplate) {
        Mock::given(method(verb)).and(path(at)).respond_with(response).mount(&self.tiktok).await;
    }

    /// TikTok throttles the next probe, and answers those after it with `code`.
    pub(crate) async fn throttle_probe(&self, code: i64) {
        let probe = || Mock::given(method("GET")).and(path("/dmp/custom_audience/list/"));
        probe().respond_with(refused(40100, "Too many requests")).up_to_n_times(1).mount(&self.tiktok).await;
        probe().respond_with(refused(code, "refused")).mount(&self.tiktok).await;
    }

    async fn details(&self, accounts: &[Account]) {
        for chunk in accounts.chunks(100) {
            let ids: Vec<_> = chunk.iter().map(|one| one.id.to_string()).collect();
            let list = chunk.iter().map(|one| {
                json!({"advertiser_id": one.id.to_string(), "name": one.name, "status": one.status, "role": one.role})
            });
            let list = list.collect();
            let call = Mock::given(method("GET")).and(path("/advertiser/info/"));
            let call = call.and(move |request: &wiremock::Request| {
                let asked = request.url.query_pairs().find(|(name, _)| name == "advertiser_ids");
                let asked: Vec<String> = serde_json::from_str(&asked.unwrap().1).unwrap();
                asked.iter().any(|id| ids.contains(id))
            });
            call.respond_with(done(&json!({"list": Value::Array(list)}))).mount(&self.tiktok).await;
        }
    }

    async fn probe(&self, one: &Account) {
        let response = if one.probe == 0 {
            done(&json!({"list": [], "page_info": {"total_page": 0}}))
        } else {
            refused(one.probe, "refused")
        };
        let call = Mock::given(method("GET")).and(path("/dmp/custom_audience/list/"));
        call.and(query_param("advertiser_id", one.id.to_string())).respond_with(response).mount(&self.tiktok).await;
    }

    pub(crate) fn app(&self) -> App {
        let secrets = Secrets::new(client(&self.vault), "audiences/advertiser/".to_owned(), Duration::from_secs(1));
        App::new(self.config.clone(), secrets).unwrap()
    }

    pub(crate) async fn get(&self, query: &str) -> Page {
        self.ask(Method::GET, query, "").await
    }

    pub(crate) async fn ask(&self, verb: Method, query: &str, cookie: &str) -> Page {
        let uri = if query.is_empty() { "/v1/auth".to_owned() } else { format!("/v1/auth?{query}") };
        let request = Request::builder().method(verb).uri(uri).header("cookie", cookie).body(Body::Empty).unwrap();
        let mut context = Context::default();
        REQUEST_ID.clone_into(&mut context.request_id);
        let response = self.app().handle(request.with_lambda_context(context)).await;
        let (parts, body) = response.into_parts();
        let html = String::from_utf8(body.to_vec()).unwrap();
        Page { status: parts.status.as_u16(), headers: parts.headers, html }
    }

    /// How often TikTok was called at `at`.
    pub(crate) async fn calls(&self, at: &str) -> usize {
        let calls = self.tiktok.received_requests().await.unwrap();
        calls.iter().filter(|call| call.url.path() == at).count()
    }

    pub(crate) fn stored(&self, advertiser: u64) -> Option<String> {
        self.vault.lock().unwrap().get(&format!("audiences/advertiser/{advertiser}")).cloned()
    }
}

pub(crate) fn granted(accounts: &[Account], scopes: &[u64]) -> ResponseTemplate {
    let ids: Vec<_> = accounts.iter().map(|one| one.id.to_string()).collect();
    done(&json!({"access_token": TOKEN, "advertiser_ids": ids, "scope": scopes}))
}

pub(crate) fn done(data: &Value) -> ResponseTemplate {
    let body = json!({"code": 0, "message": "OK", "request_id": "2026112200001", "data": data});
    ResponseTemplate::new(200).set_body_json(body)
}

pub(crate) fn refused(code: i64, message: &str) -> ResponseTemplate {
    let body = json!({"code": code, "message": message, "request_id": "2026112200002", "data": {}});
    ResponseTemplate::new(200).set_body_json(body)
}

/// Secrets Manager over `vault`. It can read and replace, and not create: the function's role may not either.
fn client(vault: &Vault) -> Client {
    let (read, written) = (Arc::clone(vault), Arc::clone(vault));
    let get = mock!(Client::get_secret_value).then_compute_response(move |request| {
        match read.lock().unwrap().get(request.secret_id().unwrap()) {
            Some(text) => MockResponse::Output(GetSecretValueOutput::builder().secret_string(text).build()),
            None => MockResponse::Error(GetSecretValueError::ResourceNotFoundException(
                ResourceNotFoundException::builder()
                    .meta(
                        aws_sdk_secretsmanager::error::ErrorMetadata::builder()
                            .code("ResourceNotFoundException")
                            .build(),
                    )
                    .build(),
            )),
        }
    });
    let put = mock!(Client::put_secret_value).then_compute_output(move |request| {
        let (name, text) = (request.secret_id().unwrap(), request.secret_string().unwrap());
        written.lock().unwrap().insert(name.to_owned(), text.to_owned());
        PutSecretValueOutput::builder().build()
    });
    mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&get, &put])
}
