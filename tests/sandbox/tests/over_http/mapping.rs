//! `/segment/mapping/`: what it applies, and everything that it refuses.

use anyhow::Result;
use sandbox::control::{NewAdvertiser, NewAudience, PersonChange};
use sandbox::{Fault, IdKind, fault};
use serde_json::{Value, json};

use crate::{Story, md5};

/// A row with both ids in one audience.
fn pair(number: u64, audience: &str) -> Value {
    json!([
        {"id": md5(number), "audience_ids": [audience]},
        {"id": md5(number + 1_000_000), "audience_ids": [audience]},
    ])
}

#[tokio::test]
async fn adds_and_deletes_are_set_operations() -> Result<()> {
    let story = Story::begin().await?;
    let (one, two) = (story.create_audience("One").await?, story.create_audience("Two").await?);
    let rows = json!([
        [{"id": md5(1), "audience_ids": [one, two]}, {}],
        [{}, {"id": md5(2), "audience_ids": [one]}],
        [{}, {"id": md5(2), "audience_ids": [one]}],
    ]);
    for _ in 0..2 {
        assert_eq!(story.map("add", &rows).await?.code, 0);
    }
    let gone = json!([[{"id": md5(1), "audience_ids": [one]}, {}], [{"id": md5(9), "audience_ids": [one]}, {}]]);
    assert_eq!(story.map("delete", &gone).await?.code, 0);

    let members = story.control.members(&one).await?;
    assert_eq!(members.into_iter().collect::<Vec<_>>(), [(IdKind::AaidMd5, vec![md5(2)])]);
    let members = story.control.members(&two).await?;
    assert_eq!(members.into_iter().collect::<Vec<_>>(), [(IdKind::IdfaMd5, vec![md5(1)])]);
    let entry = story.control.journal().await?.pop();
    let entry = entry.map(|entry| (entry.rows, entry.ids, entry.audience_ids));
    assert_eq!(entry, Some((2, 2, vec![one])));
    Ok(())
}

