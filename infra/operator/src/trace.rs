//! `trace`: the path of one Firehose message, or of one person's request to be forgotten, put together from the logs and the dead letters.
//!
//! The queue itself is not looked into: to receive a message blocks its lane. So what still waits is told by what is not settled yet.

use std::collections::BTreeMap;

use ids::ConnectionId;
use serde::Serialize;
use startup::clock::now_ms;

use crate::arguments::Filter;
use crate::cloud::Cloud;
use crate::dead_letters;
use crate::error::Error;
use crate::letter::Letter;
use crate::logs::{Function, LANES_BLOCKED, Line, MESSAGES_SETTLED, Question, SETTLED_BY_ID};
use crate::output::{Report, count, table};
use crate::time::{DAY_MS, age, moment};

/// An invocation of the uploader is shorter.
const LONGEST_TASK_MS: i64 = 15 * 60_000;
const MOST_LINES: usize = 10_000;

/// The path of a message, or of a request to be forgotten, for which mParticle may send a message for each connection.
#[derive(Debug, Serialize)]
struct Trace {
    /// mParticle's id of the message, or of the request.
    id: String,
    /// Each time that it arrived: mParticle repeats what was not answered.
    arrivals: Vec<Arrival>,
    /// Messages of it that went to the queue.
    queued: u64,
    /// Those of them that are done with.
    settled: u64,
    calls: Vec<Call>,
    letters: Vec<Letter>,
    /// Why its connection's lanes waited last, if that was after it arrived.
    waiting: Option<Waiting>,
}

#[derive(Debug, Serialize)]
struct Arrival {
    at_ms: i64,
    transport: Option<String>,
    answer: Option<String>,
    advertiser: Option<String>,
    account: Option<String>,
    users: Option<u64>,
    changes: Option<u64>,
    /// Messages on the queue, one a lane and more where a lane has much.
    messages: Option<u64>,
    /// What became of a request to be forgotten.
    erasure: Option<String>,
    reason: Option<String>,
}

/// A call to TikTok by the task that had the message in hand, with whatever else it had.
#[derive(Debug, Serialize)]
struct Call {
    at_ms: i64,
    action: Option<String>,
    rows: Option<u64>,
    taken: bool,
    code: Option<i64>,
    tiktok_message: Option<String>,
    tiktok_request_id: Option<String>,
}

#[derive(Debug, Serialize)]
struct Waiting {
    at_ms: i64,
    cause: Option<String>,
    code: Option<i64>,
    tiktok_message: Option<String>,
}

/// `trace`.
pub(crate) async fn trace(cloud: &Cloud, id: &str, days: u16) -> Result<Report, Error> {
    if id.is_empty() || id.chars().any(|c| c.is_whitespace() || matches!(c, '"' | '\\' | '=' | '*')) {
        return Err(Error::NotFound("that is no id of a Firehose message or of a request to be forgotten".to_owned()));
    }
    let now = now_ms();
    let from_ms = now - i64::from(days) * DAY_MS;
    let lines = async |function, pattern, wanted: &dyn Fn(&Line) -> bool| {
        let question = Question { function, pattern, stream: None, from_ms, to_ms: now, most: MOST_LINES };
        cloud.logs.lines(&question, wanted).await
    };
    let pattern = format!("{{ ($.firehose_message_id = \"{id}\") || ($.subject_request_id = \"{id}\") }}");
    let arrived = lines(Function::Ingest, pattern, &|line| line.arrived_as(id)).await?;
    let pattern = format!("{{ ($.firehose_messages = \"*{id}*\") || ($.subject_requests = \"*{id}*\") }}");
    let named = lines(Function::Uploader, pattern, &|line| is_named(line) && settled_of(line, id) > 0).await?;
    let mut calls = Vec::new();
    for line in &named {
        calls.extend(calls_before(cloud, line).await?);
    }
    calls.sort_by_key(|call| call.at_ms);
    let found = dead_letters::all(&cloud.dead_letters, &Filter::default()).await?;
    let is_of = |letter: &Letter| {
        [&letter.firehose_message_id, &letter.subject_request_id].iter().any(|named| named.as_deref() == Some(id))
    };
    let letters: Vec<_> = found.letters.into_iter().filter(is_of).collect();
    if arrived.is_empty() && letters.is_empty() {
        return Err(Error::NotFound(format!(
            "no log of the last {} and no dead letter knows the message or request {id}",
            count(days, "day")
        )));
    }
    let queued = queued(&arrived);
    let settled = named.iter().map(|line| settled_of(line, id)).sum::<u64>().min(queued);
    let waiting = match arrived.last() {
        Some(last) if settled < queued => waiting(cloud, last, now).await?,
        Some(_) | None => None,
    };
    let arrivals = arrived.into_iter().map(arrival).collect();
    let trace = Trace { id: id.to_owned(), arrivals, queued, settled, calls, letters, waiting };
    Ok(Report::new(text(&trace, now), &trace))
}

