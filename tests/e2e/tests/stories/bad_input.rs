//! What the table of answers says of each bad input. None of it stops the rest of a request or of a batch.

use anyhow::Result;
use e2e::mparticle::{Door, Refusal};
use e2e::{Account, Action, Model, Options, People, Profile, message, story};
use sandbox::Fault;
use serde_json::{Value, json};

/// What is refused: what is wrong, the message, the code and the field that are told.
fn refused() -> Vec<(&'static str, Vec<u8>, &'static str, Option<&'static str>)> {
    let account = Account { account_id: 1, advertiser_id: "7123".to_owned(), token: "a-token".to_owned() };
    let good = message::verification(&account);
    let with = |path: &str, value: Value| {
        let mut message = good.clone();
        *message.pointer_mut(path).unwrap_or(&mut Value::Null) = value;
        message.to_string().into_bytes()
    };
    let without = |setting: &str| {
        let mut message = good.clone();
        message["account"]["account_settings"].as_object_mut().and_then(|settings| settings.remove(setting));
        message.to_string().into_bytes()
    };
    let profiles = |profiles: Value| {
        let mut message = good.clone();
        message["user_profiles"] = profiles;
        message.to_string().into_bytes()
    };
    let settings = "/account/account_settings";
    let (id, token) = ("account.account_settings.tiktokAccountId", "account.account_settings.tiktokAccessToken");
    vec![
        ("an array", b"[]".to_vec(), "invalid_field", None),
        ("a text", b"\"hello\"".to_vec(), "invalid_field", None),
        ("no type", b"{}".to_vec(), "invalid_field", Some("type")),
        ("an unknown type", with("/type", json!("a<b>\u{7}".repeat(20))), "unknown_type", Some("type")),
        ("events", with("/type", json!("event_processing_request")), "type_not_registered", Some("type")),
        ("a data subject", with("/type", json!("dsr_processing_request")), "type_not_registered", Some("type")),
        ("users that are none", profiles(json!(5)), "invalid_field", Some("user_profiles")),
        ("an MPID that is none", profiles(json!([{ "mpid": "x" }])), "invalid_field", Some("user_profiles[0].mpid")),
        ("no account id", without("tiktokAccountId"), "missing_setting", Some(id)),
        ("no token", without("tiktokAccessToken"), "missing_setting", Some(token)),
        ("a blank token", with(&format!("{settings}/tiktokAccessToken"), json!(" ")), "missing_setting", Some(token)),
        ("an account's name", with(&format!("{settings}/tiktokAccountId"), json!("Acme")), "invalid_setting", Some(id)),
    ]
}

