//! A world for the function: a TikTok, a Secrets Manager, and a browser's view of the answer.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use auth_redirect::{App, Config};
use connections::{Accepted, Record, Refusal, Source, UserId};
use ids::{AccountId, TokenFingerprint};
use sandbox::control::{Control, NewAdvertiser, NewGrant, NewPerson};
use sandbox::journal::Query;
use sandbox::world::{Person, Role};
use sandbox::{RateLimits, Rules, Running};
use secrets::in_memory::InMemory;
use serde_json::json;
use startup::Settings;

pub(crate) const REQUEST_ID: &str = "6bc28136-28ac-4a5c-a4b2-0a5f4e7f3c11";
pub(crate) const APP_SECRET_ID: &str = "audiences/app";
pub(crate) const EXCHANGE: &str = "/oauth2/access_token/";
pub(crate) const AUDIENCE: &str = "/segment/audience/";

pub(crate) struct World {
    /// It ends with the world.
    _sandbox: Running,
    pub(crate) tiktok: Control,
    pub(crate) aws: InMemory,
    pub(crate) config: Config,
}

/// What the browser gets.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<&'static str, String>,
    pub(crate) cookies: Vec<String>,
    pub(crate) html: String,
}

impl Page {
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.plain().contains(text), "the page does not say {text:?}:\n{}", self.plain());
        self
    }

    #[track_caller]
    pub(crate) fn does_not_say(&self, text: &str) -> &Self {
        assert!(!self.plain().contains(text), "the page says {text:?}:\n{}", self.plain());
        self
    }

    /// The token that it shows.
    #[track_caller]
    pub(crate) fn token(&self) -> String {
        let (_, after) = self.html.split_once("id=\"token\"").unwrap_or_else(|| panic!("no token:\n{}", self.plain()));
        let (_, token) = after.split_once('>').unwrap();
        token.split('<').next().unwrap().to_owned()
    }

    /// Without what is the same on all pages.
    pub(crate) fn plain(&self) -> String {
        let mut left = self.html.clone();
        for (open, close) in [("<style>", "</style>"), ("<script>", "</script>")] {
            if let Some((before, rest)) = left.split_once(open) {
                let (_, after) = rest.split_once(close).unwrap();
                left = format!("{before}{open}…{close}{after}");
            }
        }
        let lines: Vec<_> = left.lines().filter(|line| !line.trim().is_empty()).collect();
        lines.join("\n")
    }
}

/// A request, and where it comes from.
pub(crate) struct Visit {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) query: String,
    pub(crate) cookies: Vec<String>,
    pub(crate) headers: serde_json::Value,
    pub(crate) source: String,
}

impl Visit {
    pub(crate) fn of(query: &str) -> Self {
        Self {
            method: "GET",
            path: "/v1/auth",
            query: query.to_owned(),
            cookies: Vec::new(),
            headers: json!({"host": "api.example"}),
            source: "192.0.2.1".to_owned(),
        }
    }

