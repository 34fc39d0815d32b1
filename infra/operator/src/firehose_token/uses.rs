//! Which of two tokens mParticle uses, from the metric lines of ingest.
//!
//! A line names the token by its place at that time: what was `current` before a change is `previous` after it. So only lines count that
//! were written when every function knew of the last change.

use std::cmp::max;

use serde::Serialize;

use crate::error::Error;
use crate::logs::{Function, HOURS, Line, Logs};
use crate::time::{HOUR_MS, age};

/// A function works with what it read of the secret for five minutes, and writes the line after that.
const UNTIL_KNOWN_MS: i64 = 6 * 60 * 1000;

#[derive(Debug, Clone, Serialize)]
pub(super) struct Uses {
    pub(super) two_are_accepted: bool,
    /// Uses are counted from then on; before it, none is known.
    counted_from_ms: i64,
    /// When mParticle last used each that is accepted, in the last 24 hours.
    current_last_used_ms: Option<i64>,
    previous_last_used_ms: Option<i64>,
    #[serde(skip)]
    now_ms: i64,
}

/// When each token that is accepted was last used since the secret was written.
pub(super) async fn uses(logs: &Logs, two_are_accepted: bool, written_ms: i64, now_ms: i64) -> Result<Uses, Error> {
    let counted_from_ms = written_ms.saturating_add(UNTIL_KNOWN_MS);
    let span = (counted_from_ms, now_ms);
    let previous_last_used_ms = if two_are_accepted { last_used(logs, "previous", span).await? } else { None };
    let current_last_used_ms = last_used(logs, "current", span).await?;
    Ok(Uses { two_are_accepted, counted_from_ms, current_last_used_ms, previous_last_used_ms, now_ms })
}

/// Each token is asked for by itself: among the requests with the one, those with the other may be few.
async fn last_used(logs: &Logs, token: &str, span: (i64, i64)) -> Result<Option<i64>, Error> {
    let pattern = format!("{{ $.token = \"{token}\" }}");
    let is_wanted = |line: &Line| line.authorized.is_some() && line.token.as_deref() == Some(token);
    logs.newest(Function::Ingest, &pattern, span, is_wanted).await
}

impl Uses {
    pub(super) fn text(&self) -> String {
        let accepted = if self.two_are_accepted { "Two tokens are accepted" } else { "One token is accepted" };
        if let Some(not_known) = self.not_known() {
            return format!("{accepted}. {not_known}");
        }
        let current = format!("The current token: {}.", self.last(self.current_last_used_ms));
        if !self.two_are_accepted {
            return format!("{current}\nNo other is accepted.");
        }
        let previous = format!("The one before: still accepted, {}.", self.last(self.previous_last_used_ms));
        let then = match (self.current_last_used_ms, self.previous_last_used_ms) {
            (_, Some(_)) => "mParticle still uses it: give it the current one.",
            (Some(_), None) => "`firehose-token retire` ends it.",
            (None, None) => "Keep both until mParticle uses the current one.",
        };
        format!("{current}\n{previous} {then}")
    }

    pub(super) fn question_of_retire(&self) -> String {
        let warning = match (self.not_known(), self.previous_last_used_ms, self.current_last_used_ms) {
            (Some(not_known), ..) => format!("{not_known} "),
            (None, Some(ms), _) => {
                format!("mParticle used it {} ago, and would be refused. ", age(ms, self.now_ms))
            }
            (None, None, None) => {
                format!("The current one was {}: if mParticle does not have it, it would be refused. ", self.last(None))
            }
            (None, None, Some(_)) => String::new(),
        };
        format!("{warning}Stop accepting the token of before?")
    }

    /// What to ask before the newer of two tokens is replaced.
    pub(super) fn question_of_rotate(&self) -> Result<String, Error> {
        if self.not_known().is_some() {
            return Err(Error::NotConfirmed(
                "two tokens are accepted already, and which mParticle uses is known six minutes after the last change: start it again then",
            ));
        }
        if self.current_last_used_ms.is_some() {
            return Err(Error::NotConfirmed(
                "two tokens are accepted already, and mParticle uses the newer; `firehose-token retire` ends the older one first",
            ));
        }
        Ok(format!(
            "Two tokens are accepted; the newer was {}. Replace it by another, and keep the older? Whoever has the newer one would be refused.",
            self.last(None)
        ))
    }

