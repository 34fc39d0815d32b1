//! What the functions logged, read back from CloudWatch Logs. Lines are JSON; what is none of ours is left out.

use aws_sdk_cloudwatchlogs::Client;
use serde::Deserialize;

use crate::error::{Error, of_sdk};
use crate::time::{self, HOUR_MS};

/// TikTok took a mapping call: the message of the uploader's line, word for word, as those below.
pub(crate) const CALL_TAKEN: &str = "TikTok took a mapping call";
/// Changes wait, and why.
pub(crate) const LANES_BLOCKED: &str = "changes of a connection wait; its lanes are blocked";
/// A task is done with its messages.
pub(crate) const MESSAGES_SETTLED: &str = "the messages of a connection are settled";
/// Which Firehose messages were among them, and which requests to be forgotten.
pub(crate) const SETTLED_BY_ID: [&str; 2] = ["Firehose messages are settled", "erasures are settled"];

/// So far back the newest line of a kind is looked for, in hours.
pub(crate) const HOURS: i64 = 24;
/// So many lines of an hour are read.
const LINES_OF_AN_HOUR: usize = 100_000;

/// The logs of a stack's functions.
#[derive(Debug)]
pub(crate) struct Logs {
    client: Client,
    stack: String,
}

/// A function.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Function {
    Ingest,
    Uploader,
}

impl Function {
    const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Uploader => "uploader",
        }
    }
}

/// Which lines.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) function: Function,
    /// A filter pattern of CloudWatch Logs. What comes may be more than it lets through: the local cloud does not know all of them.
    pub(crate) pattern: String,
    /// Of one instance only.
    pub(crate) stream: Option<String>,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    /// So many lines are enough, the oldest ones.
    pub(crate) most: usize,
}

impl Question {
    /// The lines of one hour, which ended `hours` hours before `now_ms`.
    pub(crate) fn of_hour(function: Function, pattern: &str, hours: i64, now_ms: i64) -> Self {
        let to_ms = now_ms - hours * HOUR_MS;
        let (pattern, from_ms) = (pattern.to_owned(), to_ms - HOUR_MS);
        Self { function, pattern, stream: None, from_ms, to_ms, most: LINES_OF_AN_HOUR }
    }
}

/// A line of ours, with the fields that the tool looks at.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Line {
    pub(crate) message: String,
    timestamp: String,
    pub(crate) kind: Option<String>,
    pub(crate) transport: Option<String>,
    pub(crate) answer: Option<String>,
    pub(crate) advertiser: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) code: Option<i64>,
    pub(crate) reason: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) tiktok_message: Option<String>,
    pub(crate) tiktok_request_id: Option<String>,
    pub(crate) firehose_message_id: Option<String>,
    pub(crate) firehose_messages: Option<String>,
    pub(crate) subject_request_id: Option<String>,
    pub(crate) subject_requests: Option<String>,
    /// What became of a request to be forgotten.
    pub(crate) erasure: Option<String>,
    pub(crate) rows: Option<u64>,
    pub(crate) users: Option<u64>,
    pub(crate) changes: Option<u64>,
    pub(crate) messages: Option<u64>,
    pub(crate) oldest_change_age_seconds: Option<f64>,
    /// Of the metric that counts requests by the token that mParticle sent: which token.
    pub(crate) token: Option<String>,
    pub(crate) authorized: Option<f64>,
    /// When it was written, in milliseconds since 1970.
    #[serde(skip)]
    pub(crate) at_ms: i64,
    /// The instance that wrote it.
    #[serde(skip)]
    pub(crate) stream: String,
}

impl Line {
    /// A line of `text`, which reached CloudWatch at `event_ms`; `None` if it is no JSON object.
    pub(crate) fn read(text: &str, event_ms: i64, stream: &str) -> Option<Self> {
        let mut line: Self = serde_json::from_str(text.trim()).ok()?;
        line.at_ms = time::parse(&line.timestamp).unwrap_or(event_ms);
        stream.clone_into(&mut line.stream);
        Some(line)
    }