/// How many queue messages there are of it. What mParticle repeats for a connection is the same messages, of which SQS may have kept
/// one each.
fn queued(arrived: &[Line]) -> u64 {
    let mut of_connections = BTreeMap::new();
    for line in arrived {
        let most: &mut u64 = of_connections.entry((&line.advertiser, &line.account)).or_default();
        *most = line.messages.unwrap_or_default().max(*most);
    }
    of_connections.values().sum()
}

fn is_named(line: &Line) -> bool {
    SETTLED_BY_ID.contains(&line.message.as_str())
}

/// How many queue messages of it a line says are settled.
fn settled_of(line: &Line, id: &str) -> u64 {
    let named = [&line.firehose_messages, &line.subject_requests].into_iter().flatten();
    let of = |one: &str| one.strip_prefix(id)?.strip_prefix('=')?.parse::<u64>().ok();
    named.flat_map(|named| named.split(' ')).filter_map(of).sum()
}

/// The calls of the task that wrote `settled`.
async fn calls_before(cloud: &Cloud, settled: &Line) -> Result<Vec<Call>, Error> {
    let Some(connection) = settled.connection() else { return Ok(Vec::new()) };
    let ConnectionId { advertiser, account } = connection;
    let pattern = format!("{{ $.advertiser = \"{advertiser}\" && $.account = \"{account}\" }}");
    let (from_ms, to_ms) = (settled.at_ms - LONGEST_TASK_MS, settled.at_ms + 1);
    // Lines may reach CloudWatch after they were written.
    let (function, stream, to_ms) = (Function::Uploader, Some(settled.stream.clone()), to_ms + LONGEST_TASK_MS);
    let question = Question { function, pattern, stream, from_ms, to_ms, most: MOST_LINES };
    let lines = cloud.logs.lines(&question, |line| line.is_of(connection) && line.at_ms <= settled.at_ms).await?;
    Ok(task_of(&lines, settled).into_iter().map(call).collect())
}

/// Of one connection's lines in one process, the calls between the end of the task before and `settled`: one task is at work at a time.
/// What follows `settled` may have been written in the same millisecond.
fn task_of<'a>(lines: &'a [Line], settled: &Line) -> Vec<&'a Line> {
    let named = |line: &Line| (line.firehose_messages.clone(), line.subject_requests.clone());
    let is_settled = |line: &Line| is_named(line) && named(line) == named(settled);
    let end = lines.iter().rposition(is_settled).unwrap_or(lines.len());
    let before = lines.get(..end).unwrap_or_default();
    let start = before.iter().rposition(|line| line.message == MESSAGES_SETTLED).map_or(0, |at| at + 1);
    before.iter().skip(start).filter(|line| line.action.is_some()).collect()
}

fn call(line: &Line) -> Call {
    Call {
        at_ms: line.at_ms,
        action: line.action.clone(),
        rows: line.rows,
        taken: line.cause.is_none(),
        code: line.code,
        tiktok_message: line.tiktok_message.clone(),
        tiktok_request_id: line.tiktok_request_id.clone(),
    }
}