    fn not_known(&self) -> Option<String> {
        (self.now_ms < self.counted_from_ms).then(|| {
            format!(
                "Which mParticle uses is not known yet: functions may still work with the tokens of before the last change. Ask again in {}.",
                age(self.now_ms, self.counted_from_ms)
            )
        })
    }

    fn last(&self, used_ms: Option<i64>) -> String {
        let seen_from_ms = max(self.counted_from_ms, self.now_ms - HOURS * HOUR_MS);
        used_ms.map_or_else(
            || format!("not used in the last {}", age(seen_from_ms, self.now_ms)),
            |ms| format!("last used {} ago", age(ms, self.now_ms)),
        )
    }
}

#[cfg(test)]
mod tests {
    use aws_double::{Response, Service, http_client, respond};
    use aws_sdk_cloudwatchlogs::config::{BehaviorVersion, Credentials, Region};
    use serde_json::{Value, json};

    use super::*;

    const NOW_MS: i64 = 1_790_000_000_000;
    const MINUTE_MS: i64 = 60 * 1000;

    fn logs(service: impl Service) -> Logs {
        let config = aws_sdk_cloudwatchlogs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .http_client(http_client(service));
        Logs::new(aws_sdk_cloudwatchlogs::Client::from_conf(config.build()), "stack")
    }

    /// A line with a token at each of these times.
    #[derive(Debug, Clone)]
    struct Lines(Vec<(i64, &'static str)>);

    impl Service for Lines {
        async fn answer(self, _: String, question: Value) -> Response {
            let (from, to) = (question["startTime"].as_i64().unwrap(), question["endTime"].as_i64().unwrap());
            let event = |(at, token): &(i64, &str)| {
                let message = json!({"authorized": 1, "token": token}).to_string();
                json!({"timestamp": at, "message": message, "logStreamName": "s"})
            };
            let asked = self.0.iter().filter(|(at, _)| (from..to).contains(at));
            let events: Vec<Value> = asked.map(event).collect();
            respond(None, async { Ok(json!({"events": events})) }).await
        }
    }

    /// Two tokens, of which the secret was written so many minutes ago, and lines of so many minutes ago.
    async fn two(written: i64, lines: &[(i64, &'static str)]) -> Uses {
        let lines = lines.iter().map(|(ago, token)| (NOW_MS - ago * MINUTE_MS, *token)).collect();
        uses(&logs(Lines(lines)), true, NOW_MS - written * MINUTE_MS, NOW_MS).await.unwrap()
    }

    #[tokio::test]
    async fn a_use_before_every_function_knew_of_the_change_is_of_another_token_and_does_not_count() {
        let fresh = two(1, &[(0, "current"), (2, "current")]).await;
        assert_eq!((fresh.current_last_used_ms, fresh.previous_last_used_ms), (None, None));
        assert!(fresh.text().contains("not known yet") && fresh.text().contains("5 min"), "{}", fresh.text());
        assert!(fresh.question_of_retire().contains("not known yet"));

        let unused = two(60, &[(58, "current"), (61, "current"), (62, "previous")]).await;
        assert_eq!((unused.current_last_used_ms, unused.previous_last_used_ms), (None, None));
        assert!(unused.text().contains("Keep both"), "{}", unused.text());
        assert!(unused.question_of_retire().contains("not used in the last 54 min"), "{}", unused.question_of_retire());

        let done = two(60, &[(1, "current"), (61, "current")]).await;
        assert!(done.text().contains("`firehose-token retire` ends it"), "{}", done.text());
        assert_eq!(done.question_of_retire(), "Stop accepting the token of before?");

        let both = two(60, &[(1, "current"), (3, "previous")]).await;
        assert!(both.text().contains("still uses it"), "{}", both.text());
        assert!(both.question_of_retire().contains("used it 3 min ago"), "{}", both.question_of_retire());
    }

    #[tokio::test]
    async fn of_two_tokens_the_newer_is_replaced_only_if_it_was_not_used() {
        assert!(two(60, &[(1, "previous"), (61, "current")]).await.question_of_rotate().is_ok());
        assert!(two(60, &[(1, "current")]).await.question_of_rotate().is_err());
        assert!(two(1, &[]).await.question_of_rotate().is_err(), "not known yet");
    }

    /// 110,000 lines of the current token in each hour, and after them one of the previous token.
    #[derive(Debug, Clone)]
    struct VeryMany;

    impl Service for VeryMany {
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
        assert!(last_used(&logs(VeryMany), "previous", (0, NOW_MS)).await.unwrap().is_some());
    }
}
