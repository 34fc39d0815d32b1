//! `firehose-token`: the token that mParticle sends with each HTTP request. Two are accepted while it is changed.

use rand::distr::{Alphanumeric, SampleString};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use startup::clock::now_ms;

use crate::cloud::Cloud;
use crate::confirm::confirm;
use crate::error::{Error, of_sdk};
use crate::logs::{Function, Line, Logs};
use crate::output::Report;
use crate::time::age;

/// As long as the first one, which `make deploy` makes.
const LENGTH: usize = 48;
const UNREADABLE: &str = "the Firehose secret is not in the documented form; infra/README.md says which it is";

/// The secret as it is kept.
#[derive(Deserialize)]
struct Tokens {
    current: SecretString,
    #[serde(default)]
    previous: Option<SecretString>,
}

#[derive(Serialize)]
struct Written<'a> {
    current: &'a str,
    previous: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Uses {
    two_are_accepted: bool,
    /// When mParticle last used each that is accepted, in the last 24 hours.
    current_last_used_ms: Option<i64>,
    previous_last_used_ms: Option<i64>,
}

/// `firehose-token status`.
pub(crate) async fn status(cloud: &Cloud) -> Result<Report, Error> {
    let uses = uses(&cloud.logs, &read(cloud).await?).await?;
    Ok(Report::new(text(&uses, now_ms()), &uses))
}

fn text(uses: &Uses, now_ms: i64) -> String {
    let last = |ms: Option<i64>| {
        ms.map_or_else(|| "not used in the last 24 h".to_owned(), |ms| format!("last used {} ago", age(ms, now_ms)))
    };
    let current = format!("The current token: {}.", last(uses.current_last_used_ms));
    if !uses.two_are_accepted {
        return format!("{current}\nNo other is accepted.");
    }
    let previous = format!("The one before: still accepted, {}.", last(uses.previous_last_used_ms));
    let then = if uses.previous_last_used_ms.is_some() {
        "mParticle still uses it: give it the current one."
    } else {
        "`firehose-token retire` ends it."
    };
    format!("{current}\n{previous} {then}")
}

#[derive(Serialize)]
struct Rotated<'a> {
    /// The new token: shown here and nowhere else.
    token: &'a str,
}

/// `firehose-token rotate`.
pub(crate) async fn rotate(cloud: &Cloud) -> Result<Report, Error> {
    let tokens = read(cloud).await?;
    if tokens.previous.is_some() {
        return Err(Error::NotConfirmed(
            "two tokens are accepted already; `firehose-token retire` ends the older one first",
        ));
    }
    let token = Alphanumeric.sample_string(&mut rand::rng(), LENGTH);
    write(cloud, &Written { current: &token, previous: Some(tokens.current.expose_secret().trim()) }).await?;
    let text = format!(
        "The new token, shown this once:\n\n  {token}\n\nIt is accepted in ten seconds: give it to mParticle. The one before is accepted until \
         `firehose-token retire`; `firehose-token status` says which of them is used."
    );
    Ok(Report::new(text, &Rotated { token: &token }))
}

/// `firehose-token retire`.
pub(crate) async fn retire(cloud: &Cloud, yes: bool) -> Result<Report, Error> {
    let tokens = read(cloud).await?;
    let uses = uses(&cloud.logs, &tokens).await?;
    if !uses.two_are_accepted {
        return Err(Error::NotConfirmed("only one token is accepted; there is none to retire"));
    }
    let still = uses
        .previous_last_used_ms
        .map_or_else(String::new, |ms| format!("mParticle used it {} ago, and would be refused. ", age(ms, now_ms())));
    confirm(&format!("{still}Stop accepting the token of before?"), yes)?;
    write(cloud, &Written { current: tokens.current.expose_secret().trim(), previous: None }).await?;
    let uses = Uses { two_are_accepted: false, ..uses };
    Ok(Report::new("Only the current token is accepted, within five minutes everywhere.".to_owned(), &uses))
}