    pub(crate) async fn to(&self, app: &App) -> Page {
        let event = json!({
            "version": "2.0", "routeKey": "GET /v1/auth", "rawPath": self.path, "rawQueryString": self.query,
            "cookies": self.cookies, "headers": self.headers,
            "requestContext": {"http": {"method": self.method, "path": self.path, "sourceIp": self.source}},
            "isBase64Encoded": false
        });
        let answer = app.handle(&event.to_string(), REQUEST_ID).await;
        Page { status: answer.status_code, headers: answer.headers, cookies: answer.cookies, html: answer.body }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Rules)) -> Self {
        let mut rules = Rules { app_limits: RateLimits::none(), ..Rules::default() };
        change(&mut rules);
        let sandbox = sandbox::start(rules.clone()).await.unwrap();
        let aws = InMemory::default();
        aws.set(APP_SECRET_ID, &json!({"app_id": rules.app_id, "secret": rules.app_secret}).to_string());
        let config = config(&sandbox.api_base_url());
        Self { tiktok: sandbox.control().unwrap(), _sandbox: sandbox, aws, config }
    }

    /// Another process of the function.
    pub(crate) fn app(&self) -> App {
        App::new(self.config.clone(), self.aws.client()).unwrap()
    }

    /// An admin of accounts of these names, which are in the order of their ids.
    pub(crate) async fn person(&self, names: &[&str]) -> Person {
        let mut advertisers = Vec::new();
        for name in names {
            let new = NewAdvertiser { name: Some((*name).to_owned()), ..NewAdvertiser::default() };
            advertisers.push(self.tiktok.create_advertiser(&new).await.unwrap().advertiser_id);
        }
        self.login("Ada Admin", Role::Admin, &advertisers).await
    }

    pub(crate) async fn login(&self, name: &str, role: Role, advertisers: &[String]) -> Person {
        let new = NewPerson { display_name: name.to_owned(), role, advertisers: advertisers.to_vec(), key: None };
        self.tiktok.create_person(&new).await.unwrap()
    }

    /// The query with which TikTok sends back somebody who agreed.
    pub(crate) async fn callback(&self, grant: &NewGrant) -> String {
        let code = self.tiktok.auth_code(grant).await.unwrap();
        format!("auth_code={code}&code={code}&state=your_custom_params")
    }

    /// The page that this person sees after agreeing, in a new process.
    pub(crate) async fn authorize(&self, person: &Person) -> Page {
        self.authorize_with(&NewGrant::of(&person.key)).await
    }

    pub(crate) async fn authorize_with(&self, grant: &NewGrant) -> Page {
        self.get(&self.callback(grant).await).await
    }

    /// The page of this query, in a new process.
    pub(crate) async fn get(&self, query: &str) -> Page {
        Visit::of(query).to(&self.app()).await
    }

    /// How often TikTok was called at `path`.
    pub(crate) async fn calls(&self, path: &str) -> usize {
        self.tiktok.calls(&Query::path(path)).await.unwrap().len()
    }

    /// Stores a connection of this user with this token.
    pub(crate) fn connect(&self, advertiser: &str, account: i64, token: &str, user: &str) {
        let mut record = self.record(advertiser).unwrap_or_default();
        let accepted = Accepted { token: token.into(), user: UserId::new(user) };
        record.accept(number(account), &accepted, Source::Connect, now_ms());
        self.aws.set(&name(advertiser), &record.to_json().unwrap());
    }

    /// TikTok refused the token of a connection: just now, or for so long that it is dead.
    pub(crate) fn stop(&self, advertiser: &str, account: i64, dead: bool) {
        let mut record = self.record(advertiser).unwrap();
        let fingerprint = record.get(number(account)).unwrap().fingerprint;
        let refusal = Refusal { fingerprint, code: Some(40_105), first_ms: now_ms() };
        let grace = if dead { Duration::ZERO } else { Duration::from_hours(1) };
        record.refuse(number(account), &refusal, now_ms(), grace, false);
        self.aws.set(&name(advertiser), &record.to_json().unwrap());
    }

    pub(crate) fn record(&self, advertiser: &str) -> Option<Record> {
        Some(Record::from_json(&self.aws.text(&name(advertiser))?).unwrap())
    }

    /// State and token of a connection.
    pub(crate) fn connection(&self, advertiser: &str, account: i64) -> (&'static str, TokenFingerprint) {
        let record = self.record(advertiser).unwrap();
        let connection = record.get(number(account)).unwrap();
        (connection.state.word(), connection.fingerprint)
    }
}

pub(crate) fn number(account: i64) -> AccountId {
    AccountId::new(account).unwrap()
}

fn name(advertiser: &str) -> String {
    format!("audiences/advertiser/{advertiser}")
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn config(tiktok: &str) -> Config {
    Config::read(Settings::new(|name| {
        let value = match name {
            "TIKTOK_APP_SECRET_ID" => APP_SECRET_ID,
            "ADVERTISER_SECRET_PREFIX" => "audiences/advertiser/",
            "TIKTOK_API_BASE_URL" => tiktok,
            "TIKTOK_AUTHORIZE_URL" => {
                "https://ads.tiktok.com/marketing_api/auth?app_id=7300000000000000001&state=your_custom_params&redirect_uri=https%3A%2F%2Fapi.example%2Fv1%2Fauth&rid=r1"
            }
            "METRICS_NAMESPACE" => "audiences",
            _ => return None,
        };
        Some(value.to_owned())
    }))
    .unwrap()
}
