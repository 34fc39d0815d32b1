//! The events by which `ingest` gets a Firehose message.

use axum::body::Bytes;
use serde_json::{Value, json};

use crate::lambda::{ACCOUNT, TOKEN, advertiser};

/// How a message comes to `ingest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// mParticle invokes the function.
    Direct,
    /// mParticle posts it to the HTTP API.
    Http,
}

impl Transport {
    /// Its name in a table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Http => "HTTP",
        }
    }
}

/// How many ids of each user the product keeps: Apple's and Google's, not the vendor's and not the e-mail address.
pub const IDS: u64 = 2;

/// Lambda's event with a membership change of so many users; `number` tells advertisers apart.
#[must_use]
pub fn event(transport: Transport, users: u32, number: u32) -> Bytes {
    let message = message(users, number).to_string();
    match transport {
        Transport::Direct => message.into(),
        Transport::Http => over_http(&message).to_string().into(),
    }
}

fn message(users: u32, number: u32) -> Value {
    let profile = |n: u32| {
        let id = |kind: &str| json!({"type": kind, "encoding": "raw", "value": format!("66b728c2-f9a4-4d87-82ef-{number:04x}{n:08x}")});
        json!({
            "mpid": (7_346_244_611_012_968_789_i64 - i64::from(n)).to_string(),
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
        "account": {"account_id": ACCOUNT, "account_settings": {
            "tiktokAccountId": advertiser(number).to_string(), "tiktokAccessToken": TOKEN,
        }},
        "user_profiles": (0..users).map(profile).collect::<Vec<_>>(),
    })
}

/// The event of the HTTP API.
fn over_http(message: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "POST /v1/firehose", "rawPath": "/v1/firehose", "rawQueryString": "",
        "headers": {"authorization": format!("Token {TOKEN}"), "content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": "/v1/firehose"}, "stage": "$default"},
        "body": message, "isBase64Encoded": false,
    })
}
