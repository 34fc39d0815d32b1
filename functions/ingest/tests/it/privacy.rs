//! What of a person and of a customer leaves the function.

use crate::world::{TOKEN, World};

const MESSAGE: &str = r#"{"type":"audience_membership_change_request","id":"1317071d-3342-4e1e-a691-84bd7e762bda",
"timestamp_ms":1714592744065,"account":{"account_settings":{"tiktokAccountId":"7000000000000000001","tiktokAccessToken":"token-of-ann"}},
"user_profiles":[{"mpid":"12345","user_identities":[{"type":"email","encoding":"raw","value":"jane.doe@example.com"},
{"type":"customer","encoding":"raw","value":"customer-4711"}],
"partner_identities":[{"type":"partner_id","encoding":"raw","value":"partner-0815"}],
"device_identities":[{"type":"android_id","encoding":"raw","value":"a0504a8cfa15ce2c"},
{"type":"ios_advertising_id","encoding":"raw","value":"66b728c2-f9a4-4d87-82ef-ce07414fe3f7"}],
"audiences":[{"audience_id":456,"audience_name":"People in debt","audience_subscription_settings":{"tiktokAudienceId":"7123456789012345678"},
"action":"add","user_attributes":[{"key":"income","value":"low"}]}]}]}"#;

/// What must be nowhere outside.
const PRIVATE: [&str; 7] =
    ["jane.doe", "customer-4711", "partner-0815", "a0504a8cfa15ce2c", "People in debt", "income", TOKEN];

#[tokio::test]
async fn the_queue_holds_device_ids_mpid_and_audience_ids_and_no_more() {
    let world = World::new().await;
    assert_eq!(world.direct(MESSAGE).await.status, 200);
    let (_, body) = world.cloud.with(|state| state.queue.remove(0));
    let fingerprint = ids::TokenFingerprint::of(TOKEN);
    let expected = format!(
        r#"{{"version":1,"advertiser":"7000000000000000001","token":"{fingerprint}","changed_ms":1714592744065,"rows":[{{"mpid":"12345","ids":[["idfa","raw","66b728c2-f9a4-4d87-82ef-ce07414fe3f7"]],"adds":["7123456789012345678"]}}]}}"#
    );
    assert_eq!(body, expected);
}

#[tokio::test]
async fn no_refusal_repeats_what_stands_in_the_message() {
    let faults = [
        (r#""mpid":"12345""#, r#""mpid":"jane.doe""#),
        (r#""action":"add""#, r#""action":"People in debt""#),
        (r#""timestamp_ms":1714592744065"#, r#""timestamp_ms":"jane.doe""#),
        (r#""1317071d-3342-4e1e-a691-84bd7e762bda""#, r#""customer-4711""#),
        (r#""7000000000000000001""#, r#""customer-4711""#),
        (r#""token-of-ann""#, r#""token-of-ann jane.doe""#),
        (r#""value":"a0504a8cfa15ce2c""#, r#""value":{"a0504a8cfa15ce2c":1}"#),
        (r#""user_attributes""#, r#""income":jane.doe,"user_attributes""#),
        (r#""account_settings":{"#, r#""account_settings":{"income":{"jane.doe":"#),
        (r#""audience_id":456"#, r#""audience_id":"People in debt""#),
    ];
    for (right, wrong) in faults {
        let message = MESSAGE.replacen(right, wrong, 1);
        assert_ne!(message, MESSAGE);
        let refusal = World::new().await.app.handle(message.as_bytes()).await.unwrap_err();
        let told = format!("{refusal} {refusal:?} {:?}", lambda_runtime::Diagnostic::from(refusal.clone()));
        for private in PRIVATE {
            assert!(!told.contains(private), "{told}");
        }
    }
}
