//! What the table of answers in the design says of each bad input. None of it stops the rest of a request or of a batch.

use anyhow::{Result, ensure};
use e2e::cloud::{AwsFault, AwsFaultKind};
use e2e::mparticle::Refusal;
use e2e::{Account, Action, Audience, Model, Options, People, Profile, Transport, message, story};
use sandbox::{Fault, Rules};
use serde_json::{Value, json};

/// What is refused: what is wrong, the message, the code and the field that are named.
fn refused() -> Vec<(&'static str, Vec<u8>, &'static str, Option<&'static str>)> {
    let account = Account { account_id: 1, advertiser_id: "7123".to_owned(), token: "a-token".to_owned() };
    let audience = Audience { audience_id: 5, name: "Refused".to_owned(), by_email: false, tiktok_id: None };
    let (good, subscription) = (message::verification(&account), message::subscription(&account, &audience, "add"));
    let with = |message: &Value, path: &str, value: Value| {
        let mut message = message.clone();
        *message.pointer_mut(path).unwrap_or(&mut Value::Null) = value;
        message.to_string().into_bytes()
    };
    let without = |setting: &str| {
        let mut message = good.clone();
        message["account"]["account_settings"].as_object_mut().and_then(|settings| settings.remove(setting));
        message.to_string().into_bytes()
    };
    let mut odd_profiles = good.clone();
    odd_profiles["user_profiles"] = json!(5);
    let mut access = good.clone();
    access["type"] = json!("dsr_processing_request");
    access["subject_request_type"] = json!("access");
    let settings = "/account/account_settings";
    let (id, token) = ("account.account_settings.tiktokAccountId", "account.account_settings.tiktokAccessToken");
    let unknown = json!("a<b>\u{7}".repeat(20));
    vec![
        ("an array", b"[]".to_vec(), "invalid_field", None),
        ("a text", b"\"hello\"".to_vec(), "invalid_field", None),
        ("no type", b"{}".to_vec(), "invalid_field", Some("type")),
        ("an unknown type", with(&good, "/type", unknown), "unknown_type", Some("type")),
        ("events", with(&good, "/type", json!("event_processing_request")), "type_not_registered", Some("type")),
        (
            "who asks for access",
            access.to_string().into_bytes(),
            "request_type_not_supported",
            Some("subject_request_type"),
        ),
        ("users that are none", odd_profiles.to_string().into_bytes(), "invalid_field", Some("user_profiles")),
        ("an account that is none", with(&good, "/account", json!("Acme")), "invalid_field", Some("account")),
        ("an unknown action", with(&subscription, "/action", json!("join")), "invalid_field", Some("action")),
        (
            "an audience id that is none",
            with(&subscription, "/audience_id", json!({})),
            "invalid_field",
            Some("audience_id"),
        ),
        ("no account id", without("tiktokAccountId"), "missing_setting", Some(id)),
        ("no token", without("tiktokAccessToken"), "missing_setting", Some(token)),
        (
            "a blank token",
            with(&good, &format!("{settings}/tiktokAccessToken"), json!(" ")),
            "missing_setting",
            Some(token),
        ),
        (
            "an account's name",
            with(&good, &format!("{settings}/tiktokAccountId"), json!("Acme")),
            "invalid_setting",
            Some(id),
        ),
    ]
}

pub(crate) async fn what_no_repetition_can_mend_is_refused_alike_by_both_transports() -> Result<()> {
    story(Options::shared(), async |stack| {
        for (what, body, code, field) in refused() {
            let mut told = Vec::new();
            for transport in Transport::BOTH {
                let refusal: Refusal = stack.mparticle.send_bytes(transport, body.clone()).await?.refusal()?;
                let is = (refusal.told.code.as_str(), refusal.told.field.as_deref());
                ensure!(is == (code, field), "{what}: {refusal}");
                ensure!(refusal.status == (transport == Transport::Http).then_some(400), "{what}: {refusal}");
                ensure!(refusal.told.message.is_ascii() && refusal.told.message.len() < 200, "{what}: {refusal}");
                told.push(refusal.told);
            }
            ensure!(told[0] == told[1], "{what}: {told:?}");
        }
        for body in [&b"{\"type\": "[..], b"", b"\xff\xfe{}"] {
            let refusal = stack.mparticle.send_bytes(Transport::Http, body.to_vec()).await?.refusal()?;
            ensure!((refusal.status, refusal.told.code.as_str()) == (Some(400), "not_json"), "{refusal}");
        }
        Ok(())
    })
    .await
}

