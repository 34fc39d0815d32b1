//! `check`: whether everything is in order for the first delivery. Each line is ok, or says what to do.

use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use secrecy::ExposeSecret;
use secrets::JsonSecret;
use serde::Serialize;
use serde_json::{Value, json};
use startup::clock::now_ms;
use tiktok::{AppCredentials, Failure, Meaning};

use crate::cloud::Cloud;
use crate::error::{Error, of_sdk};
use crate::firehose_token;
use crate::output::{Report, table};

/// An endpoint that takes longer to answer is not in order.
const TIMEOUT: Duration = Duration::from_secs(15);
/// No advertiser and no account have these numbers, and no token is this word: what is asked with them changes nothing.
const NOBODY: u8 = 1;
const NO_TOKEN: &str = "checking-that-ingest-answers";

/// One thing that must be in order.
#[derive(Debug, Serialize)]
struct Line {
    what: &'static str,
    ok: bool,
    /// What to do, where it is not; what was seen, where it is.
    note: String,
}

impl Line {
    fn of(what: &'static str, outcome: Result<String, String>) -> Self {
        let ok = outcome.is_ok();
        Self { what, ok, note: outcome.unwrap_or_else(|todo| todo) }
    }
}

/// `check`.
pub(crate) async fn check(cloud: &Cloud) -> Result<Report, Error> {
    let http = http_client()?;
    let app = cloud.app().await;
    let lines = vec![
        Line::of("stack", stack(cloud)),
        Line::of(
            "app secret",
            app.as_ref().map(|app| format!("app {}", app.app_id)).map_err(|error| secret(error, "app")),
        ),
        Line::of(
            "app at TikTok",
            match &app {
                Ok(app) => accepted(cloud, app).await,
                Err(_) => Err("fill the app's secret first".to_owned()),
            },
        ),
        Line::of("Firehose token", firehose(cloud).await),
        Line::of("trigger", trigger(cloud).await),
        Line::of("queue", queue(cloud).await),
        Line::of("ingest over HTTPS", over_https(cloud, &http).await),
        Line::of("ingest by Lambda", by_lambda(cloud).await),
        Line::of("authorization page", page(cloud, &http).await),
    ];
    let bad = lines.iter().any(|line| !line.ok);
    let cells =
        |line: &Line| vec![if line.ok { "ok" } else { "NO" }.to_owned(), line.what.to_owned(), line.note.clone()];
    let text = table(&["", "what", ""], &lines.iter().map(cells).collect::<Vec<_>>());
    Ok(Report::new(text, &lines).unless(bad))
}

fn stack(cloud: &Cloud) -> Result<String, String> {
    let status = &cloud.stack.status;
    let settled = status.ends_with("_COMPLETE") && !status.contains("ROLLBACK") && !status.contains("DELETE");
    if settled { Ok(status.clone()) } else { Err(format!("it is {status}: look at its events in CloudFormation")) }
}

fn secret(error: &Error, name: &str) -> String {
    format!("{error}; fill it as infra/README.md says under \"Deploy\" (the secret of the {name})")
}

/// An invented code tells whether TikTok knows the app: a wrong secret is refused before the code is looked at.
async fn accepted(cloud: &Cloud, app: &AppCredentials) -> Result<String, String> {
    match cloud.tiktok.exchange(app, &NO_TOKEN.into()).await {
        Err(failure) => of_exchange(&failure),
        Ok(_) => Err("TikTok gave a token for an invented code: this is not TikTok".to_owned()),
    }
}

/// As the authorization page reads it: nobody knows TikTok's code for an invented code, but whatever is rejected is the code.
fn of_exchange(failure: &Failure) -> Result<String, String> {
    match failure.meaning {
        Meaning::RestartConsent | Meaning::Rejected | Meaning::RejectedUnknown | Meaning::Missing => {
            Ok("TikTok accepts id and secret".to_owned())
        }
        Meaning::Unavailable | Meaning::AppThrottled | Meaning::AdvertiserThrottled => {
            Err(format!("{failure}: try again"))
        }
        Meaning::Operator
        | Meaning::NotAllowListed
        | Meaning::TooLarge
        | Meaning::PartlySuccessful
        | Meaning::Reauthorize
        | Meaning::NotPermitted => Err(format!("{failure}: put the app's own id and secret into its secret")),
    }
}

async fn firehose(cloud: &Cloud) -> Result<String, String> {
    let id = cloud.stack.firehose_secret_id.clone();
    let tokens = JsonSecret::<secrets::FirehoseTokens>::new(cloud.secrets_manager.clone(), id);
    tokens.get().await.map(|_| "there is one".to_owned()).map_err(|error| secret(&error.into(), "Firehose token"))
}