#[tokio::test]
async fn what_no_repetition_can_mend_is_refused_alike_by_both_doors_and_nothing_is_queued() -> Result<()> {
    story(Options::new(), async |stack| {
        for (what, body, code, field) in refused() {
            let mut told = Vec::new();
            for door in Door::BOTH {
                let refusal: Refusal = stack.mparticle.send_bytes(door, body.clone()).await?.refusal()?;
                assert_eq!(
                    (refusal.told.code.as_str(), refusal.told.field.as_deref()),
                    (code, field),
                    "{what}: {refusal}"
                );
                assert_eq!(refusal.status, (door == Door::Http).then_some(400), "{what}");
                assert!(refusal.told.message.is_ascii() && refusal.told.message.len() < 200, "{what}: {refusal}");
                told.push(refusal.told);
            }
            assert_eq!(told[0], told[1], "{what}");
        }
        for body in [&b"{\"type\": "[..], b"", b"\xff\xfe{}"] {
            let refusal = stack.mparticle.send_bytes(Door::Http, body.to_vec()).await?.refusal()?;
            assert_eq!((refusal.status, refusal.told.code.as_str()), (Some(400), "not_json"), "{refusal}");
        }
        assert_eq!(stack.logs().await?.total("ingest", "messages_queued"), 0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn http_needs_the_firehose_token_for_all_but_registration() -> Result<()> {
    story(Options::new(), async |stack| {
        let customer = stack.customer("Tokens").await?;
        let (verification, registration) = (message::verification(&customer.account), message::registration());
        let token = &stack.mparticle.token;
        let wrong = [None, Some("Token".to_owned()), Some("Token wrong".to_owned()), Some(format!("Bearer {token}"))];
        for authorization in wrong {
            let post =
                |message: &Value| stack.mparticle.post(message.to_string().into_bytes(), authorization.as_deref());
            let refusal = post(&verification).await?.refusal()?;
            assert_eq!((refusal.status, refusal.told.code.as_str()), (Some(401), "unauthorised"), "{authorization:?}");
            post(&registration).await?.response()?;
        }
        stack.mparticle.send(Door::Http, &verification).await?.response()?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_request_over_the_limit_is_refused_and_one_below_it_is_taken() -> Result<()> {
    story(Options::new(), async |stack| {
        let customer = stack.customer("Large").await?;
        let audience = stack.connect(&customer.account, 1, "Large").await?;
        let people = People::new("large").plain(7_000);
        let profiles = Profile::all(&people, &audience, Action::Add);
        let mut model = Model::default();
        model.apply(&profiles);
        let message = message::membership(&customer.account, &profiles);
        assert!((4_000_000..6_000_000).contains(&message.to_string().len()));
        stack.mparticle.deliver(Door::Direct, &message).await?;

        let mut larger = message;
        larger["padding"] = json!("x".repeat(3_000_000));
        for (door, status) in [(Door::Http, Some(413)), (Door::Direct, None)] {
            let refusal = stack.mparticle.send(door, &larger).await?.refusal()?;
            assert_eq!((refusal.status, refusal.told.code.as_str()), (status, "too_large"));
        }
        stack.arrives(&model, 60).await
    })
    .await
}

#[tokio::test]
async fn a_service_out_of_reach_is_answered_with_503_and_a_repetition_mends_it() -> Result<()> {
    story(Options::new(), async |stack| {
        let customer = stack.customer("Out of reach").await?;
        stack.tiktok.fault(Fault::status(502).on("/dmp/custom_audience/list/")).await?;
        let audience = e2e::Audience { audience_id: 1, name: "Later".to_owned(), tiktok_id: None };
        let request = message::subscription(&customer.account, &audience, "add");
        let refusal = stack.mparticle.send(Door::Http, &request).await?.refusal()?;
        assert_eq!((refusal.status, refusal.told.code.as_str()), (Some(503), "tiktok_unavailable"), "{refusal}");
        stack.tiktok.clear_faults().await?;
        let audience = stack.connect(&customer.account, 1, "Later").await?;

        stack.queue.remove().await?;
        let people = People::new("out of reach").plain(10);
        let profiles = Profile::all(&people, &audience, Action::Add);
        let message = message::membership(&customer.account, &profiles);
        let refusal = stack.mparticle.send(Door::Http, &message).await?.refusal()?;
        assert_eq!((refusal.status, refusal.told.code.as_str()), (Some(503), "queue_unavailable"), "{refusal}");
        stack.queue.restore().await?;
        let mut model = Model::default();
        model.apply(&profiles);
        stack.mparticle.deliver(Door::Http, &message).await?;
        stack.arrives(&model, 60).await
    })
    .await
}

#[tokio::test]
async fn a_queue_message_that_cannot_be_read_becomes_a_dead_letter_and_stops_nothing() -> Result<()> {
    story(Options::new(), async |stack| {
        let customer = stack.customer("Unreadable").await?;
        let audience = stack.connect(&customer.account, 1, "Readable").await?;
        let advertiser = &customer.account.advertiser_id;
        stack.uploader.hold().await?;
        let unreadable = ["not an envelope", "{\"version\":1}", "[]"];
        let newer = json!({ "version": 99, "what": "nobody knows yet" }).to_string();
        for body in unreadable.into_iter().chain([newer.as_str()]) {
            stack.queue.send(body, advertiser).await?;
        }
        let people = People::new("unreadable").of_every_kind(40);
        let profiles = Profile::all(&people, &audience, Action::Add);
        let mut model = Model::default();
        stack.change(&mut model, Door::Http, &customer.account, &profiles).await?;
        stack.uploader.release().await?;
        stack.arrives(&model, 60).await?;

        let letters = stack.dead_letters.take_all().await?;
        let mut told: Vec<_> = letters.iter().map(|letter| (letter.reason(), letter.body.as_str())).collect();
        told.sort_unstable();
        let mut expected: Vec<_> = unreadable.map(|body| ("unreadable", body)).to_vec();
        expected.push(("version", newer.as_str()));
        expected.sort_unstable();
        assert_eq!(told, expected);
        assert!(letters.iter().all(|letter| !letter.attribute("message").is_empty()), "{letters:?}");
        Ok(())
    })
    .await
}
