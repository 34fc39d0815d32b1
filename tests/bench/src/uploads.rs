//! The uploader: planning alone, and whole invocations of the real binary.

use anyhow::Result;
use axum::body::Bytes;
use envelope::{DeviceId, Envelope, Header, Row, Writer};
use ids::{DeviceType, Encoding, TokenFingerprint};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use uploader::plan::{Limits, Planner, Route};

use crate::lambda::Lambda;
use crate::table::Table;

const TOKEN: &str = "bench-token";
const EVENT_BYTES: usize = 6 * 1024 * 1024;
const LIMITS: Limits = Limits { rows: 1000, bytes: 1_000_000 };

/// A user with an Apple and a Google id who joins an audience.
fn row(user: u32) -> Result<Row<'static>> {
    let id = |device, family: u32| {
        let value = format!("{family:08x}-0000-4000-8000-0000{user:08x}");
        DeviceId(device, Encoding::Raw, value.into())
    };
    Ok(Row {
        mpid: Some((u64::from(user) + 1_000_000_000_000).to_string().parse()?),
        ids: vec![id(DeviceType::Idfa, 0xa), id(DeviceType::Gaid, 0xb)],
        adds: std::iter::once("7000000000000000011".parse()?).collect(),
        ..Row::default()
    })
}

/// Envelopes of `users` users, at most `per_message` in each.
fn envelopes(users: u32, per_message: u32) -> Result<Vec<String>> {
    let mut bodies = Vec::new();
    for first in (0..users).step_by(per_message as usize) {
        let header = Header {
            advertiser: "7000000000000000001".parse()?,
            token: TokenFingerprint::of(TOKEN),
            changed_ms: 1_714_592_744_065 + i64::from(first),
        };
        let mut writer = Writer::new(header, EVENT_BYTES);
        for user in first..(first + per_message).min(users) {
            writer.push(&row(user)?)?;
        }
        bodies.extend(writer.finish());
    }
    Ok(bodies)
}

/// As many messages as fit in one event of 6 MB, 10,000 at most, and how many users they hold.
fn event(per_message: u32) -> Result<(Bytes, usize, u32)> {
    let (mut records, mut bytes, mut users) = (Vec::new(), 0, 0);
    for (n, body) in envelopes(60_000, per_message)?.into_iter().take(10_000).enumerate() {
        let record = json!({
            "messageId": format!("00000000-0000-4000-8000-{n:012}"), "receiptHandle": "r".repeat(180), "body": body,
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1714592744065", "SenderId": "AIDA"},
            "messageAttributes": {}, "md5OfBody": "0".repeat(32), "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:changes", "awsRegion": "us-east-1",
        });
        let record = record.to_string();
        if bytes + record.len() + 1 > EVENT_BYTES - 20 {
            break;
        }
        bytes += record.len() + 1;
        users += per_message;
        records.push(record);
    }
    let event = format!(r#"{{"Records":[{}]}}"#, records.join(","));
    Ok((event.into(), records.len(), users))
}

fn thread_cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    std::time::Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0)).as_secs_f64()
}

/// From envelope text to calls, without I/O.
pub(crate) fn planning(table: &mut Table) -> Result<()> {
    for per_message in [1, 100, 1000] {
        let users = 30_000;
        let bodies = envelopes(users, per_message)?;
        let mut best = f64::MAX;
        for _ in 0..7 {
            let before = thread_cpu_seconds();
            let mut planner = Planner::new(LIMITS);
            for (message, body) in (0..).zip(&bodies) {
                planner.add(message, Route { pool: 0, connection: 0 }, &Envelope::read(body)?);
            }
            let plan = planner.plan();
            anyhow::ensure!(plan.calls.len() == 30, "{} calls", plan.calls.len());
            best = best.min(thread_cpu_seconds() - before);
        }
        table.row(&format!("planning, {per_message} users a message"), "users per CPU-second", f64::from(users) / best);
    }
    Ok(())
}

/// The real binary with full events, and a TikTok that answers at once.
pub(crate) async fn invocations(table: &mut Table) -> Result<()> {
    let user = json!({"token": TOKEN, "source": "firehose", "user": "1", "first_seen_ms": 1, "verified_ms": 1});
    let secret = json!({"version": 1, "tokens": [user]});
    for per_message in [1, 1000] {
        let (event, messages, users) = event(per_message)?;
        let rates = [("TIKTOK_CALLS_PER_SECOND", "10000"), ("TIKTOK_ADVERTISER_CALLS_PER_SECOND", "10000")];
        let mut uploader = Lambda::start("uploader", &rates, secret.clone()).await?;
        uploader.invoke(&event).await?;
        let before = uploader.cpu()?;
        let runs = 5;
        for _ in 0..runs {
            let (_, answer) = uploader.invoke(&event).await?;
            anyhow::ensure!(answer.as_ref() == br#"{"batchItemFailures":[]}"#, "messages came back");
        }
        let cpu = uploader.cpu()?.saturating_sub(before).as_secs_f64();
        let what = format!("uploader, 6 MB event of {messages} messages, {users} users");
        table.row(&what, "users per CPU-second", f64::from(users * runs) / cpu);
        table.row(&what, "peak memory, MB", uploader.peak_memory_mb()?);
    }
    Ok(())
}
