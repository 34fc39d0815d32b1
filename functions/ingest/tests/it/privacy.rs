//! What of a person and of a customer leaves the function.

use crate::world::{LAMBDA_REQUEST_ID, World};

const MESSAGE: &str = r#"{"type":"audience_membership_change_request","id":"1317071d-3342-4e1e-a691-84bd7e762bda",
"timestamp_ms":1714592744065,"account":{"account_id":123456,"account_settings":{"tiktokAccountId":"ADVERTISER","tiktokAccessToken":"TOKEN"}},
"user_profiles":[{"mpid":"12345","user_identities":[{"type":"email","encoding":"raw","value":"jane.doe@example.com"},
{"type":"customer","encoding":"raw","value":"customer-4711"}],
"partner_identities":[{"type":"partner_id","encoding":"raw","value":"partner-0815"}],
"device_identities":[{"type":"android_id","encoding":"raw","value":"a0504a8cfa15ce2c"},
{"type":"ios_advertising_id","encoding":"raw","value":"66b728c2-f9a4-4d87-82ef-ce07414fe3f7"}],
"audiences":[{"audience_id":456,"audience_name":"People in debt","audience_subscription_settings":{"tiktokAudienceId":"7123456789012345678"},
"action":"add","user_attributes":[{"key":"income","value":"low"}]}]}]}"#;

/// What must be nowhere outside.
const PRIVATE: [&str; 6] =
    ["jane.doe", "customer-4711", "partner-0815", "a0504a8cfa15ce2c", "People in debt", "income"];

fn message(world: &World) -> String {
    MESSAGE.replace("ADVERTISER", &world.sender.advertiser).replace("TOKEN", &world.sender.token)
}

#[tokio::test]
async fn the_queue_holds_device_ids_mpid_and_audience_ids_and_no_more() {
    let world = World::new().await;
    assert_eq!(world.direct(&message(&world)).await.status, 200);
    let sent = world.queued().remove(0);
    let expected = format!(
        r#"{{"version":2,"advertiser":"{}","account":"123456","changed_ms":1714592744065,"rows":[{{"mpid":"12345","id":["idfa","raw","66b728c2-f9a4-4d87-82ef-ce07414fe3f7"],"adds":["7123456789012345678"]}}]}}"#,
        world.sender.advertiser
    );
    assert_eq!(sent.body, expected);
}

#[tokio::test]
async fn no_refusal_repeats_what_stands_in_the_message() {
    let world = World::new().await;
    let good = message(&world);
    let faults = [
        (r#""user_profiles":["#, r#""user_profiles":"jane.doe","x":["#),
        (r#""account":{"#, r#""account":["customer-4711"],"x":{"#),
        (r#""account_id":123456"#, r#""account_id":"customer-4711""#),
        (&format!("\"{}\"", world.sender.advertiser), r#""customer-4711""#),
        (&world.sender.token, "jane.doe customer-4711"),
        (r#""value":"a0504a8cfa15ce2c""#, r#""value":"a0504a8cfa15ce2c"#),
        (r#""user_attributes""#, r#""income":jane.doe,"user_attributes""#),
        (r#""account_settings":{"#, r#""account_settings":{"income":{"jane.doe":"#),
    ];
    for (right, wrong) in faults {
        let spoiled = good.replacen(right, wrong, 1);
        assert_ne!(spoiled, good, "{right}");
        let refusal = world.app.handle(spoiled.into(), LAMBDA_REQUEST_ID).await.unwrap_err();
        let told = format!("{refusal} {refusal:?} {:?}", lambda_runtime::Diagnostic::from(refusal.clone()));
        for private in PRIVATE.iter().chain(&[world.sender.token.as_str()]) {
            assert!(!told.contains(private), "{told}");
        }
    }
}