async fn trigger(cloud: &Cloud) -> Result<String, String> {
    let listed = cloud.lambda.list_event_source_mappings().function_name(&cloud.stack.uploader_function).send().await;
    let listed = listed.map_err(|error| of_sdk("Lambda", &error).to_string())?;
    let states: Vec<_> = listed.event_source_mappings().iter().filter_map(|mapping| mapping.state()).collect();
    if states == ["Enabled"] {
        return Ok("the queue wakes the uploader".to_owned());
    }
    let states = if states.is_empty() { "missing".to_owned() } else { states.join(", ") };
    Err(format!("the uploader's event source is {states}: enable it, or nothing is delivered"))
}

async fn queue(cloud: &Cloud) -> Result<String, String> {
    match (cloud.changes.depth().await, cloud.dead_letters.depth().await) {
        (Ok(changes), Ok(letters)) => {
            Ok(format!("{} waiting, {} dead letters", changes.visible + changes.in_flight, letters.visible))
        }
        (Err(error), _) | (_, Err(error)) => Err(error.to_string()),
    }
}

/// A membership change without users: mParticle verifies a configuration with it. Nothing is queued.
fn verification() -> Value {
    json!({
        "type": "audience_membership_change_request",
        "id": "00000000-0000-4000-8000-000000000000",
        "timestamp_ms": now_ms(),
        "account": {
            "account_id": NOBODY,
            "account_settings": { "TikTok Account Id": NOBODY.to_string(), "TikTok Access Token": NO_TOKEN },
        },
    })
}

fn is_answer(body: &Value) -> bool {
    body.get("type").and_then(Value::as_str) == Some("audience_membership_change_response")
}

async fn over_https(cloud: &Cloud, http: &reqwest::Client) -> Result<String, String> {
    if !cloud.stack.firehose_over_http {
        return Ok("off: the stack's FirehoseOverHttp is false".to_owned());
    }
    let token = firehose_token::current(cloud).await.map_err(|error| error.to_string())?;
    let url = format!("{}/v1/firehose", cloud.stack.api_url);
    let request = http.post(&url).header("Authorization", format!("Token {}", token.expose_secret()));
    let answer = request.json(&verification()).send().await.map_err(|error| unreachable(&url, error))?;
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    if status.is_success() && is_answer(&body) {
        return Ok(url);
    }
    Err(format!("{url} answers {status}: look at the log of ingest"))
}

async fn by_lambda(cloud: &Cloud) -> Result<String, String> {
    let payload = Blob::new(verification().to_string());
    let invoked = cloud.lambda.invoke().function_name(&cloud.stack.ingest_function).payload(payload).send().await;
    let invoked = invoked.map_err(|error| of_sdk("Lambda", &error).to_string())?;
    let body = invoked.payload().map(|payload| serde_json::from_slice(payload.as_ref()).unwrap_or_default());
    match (invoked.function_error(), body) {
        (None, Some(body)) if is_answer(&body) => Ok(cloud.stack.ingest_function.clone()),
        (Some(error), _) => Err(format!("ingest fails ({error}): look at its log")),
        (None, _) => Err("ingest gives another answer than to a verification: look at its log".to_owned()),
    }
}

async fn page(cloud: &Cloud, http: &reqwest::Client) -> Result<String, String> {
    let url = format!("{}/v1/auth", cloud.stack.api_url);
    let answer = http.get(&url).send().await.map_err(|error| unreachable(&url, error))?;
    let status = answer.status();
    if status.is_server_error() || status.as_u16() == 404 {
        return Err(format!("{url} answers {status}: look at the log of auth-redirect"));
    }
    Ok(url)
}

fn unreachable(url: &str, error: reqwest::Error) -> String {
    format!("{url} does not answer ({})", error.without_url())
}

fn http_client() -> Result<reqwest::Client, Error> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
    client.map_err(|error| Error::Unfinished(format!("the HTTPS client cannot be set up: {}", error.without_url())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rejected_code_shows_that_tiktok_knows_the_app() {
        let told = |meaning| of_exchange(&Failure { meaning, ..Failure::without_answer("a test") });
        for meaning in [Meaning::RestartConsent, Meaning::Rejected, Meaning::RejectedUnknown, Meaning::Missing] {
            assert!(told(meaning).is_ok(), "{meaning:?}");
        }
        for meaning in [Meaning::Unavailable, Meaning::AppThrottled, Meaning::AdvertiserThrottled] {
            assert!(told(meaning).unwrap_err().ends_with("try again"), "{meaning:?}");
        }
        for meaning in [Meaning::Operator, Meaning::NotAllowListed, Meaning::Reauthorize, Meaning::NotPermitted] {
            assert!(told(meaning).unwrap_err().ends_with("into its secret"), "{meaning:?}");
        }
    }
}