/// The token that mParticle is to use.
pub(crate) async fn current(cloud: &Cloud) -> Result<SecretString, Error> {
    Ok(SecretString::from(read(cloud).await?.current.expose_secret().trim()))
}

async fn read(cloud: &Cloud) -> Result<Tokens, Error> {
    let read = cloud.secrets_manager.get_secret_value().secret_id(&cloud.stack.firehose_secret_id).send().await;
    let read = read.map_err(|error| of_sdk("Secrets Manager", &error))?;
    let tokens: Option<Tokens> = serde_json::from_str(read.secret_string().unwrap_or_default()).ok();
    let tokens = tokens.filter(|tokens| !tokens.current.expose_secret().trim().is_empty());
    let tokens = tokens.ok_or_else(|| Error::NotFound(UNREADABLE.to_owned()))?;
    let previous = tokens.previous.filter(|previous| !previous.expose_secret().trim().is_empty());
    Ok(Tokens { previous, ..tokens })
}

async fn write(cloud: &Cloud, tokens: &Written<'_>) -> Result<(), Error> {
    let text = serde_json::to_string(tokens).map_err(|_| Error::NotFound(UNREADABLE.to_owned()))?;
    let put = cloud.secrets_manager.put_secret_value().secret_id(&cloud.stack.firehose_secret_id);
    put.secret_string(text).send().await.map_err(|error| of_sdk("Secrets Manager", &error))?;
    Ok(())
}

/// When each token that is accepted was last used, from the metric lines of ingest.
async fn uses(logs: &Logs, tokens: &Tokens) -> Result<Uses, Error> {
    let two_are_accepted = tokens.previous.is_some();
    let previous_last_used_ms = if two_are_accepted { last_used(logs, "previous").await? } else { None };
    Ok(Uses { two_are_accepted, current_last_used_ms: last_used(logs, "current").await?, previous_last_used_ms })
}

/// Each token is asked for by itself: among the requests with the one, those with the other may be few.
async fn last_used(logs: &Logs, token: &str) -> Result<Option<i64>, Error> {
    let pattern = format!("{{ $.token = \"{token}\" }}");
    let is_wanted = |line: &Line| line.authorized.is_some() && line.token.as_deref() == Some(token);
    logs.newest(Function::Ingest, &pattern, now_ms(), is_wanted).await
}

#[cfg(test)]
mod tests {
    use aws_double::{Response, Service, http_client, respond};
    use aws_sdk_cloudwatchlogs::config::{BehaviorVersion, Credentials, Region};
    use serde_json::{Value, json};

    use super::*;

    /// Logs with 110,000 lines of the current token in each hour, and after them one of the previous token.
    #[derive(Debug, Clone)]
    struct CloudWatchLogs;

    impl Service for CloudWatchLogs {
        async fn answer(self, _: String, question: Value) -> Response {
            let pattern = question["filterPattern"].as_str().unwrap_or_default();
            let is_asked = |token: &str| !pattern.contains("$.token") || pattern.contains(&format!("\"{token}\""));
            let page: u32 = question["nextToken"].as_str().map_or(0, |page| page.parse().unwrap());
            let event = |token: &str| {
                let message = json!({"authorized": 1, "token": token}).to_string();
                json!({"timestamp": question["endTime"], "message": message, "logStreamName": "s"})
            };
            let page = if page < 11 && is_asked("current") {
                json!({"events": vec![event("current"); 10_000], "nextToken": (page + 1).to_string()})
            } else {
                json!({"events": is_asked("previous").then(|| event("previous")).as_slice()})
            };
            respond(None, async { Ok(page) }).await
        }
    }

    #[tokio::test]
    async fn a_token_that_is_seldom_used_is_seen_among_very_many_requests_with_the_other() {
        let config = aws_sdk_cloudwatchlogs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .http_client(http_client(CloudWatchLogs));
        let logs = Logs::new(aws_sdk_cloudwatchlogs::Client::from_conf(config.build()), "stack");
        assert!(last_used(&logs, "previous").await.unwrap().is_some());
    }
}