    /// Whether it is of that connection.
    pub(crate) fn is_of(&self, connection: ids::ConnectionId) -> bool {
        let is = |field: &Option<String>, id: String| field.as_ref() == Some(&id);
        is(&self.advertiser, connection.advertiser.to_string()) && is(&self.account, connection.account.to_string())
    }

    /// Whether it is the line of a request to `ingest` with this id: of the message, or of a person's request to be forgotten.
    pub(crate) fn arrived_as(&self, id: &str) -> bool {
        let ids = [&self.firehose_message_id, &self.subject_request_id];
        self.transport.is_some() && ids.iter().any(|named| named.as_deref() == Some(id))
    }

    /// Whose connection it is about.
    pub(crate) fn connection(&self) -> Option<ids::ConnectionId> {
        Some(ids::ConnectionId {
            advertiser: self.advertiser.as_ref()?.parse().ok()?,
            account: self.account.as_ref()?.parse().ok()?,
        })
    }
}

impl Logs {
    pub(crate) fn new(client: Client, stack: &str) -> Self {
        Self { client, stack: stack.to_owned() }
    }

    /// The lines that answer `question` and that `wanted` lets through, oldest first.
    ///
    /// # Errors
    /// CloudWatch Logs refuses, or is not reached.
    pub(crate) async fn lines(&self, question: &Question, wanted: impl Fn(&Line) -> bool) -> Result<Vec<Line>, Error> {
        let mut lines = Vec::new();
        let mut next = None;
        loop {
            let request = self
                .client
                .filter_log_events()
                .log_group_name(format!("/aws/lambda/{}-{}", self.stack, question.function.name()))
                .filter_pattern(&question.pattern)
                .set_log_stream_names(question.stream.clone().map(|stream| vec![stream]))
                .start_time(question.from_ms)
                .end_time(question.to_ms)
                .set_next_token(next);
            let page = request.send().await.map_err(|error| of_sdk("CloudWatch Logs", &error))?;
            for event in page.events() {
                let at = event.timestamp().unwrap_or_default();
                let line =
                    Line::read(event.message().unwrap_or_default(), at, event.log_stream_name().unwrap_or_default());
                lines.extend(line.filter(|line| wanted(line)));
            }
            next = page.next_token;
            if next.is_none() || lines.len() >= question.most {
                break;
            }
        }
        lines.sort_by_key(|line| line.at_ms);
        Ok(lines)
    }

    /// When the newest line after `from_ms` was written that fits `pattern` and that `wanted` lets through, at most [`HOURS`] back; to the
    /// hour where an hour has very many of them.
    ///
    /// # Errors
    /// As [`lines`](Self::lines).
    pub(crate) async fn newest(
        &self,
        function: Function,
        pattern: &str,
        (from_ms, now_ms): (i64, i64),
        wanted: impl Fn(&Line) -> bool,
    ) -> Result<Option<i64>, Error> {
        for hours in 0..HOURS {
            let question = Question::of_hour(function, pattern, hours, now_ms);
            if question.to_ms <= from_ms {
                break;
            }
            let question = Question { from_ms: question.from_ms.max(from_ms), ..question };
            if let Some(newest) = self.lines(&question, &wanted).await?.last() {
                return Ok(Some(newest.at_ms));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_else_it_has_and_what_is_no_json_is_left_out() {
        let text = r#"{"timestamp":"2024-05-01T19:45:44.065Z","level":"INFO","advertiser":"7","account":"12","rows":3,"new":[],"message":"TikTok took a mapping call"}"#;
        let line = Line::read(text, 1, "s").unwrap();
        assert_eq!((line.at_ms, line.rows, line.stream.as_str()), (1_714_592_744_065, Some(3), "s"));
        assert!(line.is_of("7.12".parse().unwrap()) && !line.is_of("7.13".parse().unwrap()));
        assert_eq!(Line::read("REPORT RequestId: 1", 1, "s"), None);
        assert_eq!(Line::read(r#"{"_aws":{},"oldest_change_age_seconds":61.0}"#, 5, "s").unwrap().at_ms, 5);
    }
}
