//! `firehose-token`: the token that mParticle sends with each HTTP request. Two are accepted while it is changed.

use rand::distr::{Alphanumeric, SampleString};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use startup::clock::now_ms;

use crate::cloud::Cloud;
use crate::confirm::confirm;
use crate::error::{Error, of_sdk};
use crate::logs::{Function, Line, Question};
use crate::output::Report;
use crate::time::{DAY_MS, age};

/// As long as the one that the template makes.
const LENGTH: usize = 48;
const MOST_LINES: usize = 50_000;
const CHANGED: &str = "the Firehose secret is not in the documented form; infra/README.md says which it is";

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
    /// When mParticle last used each, in the last 24 hours.
    current_last_used_ms: Option<i64>,
    previous_last_used_ms: Option<i64>,
}

/// `firehose-token status`.
pub(crate) async fn status(cloud: &Cloud) -> Result<Report, Error> {
    let uses = uses(cloud, &read(cloud).await?).await?;
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
    let uses = uses(cloud, &tokens).await?;
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
    let tokens = tokens.ok_or_else(|| Error::NotFound(CHANGED.to_owned()))?;
    let previous = tokens.previous.filter(|previous| !previous.expose_secret().trim().is_empty());
    Ok(Tokens { previous, ..tokens })
}

async fn write(cloud: &Cloud, tokens: &Written<'_>) -> Result<(), Error> {
    let text = serde_json::to_string(tokens).map_err(|_| Error::NotFound(CHANGED.to_owned()))?;
    let put = cloud.secrets_manager.put_secret_value().secret_id(&cloud.stack.firehose_secret_id);
    put.secret_string(text).send().await.map_err(|error| of_sdk("Secrets Manager", &error))?;
    Ok(())
}

/// When each token was last used, from the metric lines of ingest.
async fn uses(cloud: &Cloud, tokens: &Tokens) -> Result<Uses, Error> {
    let now_ms = now_ms();
    let mut uses =
        Uses { two_are_accepted: tokens.previous.is_some(), current_last_used_ms: None, previous_last_used_ms: None };
    for hour in 0..24 {
        let to_ms = now_ms - hour * DAY_MS / 24;
        let question = Question {
            function: Function::Ingest,
            pattern: "{ $.authorized >= 0 }",
            stream: None,
            from_ms: to_ms - DAY_MS / 24,
            to_ms,
            most: MOST_LINES,
        };
        let lines = cloud.logs.lines(&question, |line| line.authorized.is_some()).await?;
        let last = |word: &str| lines.iter().rfind(|line| line.token.as_deref() == Some(word)).map(at);
        uses.current_last_used_ms = uses.current_last_used_ms.or_else(|| last("current"));
        uses.previous_last_used_ms = uses.previous_last_used_ms.or_else(|| last("previous"));
        if uses.current_last_used_ms.is_some() && (uses.previous_last_used_ms.is_some() || !uses.two_are_accepted) {
            break;
        }
    }
    Ok(uses)
}

const fn at(line: &Line) -> i64 {
    line.at_ms
}
