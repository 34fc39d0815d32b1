//! A TikTok that holds audiences and knows who may touch them. Written from `reference/tiktok-api.md`, not from the client.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The server and what it holds.
pub(crate) struct TikTok {
    pub(crate) uri: String,
    server: Option<MockServer>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    /// Token, the user who granted it, the advertisers that it reaches.
    pub(crate) grants: Vec<(String, String, Vec<String>)>,
    pub(crate) audiences: Vec<Audience>,
    /// Ids of audiences that a campaign uses.
    pub(crate) in_use: Vec<u64>,
    /// What the next calls to a path get instead of an answer.
    pub(crate) faults: VecDeque<(&'static str, Fault)>,
    pub(crate) calls: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Audience {
    pub(crate) id: u64,
    pub(crate) advertiser: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
}

#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// That code, and nothing is done.
    Code(i64),
    /// HTTP 502, and nothing is done.
    Unavailable,
    /// What was asked for is done, and the answer is lost.
    AnswerLost,
}

impl TikTok {
    pub(crate) async fn start() -> Self {
        let server = MockServer::start().await;
        let state = Arc::default();
        Mock::given(any()).respond_with(Api(Arc::clone(&state))).mount(&server).await;
        Self { uri: server.uri(), server: Some(server), state }
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    /// How often a path was called.
    pub(crate) fn calls(&self, path: &str) -> usize {
        self.with(|state| state.calls.iter().filter(|call| *call == path).count())
    }
}

/// In a thread of its own: wiremock blocks on a lock of tokio's there, which a task that has spent its budget never gets.
impl Drop for TikTok {
    fn drop(&mut self) {
        let server = self.server.take();
        std::thread::spawn(move || drop(server)).join().unwrap();
    }
}

struct Api(Arc<Mutex<State>>);

impl Respond for Api {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let path = request.url.path().to_owned();
        state.calls.push(path.clone());
        let fault = match state.faults.front() {
            Some((at, _)) if path == *at => state.faults.pop_front().map(|(_, fault)| fault),
            _ => None,
        };
        match fault {
            Some(Fault::Code(code)) => failed(code, "as the test wants"),
            Some(Fault::Unavailable) => ResponseTemplate::new(502),
            Some(Fault::AnswerLost) => {
                state.act(&path, request);
                ResponseTemplate::new(502)
            }
            None => state.act(&path, request),
        }
    }
}

fn done(data: &Value) -> ResponseTemplate {
    let body = json!({"code": 0, "message": "OK", "request_id": "req-1", "data": data});
    ResponseTemplate::new(200).set_body_json(body)
}

fn failed(code: i64, message: &str) -> ResponseTemplate {
    let body = json!({"code": code, "message": message, "request_id": "req-1", "data": {}});
    ResponseTemplate::new(200).set_body_json(body)
}

impl State {
    fn act(&mut self, path: &str, request: &Request) -> ResponseTemplate {
        let token = request.headers.get("Access-Token").and_then(|token| token.to_str().ok()).unwrap_or_default();
        let Some((_, user, reaches)) = self.grants.iter().find(|(granted, ..)| granted == token).cloned() else {
            return failed(40105, "Access token is incorrect or has been revoked.");
        };
        if path == "/user/info/" {
            return done(&json!({"core_user_id": user, "display_name": "somebody", "email": "s@example.com"}));
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let query = |name: &str| request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into());
        let advertiser: String =
            body["advertiser_id"].as_str().map(str::to_owned).or_else(|| query("advertiser_id")).unwrap_or_default();
        if !reaches.contains(&advertiser) {
            return failed(40001, "No permission to operate the advertiser.");
        }
        match path {
            "/dmp/custom_audience/list/" => self.list(&advertiser, query("page").and_then(|page| page.parse().ok())),
            "/segment/audience/" if body["action"] == "create" => self.create(advertiser, &body),
            "/segment/audience/" if body["action"] == "delete" => self.delete(&advertiser, &body),
            _ => ResponseTemplate::new(404),
        }
    }

    /// Pages of 2, so that tests reach a second one; the client asks for 100.
    fn list(&self, advertiser: &str, page: Option<usize>) -> ResponseTemplate {
        let own: Vec<_> = self.audiences.iter().filter(|audience| audience.advertiser == advertiser).collect();
        let rows = own.chunks(2).nth(page.unwrap_or(1) - 1).unwrap_or_default().iter().map(|audience| {
            json!({"audience_id": audience.id.to_string(), "name": audience.name, "audience_type": audience.kind})
        });
        done(&json!({"list": rows.collect::<Vec<_>>(), "page_info": {"total_page": own.len().div_ceil(2)}}))
    }

    fn create(&mut self, advertiser: String, body: &Value) -> ResponseTemplate {
        let mut name = body["custom_audience_name"].as_str().unwrap().to_owned();
        if name.chars().count() > 70 {
            name = name.chars().take(67).chain("...".chars()).collect();
        }
        let id = 7_000_000_000_000_000_100 + self.audiences.len() as u64;
        self.audiences.push(Audience { id, advertiser, name, kind: "Partner Audience" });
        done(&json!({"audience_id": id.to_string()}))
    }

    fn delete(&mut self, advertiser: &str, body: &Value) -> ResponseTemplate {
        let id: u64 = body["delete_audience_id"].as_str().unwrap().parse().unwrap();
        if self.in_use.contains(&id) {
            return failed(40002, "The audience is used by an active ad group.");
        }
        let before = self.audiences.len();
        self.audiences.retain(|audience| (audience.id, audience.advertiser.as_str()) != (id, advertiser));
        if self.audiences.len() == before { failed(40007, "no such audience") } else { done(&json!({})) }
    }
}