fn arrival(line: Line) -> Arrival {
    let Line { at_ms, transport, answer, advertiser, account, users, changes, messages, erasure, reason, .. } = line;
    Arrival { at_ms, transport, answer, advertiser, account, users, changes, messages, erasure, reason }
}

/// Why the lanes of the message's connection waited last.
async fn waiting(cloud: &Cloud, arrived: &Line, now_ms: i64) -> Result<Option<Waiting>, Error> {
    let Some(connection) = arrived.connection() else { return Ok(None) };
    let pattern = format!("{{ $.advertiser = \"{}\" && $.lanes = \"*\" }}", connection.advertiser);
    let (function, from_ms, to_ms) = (Function::Uploader, arrived.at_ms, now_ms);
    let question = Question { function, pattern, stream: None, from_ms, to_ms, most: MOST_LINES };
    let lines = cloud.logs.lines(&question, |line| line.message == LANES_BLOCKED && line.is_of(connection)).await?;
    Ok(lines.into_iter().next_back().map(|line| Waiting {
        at_ms: line.at_ms,
        cause: line.cause,
        code: line.code,
        tiktok_message: line.tiktok_message,
    }))
}

fn text(trace: &Trace, now_ms: i64) -> String {
    let mut lines: Vec<String> = trace.arrivals.iter().flat_map(arrival_lines).collect();
    lines.push(format!("{} of {} settled", trace.settled, count(trace.queued, "queue message")));
    if let Some(waiting) = &trace.waiting {
        let why = [waiting.cause.clone(), waiting.code.map(|code| code.to_string()), waiting.tiktok_message.clone()];
        let why = why.into_iter().flatten().collect::<Vec<_>>().join(" ");
        lines.push(format!("The lanes of its connection waited last {} ago: {why}", age(waiting.at_ms, now_ms)));
    }
    let mut text = lines.join("\n") + "\n";
    if !trace.calls.is_empty() {
        text += "\nCalls of the tasks that settled it, with what else they had in hand:\n";
        text += &table(
            &["at", "action", "rows", "TikTok", "request"],
            &trace.calls.iter().map(call_cells).collect::<Vec<_>>(),
        );
    }
    if !trace.letters.is_empty() {
        let cells = |letter: &Letter| {
            let code = letter.code.map_or_else(String::new, |code| code.to_string());
            vec![
                letter.short_id(),
                letter.cause.clone(),
                code,
                letter.content(),
                letter.message.clone().unwrap_or_default(),
            ]
        };
        text += "\nDead letters:\n";
        text += &table(&["id", "cause", "code", "holds", "why"], &trace.letters.iter().map(cells).collect::<Vec<_>>());
    }
    text
}

fn arrival_lines(arrival: &Arrival) -> [String; 2] {
    let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "?".to_owned());
    let number = |value: Option<u64>| value.unwrap_or_default();
    let what = match &arrival.erasure {
        Some(outcome) => format!("a request to be forgotten ({outcome})"),
        None => format!("{} with {}", count(number(arrival.users), "user"), count(number(arrival.changes), "change")),
    };
    let arrived = format!(
        "{}  arrived by {} for {}.{}, answered {}{}",
        moment(arrival.at_ms),
        word(&arrival.transport),
        word(&arrival.advertiser),
        word(&arrival.account),
        word(&arrival.answer),
        arrival.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"))
    );
    [arrived, format!("  {what}, queued as {}", count(number(arrival.messages), "message"))]
}

fn call_cells(call: &Call) -> Vec<String> {
    let said = if call.taken {
        "took it".to_owned()
    } else {
        let why = [call.code.map(|code| code.to_string()), call.tiktok_message.clone()];
        format!("refused: {}", why.into_iter().flatten().collect::<Vec<_>>().join(" "))
    };
    let rows = call.rows.map_or_else(String::new, |rows| rows.to_string());
    let request = call.tiktok_request_id.clone().unwrap_or_default();
    vec![moment(call.at_ms), call.action.clone().unwrap_or_default(), rows, said, request]
}

#[cfg(test)]
mod tests;
