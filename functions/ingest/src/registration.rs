//! What mParticle is told of this integration: the settings that customers see, and what of a profile is asked for.

use firehose::{
    ACCESS_TOKEN, ACCOUNT_ID, AUDIENCE_ID, AudienceProcessing, DevicePermission, ModuleRegistration, Permissions,
    TextSetting, VERSION,
};

use crate::RegistrationConfig;

/// The registration. It asks for nothing that is not uploaded, save the MPID, which traces a change.
#[must_use]
pub fn registration(config: RegistrationConfig) -> ModuleRegistration {
    // Required: mParticle then leaves out users who have neither.
    let device = |kind| DevicePermission { kind, encoding: config.identity_encoding.into(), required: true };
    ModuleRegistration {
        name: "TikTok",
        version: env!("CARGO_PKG_VERSION"),
        sdk_version: VERSION,
        description: "Forwards audiences to TikTok Ads as custom audiences, matched by Apple IDFA and Google Advertising Identifier.",
        permissions: Permissions {
            device_identities: vec![device("ios_advertising_id"), device("google_advertising_id")],
            allow_access_mpid: true,
        },
        audience_processing_registration: AudienceProcessing {
            account_settings: vec![
                TextSetting::required(ACCOUNT_ID, "The number in the URL of your TikTok ads dashboard."),
                TextSetting::confidential(ACCESS_TOKEN, "The access token that TikTok's authorization page shows you."),
            ],
            audience_subscription_settings: vec![TextSetting::hidden(
                AUDIENCE_ID,
                "The audience at TikTok, set when the audience is connected.",
            )],
            bulk_configuration: config.bulk,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdentityEncoding;
    use firehose::BulkConfiguration;

    #[test]
    fn the_registration_declares_what_the_documentation_promises() {
        let registration = registration(RegistrationConfig { identity_encoding: IdentityEncoding::Raw, bulk: None });
        assert!(registration.description.len() < 230);
        let registration = ModuleRegistration { version: "of the crate", ..registration };
        insta::assert_json_snapshot!(registration, @r#"
        {
          "name": "TikTok",
          "version": "of the crate",
          "sdk_version": "3.2.0",
          "description": "Forwards audiences to TikTok Ads as custom audiences, matched by Apple IDFA and Google Advertising Identifier.",
          "permissions": {
            "device_identities": [
              {
                "type": "ios_advertising_id",
                "encoding": "raw",
                "required": true
              },
              {
                "type": "google_advertising_id",
                "encoding": "raw",
                "required": true
              }
            ],
            "allow_access_mpid": true
          },
          "audience_processing_registration": {
            "account_settings": [
              {
                "type": "text",
                "id": "tiktokAccountId",
                "name": "TikTok Account Id",
                "description": "The number in the URL of your TikTok ads dashboard.",
                "visible": true,
                "required": true,
                "confidential": false
              },
              {
                "type": "text",
                "id": "tiktokAccessToken",
                "name": "TikTok Access Token",
                "description": "The access token that TikTok's authorization page shows you.",
                "visible": true,
                "required": true,
                "confidential": true
              }
            ],
            "audience_subscription_settings": [
              {
                "type": "text",
                "id": "tiktokAudienceId",
                "name": "TikTok Audience Id",
                "description": "The audience at TikTok, set when the audience is connected.",
                "visible": false,
                "required": false,
                "confidential": false
              }
            ]
          }
        }
        "#);
    }

    #[test]
    fn settings_change_the_encoding_and_how_changes_are_grouped() {
        let bulk = Some(BulkConfiguration { messages: Some(1_000), minutes: None });
        let registration = registration(RegistrationConfig { identity_encoding: IdentityEncoding::Md5, bulk });
        let json = serde_json::to_value(registration).unwrap();
        assert_eq!(json["permissions"]["device_identities"][1]["encoding"], "md5");
        let bulk = &json["audience_processing_registration"]["bulk_configuration"];
        assert_eq!(*bulk, serde_json::json!({"bulk_forward_wait_for_messages": 1_000}));
    }
}