#[tokio::test]
async fn one_bad_row_refuses_the_call_and_nothing_is_applied() -> Result<()> {
    let story = Story::begin().await?;
    let audience = story.create_audience("A").await?;
    let here = json!([audience]);
    let nil = "9f89c84a559f573636a47ff8daed0d33";
    let nothing = "d41d8cd98f00b204e9800998ecf8427e";
    let bad = [
        (json!([{"id": md5(1), "audience_ids": here}]), 40002),
        (json!([{}, {}]), 40002),
        (json!([{"id": md5(1)}, {}]), 40002),
        (json!([{"audience_ids": here}, {}]), 40002),
        (json!([{"id": md5(1), "audience_ids": []}, {}]), 40002),
        (json!([{"id": null}, {}]), 40002),
        (json!([[], {"id": md5(1), "audience_ids": here}]), 40002),
        (json!([[md5(1), here], {}]), 40002),
        (json!([null, {"id": md5(1), "audience_ids": here}]), 40002),
        (json!([{"id": md5(1), "audience_ids": here, "extra": 1}, {}]), 40002),
        (json!([{"id": md5(1), "audience_ids": [audience, audience]}, {}]), 40002),
        (json!([{"id": nil, "audience_ids": here}, {}]), 40002),
        (json!([{}, {"id": nothing, "audience_ids": here}]), 40002),
        (json!([{"id": md5(1).to_uppercase(), "audience_ids": here}, {}]), 40062),
        (json!([{"id": "not-hashed", "audience_ids": here}, {}]), 40062),
        (json!([{"id": "", "audience_ids": here}, {}]), 40062),
        (json!([{"id": md5(1), "audience_ids": ["7000000000000000000"]}, {}]), 40007),
    ];
    for (row, code) in bad {
        let answer = story.map("add", &json!([pair(5, &audience), row])).await?;
        assert_eq!(answer.code, code, "{row}: {}", answer.message);
    }
    assert!(story.control.members(&audience).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn the_frame_of_a_call_is_checked() -> Result<()> {
    let story = Story::with(|rules| rules.max_rows = 2).await?;
    let audience = story.create_audience("A").await?;
    let good = story.mapping("add", &json!([pair(1, &audience), pair(2, &audience)]));
    assert_eq!(story.post("/segment/mapping/", &good).await?.code, 0);
    let rows = json!([pair(1, &audience), pair(2, &audience), pair(3, &audience)]);
    let bad = [
        ("batch_data", rows, 40011),
        ("batch_data", json!([]), 40002),
        ("id_schema", json!([]), 40002),
        ("id_schema", json!(["IDFA_MD5", "IDFA_MD5"]), 40002),
        ("id_schema", json!(["IDFA_MD5", "GAID_MD5"]), 40002),
        ("action", json!("append"), 40002),
        ("advertiser_ids", json!([]), 40002),
        ("advertiser_ids", json!([story.advertiser(), story.advertiser()]), 40002),
        ("advertiser_ids", json!(["7000000000000000000"]), 40300),
        ("extra", json!(1), 40002),
    ];
    for (field, value, code) in bad {
        let mut body = good.clone();
        body[field] = value;
        assert_eq!(story.post("/segment/mapping/", &body).await?.code, code, "{}", body[field]);
    }
    Ok(())
}

#[tokio::test]
async fn an_audience_is_fed_only_for_its_own_advertiser() -> Result<()> {
    let story = Story::begin().await?;
    let other = story.control.customer("Other").await?.advertiser.advertiser_id;
    let new = NewAudience { advertiser_id: other, name: "Theirs".to_owned(), audience_type: None };
    let theirs = story.control.create_audience(&new).await?;
    let answer = story.map("add", &json!([pair(1, &theirs)])).await?;
    assert_eq!(answer.code, 40007);
    assert!(answer.message.contains(&theirs), "{}", answer.message);

    let kind = Some("Customer File Audience".to_owned());
    let new =
        NewAudience { advertiser_id: story.advertiser().to_owned(), name: "File".to_owned(), audience_type: kind };
    let file = story.control.create_audience(&new).await?;
    assert_eq!(story.map("add", &json!([pair(1, &file)])).await?.code, 40002);
    assert!(story.control.members(&theirs).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn advertisers_of_one_call_share_a_business_center() -> Result<()> {
    let story = Story::begin().await?;
    let center = Some(story.customer.advertiser.business_center.clone());
    let sibling = NewAdvertiser { business_center: center, ..NewAdvertiser::default() };
    let sibling = story.control.create_advertiser(&sibling).await?.advertiser_id;
    let stranger = story.control.create_advertiser(&NewAdvertiser::default()).await?.advertiser_id;
    let person = &story.customer.person.core_user_id;
    let reach = vec![story.advertiser().to_owned(), sibling.clone(), stranger.clone()];
    let change = PersonChange { advertisers: Some(reach), ..PersonChange::default() };
    story.control.change_person(person, &change).await?;
    let token = story.control.token(person).await?.access_token;
    let audience = story.create_audience("A").await?;
    for (second, code) in [(&sibling, 0), (&stranger, 40002)] {
        let mut body = story.mapping("add", &json!([pair(1, &audience)]));
        body["advertiser_ids"] = json!([story.advertiser(), second]);
        let request = story.request(reqwest::Method::POST, "/segment/mapping/").header("Access-Token", &token);
        assert_eq!(crate::Answer::read(request.json(&body).send().await?).await?.code, code);
    }
    Ok(())
}

#[tokio::test]
async fn an_audience_keeps_to_one_hash_family() -> Result<()> {
    let story = Story::begin().await?;
    let audience = story.create_audience("A").await?;
    assert_eq!(story.map("add", &json!([pair(1, &audience)])).await?.code, 0);
    let mut body = story.mapping("add", &json!([[{"id": md5(1).repeat(2), "audience_ids": [audience]}]]));
    body["id_schema"] = json!(["IDFA_SHA256"]);
    assert_eq!(story.post("/segment/mapping/", &body).await?.code, 40002);
    Ok(())
}

#[tokio::test]
async fn a_poisoned_hash_refuses_a_call_until_it_is_cleared() -> Result<()> {
    let story = Story::begin().await?;
    let audience = story.create_audience("A").await?;
    story.control.poison(&md5(2), 40002, "Something about that row.").await?;
    let rows = json!([pair(1, &audience), pair(2, &audience)]);
    assert_eq!(story.map("add", &rows).await?.code, 40002);
    assert_eq!(story.map("add", &json!([pair(1, &audience)])).await?.code, 0);
    story.control.clear_poison().await?;
    assert_eq!(story.map("add", &rows).await?.code, 0);
    Ok(())
}

#[tokio::test]
async fn partly_successful_applies_the_good_rows() -> Result<()> {
    let story = Story::begin().await?;
    let audience = story.create_audience("A").await?;
    story.control.poison(&md5(2), 40002, "").await?;
    story.control.fault(Fault::new(fault::Kind::Partly).next(3)).await?;
    let rows = json!([pair(1, &audience), pair(2, &audience), pair(3, &audience)]);
    assert_eq!(story.map("add", &rows).await?.code, 20001);
    let members = story.control.members(&audience).await?;
    assert_eq!(members.values().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(story.map("add", &json!([pair(1, &audience)])).await?.code, 0);
    assert_eq!(story.map("add", &json!([pair(2, &audience)])).await?.code, 40002);
    Ok(())
}