pub(crate) async fn odd_values_cost_nobody_else_anything() -> Result<()> {
    story(Options::shared(), async |stack| {
        let (customer, audience) = stack.connected("Odd").await?;
        let mut people = People::new("odd values");
        let mut model = Model::default();
        let everybody = people.of_every_kind(60);
        let good = Profile::all(&everybody, &audience, Action::Add);
        let numbers = people.plain(2);
        // A number where mParticle writes text is taken for what it says.
        let joining = Profile::all(&numbers, &audience, Action::Add);
        model.apply(&good);
        model.apply(&joining);
        let mut request = message::membership(&customer.account, &[good, joining].concat());
        let users = request["user_profiles"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let mut odd = vec![json!(null), json!(5), json!([]), json!({}), json!({ "mpid": {}, "audiences": "none" })];
        let strange = &people.plain(1)[0];
        let mut unknown_action =
            message::membership(&customer.account, &[Profile::of(strange, &audience, Action::Add)]);
        unknown_action["user_profiles"][0]["audiences"][0]["action"] = json!("join");
        odd.push(unknown_action["user_profiles"][0].take());
        let mut all = Vec::new();
        for (number, mut user) in users.into_iter().enumerate() {
            if number >= 60 {
                let mpid = user["mpid"].as_str().and_then(|mpid| mpid.parse::<i64>().ok());
                user["mpid"] = json!(mpid);
                user["audiences"][0]["audience_subscription_settings"]["more"] = json!(7);
                user["consent_state"] = json!([1]);
            }
            all.push(user);
            all.extend(odd.get(number).cloned());
        }
        request["user_profiles"] = Value::Array(all);
        request["firehose_version"] = json!(3.2);
        request["account"]["account_id"] = json!(customer.account.account_id.to_string());
        for transport in Transport::BOTH {
            stack.mparticle.deliver(transport, &request).await?;
        }
        stack.arrives(&model, 60).await
    })
    .await
}

pub(crate) async fn a_wrong_firehose_token_and_a_body_over_the_limit_are_refused() -> Result<()> {
    story(Options::shared(), async |stack| {
        let customer = stack.customer("Refused").await?;
        let (verification, registration) = (message::verification(&customer.account), message::registration());
        let token = &stack.mparticle.token;
        let wrong = [None, Some("Token".to_owned()), Some("Token wrong".to_owned()), Some(format!("Bearer {token}"))];
        for authorization in wrong {
            let post =
                |message: &Value| stack.mparticle.post(message.to_string().into_bytes(), authorization.as_deref());
            let refusal = post(&verification).await?.refusal()?;
            ensure!((refusal.status, refusal.told.code.as_str()) == (Some(401), "unauthorized"), "{refusal}");
            post(&registration).await?.response()?;
        }
        // A registration is short; nothing long is read for whoever has no token.
        let mut long = registration.clone();
        long["padding"] = json!("x".repeat(20_000));
        let refusal = stack.mparticle.post(long.to_string().into_bytes(), None).await?.refusal()?;
        ensure!(refusal.status == Some(401) || refusal.status == Some(413), "{refusal}");

        let mut large = verification;
        large["padding"] = json!("x".repeat(7_000_000));
        for (transport, status) in [(Transport::Http, Some(413)), (Transport::Lambda, None)] {
            let refusal = stack.mparticle.send(transport, &large).await?.refusal()?;
            ensure!((refusal.status, refusal.told.code.as_str()) == (status, "too_large"), "{refusal}");
        }
        Ok(())
    })
    .await
}

pub(crate) async fn tiktok_refusing_a_subscription_is_told_in_its_words() -> Result<()> {
    story(Options::shared(), async |stack| {
        let (customer, audience) = stack.connected("Subscribes").await?;
        let account = &customer.account;
        let bogus = Account { token: "0".repeat(40), ..account.clone() };
        for action in ["add", "update"] {
            let refusal =
                stack.mparticle.send(Transport::Http, &message::subscription(&bogus, &audience, action)).await?;
            let refusal = refusal.refusal()?;
            ensure!(refusal.status == Some(400) && refusal.told.message.contains("40105"), "{action}: {refusal}");
        }
        // The most that an advertiser may have at TikTok, which is one for this one.
        let rules = stack.tiktok.rules_of(&account.advertiser_id).await?;
        stack.tiktok.set_rules_of(&account.advertiser_id, &Rules { max_audiences: 1, ..rules }).await?;
        let one_more = Audience { audience_id: 2, name: "One more".to_owned(), by_email: false, tiktok_id: None };
        let refusal =
            stack.mparticle.send(Transport::Lambda, &message::subscription(account, &one_more, "add")).await?;
        let refusal = refusal.refusal()?;
        ensure!(refusal.told.message.contains("40002"), "{refusal}");
        Ok(())
    })
    .await
}

pub(crate) async fn a_service_out_of_reach_is_answered_with_503() -> Result<()> {
    story(Options::new(), async |stack| {
        let customer = stack.customer("Out of reach").await?;
        stack.tiktok.fault(Fault::status(502).on("/dmp/custom_audience/list/")).await?;
        let audience = Audience { audience_id: 1, name: "Later".to_owned(), by_email: false, tiktok_id: None };
        let request = message::subscription(&customer.account, &audience, "add");
        let refusal = stack.mparticle.send(Transport::Http, &request).await?.refusal()?;
        ensure!((refusal.status, refusal.told.code.as_str()) == (Some(503), "tiktok_unavailable"), "{refusal}");
        stack.tiktok.clear_faults().await?;
        let audience = stack.connect(&customer.account, 1, "Later").await?;

        stack.cloud.fault(&AwsFault::sqs(AwsFaultKind::Down).by("ingest")).await?;
        let people = People::new("out of reach").plain(10);
        let profiles = Profile::all(&people, &audience, Action::Add);
        let message = message::membership(&customer.account, &profiles);
        for transport in Transport::BOTH {
            let refusal = stack.mparticle.send(transport, &message).await?.refusal()?;
            let status = (transport == Transport::Http).then_some(503);
            ensure!((refusal.status, refusal.told.code.as_str()) == (status, "queue_unavailable"), "{refusal}");
        }
        stack.cloud.clear_faults().await?;
        let mut model = Model::default();
        model.apply(&profiles);
        stack.mparticle.deliver(Transport::Http, &message).await?;
        stack.arrives(&model, 60).await
    })
    .await
}

pub(crate) async fn disconnecting_works_when_access_is_gone() -> Result<()> {
    story(Options::shared(), async |stack| {
        let (revoked, removed) = (stack.connected("Revoked").await?, stack.connected("Removed").await?);
        stack.tiktok.revoke(&revoked.0.account.token).await?;
        stack.tiktok.remove_advertiser(&removed.0.account.advertiser_id).await?;
        for (customer, audience) in [&revoked, &removed] {
            for transport in Transport::BOTH {
                let remove = message::subscription(&customer.account, audience, "remove");
                stack.mparticle.send(transport, &remove).await?.response()?;
            }
        }
        let kept = stack.tiktok.audiences(&revoked.0.account.advertiser_id).await?;
        ensure!(kept.len() == 1 && !kept[0].deleted, "TikTok keeps what we may not delete: {kept:?}");
        Ok(())
    })
    .await
}
