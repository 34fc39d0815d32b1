//! A person who asks to be forgotten leaves every audience, whatever waits of the person at that moment.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::mparticle::Answer;
use e2e::stack::Stack;
use e2e::{Account, Audience, Options, Transport, message, story, until};
use sandbox::{Fault, Rules};
use serde_json::{Value, json};

use crate::operator::ask;

const MAPPING: &str = "/segment/mapping/";
const REQUEST: &str = "1e2c8cf4-f985-4398-b482-a520860d3bf6";
/// SHA-256 of jane.doe@example.com.
const ADDRESS: &str = "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d";
const IDFA: &str = "66b728c2-f9a4-4d87-82ef-ce07414fe3f7";
const GAID: &str = "84aae47d-d376-4a35-bde5-c0ee5a808bd3";

/// The person with three ids, and somebody else, join these audiences.
fn joins(account: &Account, audiences: &[Audience]) -> Value {
    let changes: Vec<_> = audiences
        .iter()
        .map(|audience| {
            let settings = json!({ "tiktokAudienceId": audience.tiktok_id, "sendEmail": "true" });
            json!({ "audience_id": audience.audience_id, "audience_subscription_settings": settings, "action": "add" })
        })
        .collect();
    let id = |kind: &str, value: &str| json!({ "type": kind, "encoding": "raw", "value": value });
    let mut request = message::membership(account, &[]);
    request["user_profiles"] = json!([
        {
            "mpid": "1",
            "device_identities": [id("ios_advertising_id", IDFA), id("google_advertising_id", GAID)],
            "user_identities": [{ "type": "email", "encoding": "sha256", "value": ADDRESS }],
            "audiences": changes,
        },
        {
            "mpid": "2",
            "device_identities": [id("ios_advertising_id", "97b826c2-ab80-4876-a184-db36cc39b1ee")],
            "audiences": changes,
        },
    ]);
    request
}

fn identities() -> Value {
    let raw = |value: &str| json!({ "encoding": "raw", "value": value });
    json!({ "ios_advertising_id": raw(IDFA), "android_advertising_id": raw(GAID), "email": raw("Jane.Doe@example.com") })
}

/// How many ids each audience holds.
async fn held(stack: &Stack, audiences: &[Audience]) -> Result<Vec<usize>> {
    let mut all = Vec::new();
    for audience in audiences {
        let members = stack.tiktok.members(audience.tiktok_id.as_deref().unwrap_or_default()).await?;
        all.push(members.values().map(Vec::len).sum());
    }
    Ok(all)
}

pub(crate) async fn who_asks_to_be_forgotten_is_in_no_audience_when_the_queue_is_empty() -> Result<()> {
    story(Options::new().with("EmailIdentities", "true"), async |stack| {
        let rules = stack.tiktok.rules().await?;
        stack.tiktok.set_rules(&Rules { one_hash_family: false, ..rules }).await?;
        let customer = stack.customer("Forgetful").await?;
        let account = &customer.account;
        let mut audiences = Vec::new();
        for number in 1..=4 {
            audiences.push(stack.connect(account, number, &format!("Forgetful {number}")).await?);
        }
        stack.mparticle.deliver(Transport::Http, &joins(account, &audiences[..2])).await?;
        until("both are in two audiences", async || Ok(held(stack, &audiences).await? == [4, 4, 0, 0])).await?;

        let throttled = Fault::code(40133, "Advertiser too loud").on(MAPPING).advertiser(&account.advertiser_id);
        let throttled = stack.tiktok.fault(throttled).await?;
        stack.mparticle.deliver(Transport::Lambda, &joins(account, &audiences[2..])).await?;
        let request = message::erasure(Some(account), REQUEST, &identities());
        for transport in Transport::BOTH {
            let answer = stack.mparticle.deliver(transport, &request).await?;
            ensure!(answer["type"] == "dsr_processing_response" && answer["id"] == request["id"], "{answer}");
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        ensure!(held(stack, &audiences).await? == [4, 4, 0, 0], "the advertiser is throttled all the while");
        stack.tiktok.clear_fault(throttled).await?;
        stack.queue.drained().await?;
        let held = held(stack, &audiences).await?;
        ensure!(held == [1, 1, 1, 1], "only the other person is left: {held:?}");
        // The local cloud has the lines of an invocation when it ends.
        until("the operator's tool tells the whole way of the request", async || {
            let way = ask(stack, &["trace", REQUEST]).await?;
            let arrivals = way["arrivals"].as_array().context("arrivals")?;
            ensure!(arrivals.len() == 2 && arrivals.iter().all(|arrival| arrival["erasure"] == "queued"), "{way}");
            Ok(way["settled"] == way["queued"])
        })
        .await?;
        let way = ask(stack, &["trace", REQUEST]).await?;
        let calls = way["calls"].as_array().context("calls")?;
        ensure!(calls.iter().any(|call| call["action"] == "delete" && call["taken"] == true), "{way}");
        Ok(())
    })
    .await
}

pub(crate) async fn a_request_without_an_account_is_answered_alike_by_both_transports() -> Result<()> {
    story(Options::shared(), async |stack| {
        let request = message::erasure(None, REQUEST, &identities());
        let access = |kind: &str| {
            let mut request = request.clone();
            request["subject_request_type"] = json!(kind);
            request
        };
        for transport in Transport::BOTH {
            let answer = stack.mparticle.send(transport, &request).await?.response()?;
            ensure!(answer["type"] == "dsr_processing_response" && answer["id"] == request["id"], "{answer}");
            for kind in ["access", "portability"] {
                let Answer::Refused(refusal) = stack.mparticle.send(transport, &access(kind)).await? else {
                    anyhow::bail!("a request for {kind} is not refused");
                };
                ensure!(refusal.error.code == "request_type_not_supported", "{refusal}");
            }
        }
        Ok(())
    })
    .await
}
