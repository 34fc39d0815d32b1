//! Which calls a fault hits: by path, token and advertiser.

use anyhow::Result;
use sandbox::Fault;
use sandbox::control::{Customer, NewGrant};
use serde_json::json;

use crate::{Answer, Story};

const INFO: &str = "/advertiser/info/";
const MAPPING: &str = "/segment/mapping/";

/// The codes of `/user/info/`, `/advertiser/info/` and `/segment/mapping/` (which is well-formed, but for an audience that is not there).
async fn codes(story: &Story, customer: &Customer, token: &str) -> Result<[u64; 3]> {
    let advertiser = &customer.advertiser.advertiser_id;
    let request = story.request(reqwest::Method::GET, INFO).header("Access-Token", token);
    let info = request.query(&[("advertiser_ids", json!([advertiser]).to_string())]).send().await?;
    let mut body = story.mapping("add", &json!([[{"id": crate::md5(1), "audience_ids": ["7"]}, {}]]));
    body["advertiser_ids"] = json!([advertiser]);
    let mapping = story.request(reqwest::Method::POST, MAPPING).header("Access-Token", token).json(&body);
    let user = story.user_info(token).await?.code;
    Ok([user, Answer::read(info).await?.code, Answer::read(mapping.send().await?).await?.code])
}

#[tokio::test]
async fn a_fault_can_hit_one_path_or_several() -> Result<()> {
    let story = Story::begin().await?;
    let fault = || Fault::code(50000, "Internal");
    for (fault, expected) in [
        (fault().on("/user/info/"), [50000, 0, 40007]),
        (fault().on(INFO), [0, 50000, 40007]),
        (fault().on(MAPPING), [0, 0, 50000]),
        (fault().on("/user/info/").on(MAPPING), [50000, 0, 50000]),
        (fault(), [50000, 50000, 50000]),
    ] {
        let number = story.control.fault(fault.clone()).await?;
        assert_eq!(codes(&story, &story.customer, story.token()).await?, expected, "{fault:?}");
        story.control.clear_fault(number).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_fault_can_hit_one_token() -> Result<()> {
    let story = Story::begin().await?;
    let second = story.control.token_with(&NewGrant::of(&story.customer.person.key)).await?;
    let beginning: String = second.fingerprint.chars().take(12).collect();
    story.control.fault(Fault::code(40105, "Revoked").token(&beginning)).await?;
    assert_eq!(codes(&story, &story.customer, story.token()).await?, [0, 0, 40007]);
    assert_eq!(codes(&story, &story.customer, &second.access_token).await?, [40105, 40105, 40105]);
    let calls = story.control.journal().await?;
    let hit: Vec<_> = calls.iter().filter(|call| call.fault.is_some()).map(|call| call.token.as_deref()).collect();
    assert_eq!(hit, [Some(&*second.fingerprint); 3]);
    Ok(())
}

#[tokio::test]
async fn a_mapping_call_of_one_advertiser_can_be_refused_although_its_token_lives() -> Result<()> {
    let story = Story::begin().await?;
    let other = story.control.customer("Other").await?;
    story.control.fault(Fault::code(40001, "No permission").on(MAPPING).advertiser(story.advertiser())).await?;
    assert_eq!(codes(&story, &story.customer, story.token()).await?, [0, 0, 40001]);
    assert_eq!(codes(&story, &other, &other.token.access_token).await?, [0, 0, 40007]);
    Ok(())
}
