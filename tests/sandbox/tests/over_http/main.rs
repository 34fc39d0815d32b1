//! The sandbox over real HTTP, as the product would meet it: a file for each concern, a test for each rule.
//! Each test starts a sandbox of its own, without rate limits unless they are what it is about.

mod accounts;
mod answers;
mod audience_list;
mod audiences;
mod consent;
mod exchange;
mod faults;
mod journal;
mod mapping;
mod program;
mod protocol;
mod rules;
mod slowness;
mod targets;
mod tokens;

use anyhow::{Context as _, Result};
use reqwest::{Client, Method, RequestBuilder, Response};
use sandbox::control::{Control, Customer, loopback_client};
use sandbox::{RateLimits, Rules, Running};
use serde_json::{Value, json};

/// A sandbox with one customer, and what TikTok would be called with.
struct Story {
    sandbox: Running,
    control: Control,
    http: Client,
    customer: Customer,
}

impl Story {
    async fn begin() -> Result<Self> {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut Rules)) -> Result<Self> {
        let none = RateLimits::none();
        let mut rules = Rules { app_limits: none, audience_limits: none, ..Rules::default() };
        change(&mut rules);
        let sandbox = sandbox::start(rules).await?;
        let control = sandbox.control()?;
        let customer = control.customer("Acme").await?;
        Ok(Self { http: loopback_client()?, control, customer, sandbox })
    }

    fn advertiser(&self) -> &str {
        &self.customer.advertiser.advertiser_id
    }

    fn token(&self) -> &str {
        &self.customer.token.access_token
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.sandbox.api_base_url()))
    }

    fn as_customer(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).header("Access-Token", self.token())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        Answer::read(self.as_customer(Method::POST, path).json(body).send().await?).await
    }

    async fn user_info(&self, token: &str) -> Result<Answer> {
        Answer::read(self.request(Method::GET, "/user/info/").header("Access-Token", token).send().await?).await
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer> {
        Answer::read(self.as_customer(Method::GET, path).query(query).send().await?).await
    }

    async fn create_audience(&self, name: &str) -> Result<String> {
        let body = json!({"advertiser_id": self.advertiser(), "action": "create", "custom_audience_name": name});
        let answer = self.post("/segment/audience/", &body).await?;
        Ok(answer.data["audience_id"].as_str().context("no audience_id")?.to_owned())
    }

    async fn delete_audience(&self, audience_id: &str) -> Result<Answer> {
        let body = json!({"advertiser_id": self.advertiser(), "action": "delete", "delete_audience_id": audience_id});
        self.post("/segment/audience/", &body).await
    }

    /// The rows of the audience list, for the advertiser and with these parameters.
    async fn list(&self, parameters: &[(&str, &str)]) -> Result<Vec<Value>> {
        let mut query = vec![("advertiser_id", self.advertiser())];
        query.extend_from_slice(parameters);
        let answer = self.get("/dmp/custom_audience/list/", &query).await?;
        Ok(answer.data["list"].as_array().context("no list")?.clone())
    }

    /// A mapping call of the customer with these rows of `IDFA_MD5` and `AAID_MD5`.
    fn mapping(&self, action: &str, rows: &Value) -> Value {
        json!({
            "advertiser_ids": [self.advertiser()],
            "action": action,
            "id_schema": ["IDFA_MD5", "AAID_MD5"],
            "batch_data": rows,
        })
    }

    async fn map(&self, action: &str, rows: &Value) -> Result<Answer> {
        self.post("/segment/mapping/", &self.mapping(action, rows)).await
    }
}

/// TikTok's envelope.
#[derive(Debug)]
struct Answer {
    code: u64,
    message: String,
    data: Value,
}

impl Answer {
    async fn read(response: Response) -> Result<Self> {
        anyhow::ensure!(response.status() == 200, "HTTP {}", response.status());
        let body: Value = response.json().await?;
        Ok(Self {
            code: body["code"].as_u64().context("no code")?,
            message: body["message"].as_str().context("no message")?.to_owned(),
            data: body["data"].clone(),
        })
    }
}

/// A well-formed MD5, a different one for each number.
fn md5(number: u64) -> String {
    use md5::Digest as _;
    let bytes = md5::Md5::digest(number.to_le_bytes()).into();
    format!("{:032x}", u128::from_be_bytes(bytes))
}
