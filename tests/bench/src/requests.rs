//! Ingest: a stream of requests to the real binary, with an SQS that answers at once.

use std::time::Duration;

use anyhow::Result;
use axum::body::Bytes;
use serde_json::{Value, json};

use crate::lambda::{Lambda, Setup, TOKEN};
use crate::table::Table;

const REQUESTS: usize = 2_000;
const SETUP: Setup<'_> = Setup {
    name: "ingest",
    environment: &[],
    timeout: Duration::from_secs(25),
    tiktok_takes: Duration::ZERO,
    backlog: (&[], 1),
};

/// A membership change of `profiles` users, as mParticle sends it.
fn message(profiles: u32) -> Value {
    let profile = |n: u32| {
        let id =
            |kind: &str| json!({"type": kind, "encoding": "raw", "value": format!("66b728c2-f9a4-4d87-82ef-{n:012x}")});
        json!({
            "mpid": format!("{}", 7_346_244_611_012_968_789_i64 - i64::from(n)),
            "device_identities": [id("ios_advertising_id"), id("ios_vendor_id"), id("google_advertising_id")],
            "user_identities": [{"type": "email", "encoding": "sha256", "value": "e".repeat(64)}],
            "partner_identities": [],
            "audiences": [{
                "audience_id": 456, "audience_name": "New users", "action": "add",
                "audience_subscription_settings": {"tiktokAudienceId": "7123456789012345678"},
            }],
        })
    };
    json!({
        "type": "audience_membership_change_request", "id": "1317071d-3342-4e1e-a691-84bd7e762bda",
        "timestamp_ms": 1_714_592_744_065_i64, "firehose_version": "3.2.0",
        "account": {"account_id": 123, "account_settings": {
            "tiktokAccountId": "7000000000000000001", "tiktokAccessToken": TOKEN,
        }},
        "user_profiles": (0..profiles).map(profile).collect::<Vec<_>>(),
    })
}

/// The same through the HTTP API.
fn over_http(message: &Value) -> Value {
    json!({
        "version": "2.0", "routeKey": "POST /v1/firehose", "rawPath": "/v1/firehose", "rawQueryString": "",
        "headers": {"authorization": format!("Token {TOKEN}"), "content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": "/v1/firehose"}, "stage": "$default"},
        "body": message.to_string(), "isBase64Encoded": false,
    })
}

/// Streams of requests by both transports: the time of an answer, and the memory that it took.
pub(crate) async fn stream(table: &mut Table) -> Result<()> {
    for profiles in [1, 100, 1_000] {
        let message = message(profiles);
        for (transport, event) in [("direct", message.clone()), ("HTTP", over_http(&message))] {
            let event = Bytes::from(event.to_string());
            let mut ingest = Lambda::start(&SETUP).await?;
            let mut times = Vec::with_capacity(REQUESTS);
            for request in 0..REQUESTS + 10 {
                let (time, _) = ingest.invoke(&event).await?;
                // The first ones open connections and read secrets.
                if request >= 10 {
                    times.push(time);
                }
            }
            times.sort_unstable();
            let at = |share: usize| times.get(REQUESTS * share / 100).map_or(0.0, Duration::as_secs_f64) * 1000.0;
            let what = format!("ingest, {profiles} users a request, {transport}");
            table.row(&what, "ms, p50", at(50));
            table.row(&what, "ms, p99", at(99));
            table.row(&what, "peak memory, MB", ingest.peak_memory_mb()?);
        }
    }
    Ok(())
}
