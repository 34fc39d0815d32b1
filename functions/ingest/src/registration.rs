//! What mParticle is told of this integration: the settings that customers see, and what of a profile is asked for.

use firehose::{
    ACCESS_TOKEN, ACCOUNT_ID, AUDIENCE_ID, AudienceProcessing, BooleanSetting, DsrProcessing, DsrType,
    IdentityPermission, ModuleRegistration, Permissions, SEND_EMAIL, SubscriptionSetting, TextSetting, VERSION,
};
use ids::Encoding;

use crate::RegistrationConfig;

/// The registration. It asks for nothing that is not uploaded, save the MPID, which traces a change.
#[must_use]
pub fn registration(config: &RegistrationConfig) -> ModuleRegistration {
    // Required: mParticle then leaves out users who have none of them.
    let device = |kind| IdentityPermission { kind, encoding: config.identity_encoding.into(), required: true };
    let email = IdentityPermission { kind: "email", encoding: Encoding::Sha256, required: true };
    let account_id = || TextSetting::required(ACCOUNT_ID, "The number in the URL of your TikTok ads dashboard.");
    let audience_id = TextSetting::hidden(AUDIENCE_ID, "The audience at TikTok, set when the audience is connected.");
    let send_email =
        BooleanSetting::off(SEND_EMAIL, "Match the people of this audience by their e-mail addresses too, as SHA-256.");
    let mut subscription_settings = vec![SubscriptionSetting::Text(audience_id)];
    if config.email_identities {
        subscription_settings.push(SubscriptionSetting::Boolean(send_email));
    }
    ModuleRegistration {
        name: "TikTok",
        version: env!("CARGO_PKG_VERSION"),
        sdk_version: VERSION,
        description: if config.email_identities {
            "Forwards audiences to TikTok Ads as custom audiences, matched by Apple IDFA, Google Advertising Identifier and e-mail (SHA-256)."
        } else {
            "Forwards audiences to TikTok Ads as custom audiences, matched by Apple IDFA and Google Advertising Identifier."
        },
        permissions: Permissions {
            device_identities: vec![device("ios_advertising_id"), device("google_advertising_id")],
            user_identities: if config.email_identities { vec![email] } else { Vec::new() },
            allow_access_mpid: true,
        },
        audience_processing_registration: AudienceProcessing {
            account_settings: vec![
                account_id(),
                TextSetting::confidential(ACCESS_TOKEN, "The access token that TikTok's authorization page shows you."),
            ],
            audience_subscription_settings: subscription_settings,
            bulk_configuration: config.bulk,
        },
        dsr_processing_registration: config.forward_erasure.then(|| DsrProcessing {
            account_settings: vec![account_id()],
            supported_dsr_types: vec![DsrType::Erasure],
            domain: config.erasure_domain.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdentityEncoding;
    use firehose::BulkConfiguration;

    fn config() -> RegistrationConfig {
        RegistrationConfig {
            identity_encoding: IdentityEncoding::Raw,
            bulk: None,
            email_identities: false,
            forward_erasure: false,
            erasure_domain: None,
        }
    }

    #[test]
    fn the_registration_declares_what_the_documentation_promises() {
        let registration = registration(&config());
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
        let registration =
            registration(&RegistrationConfig { identity_encoding: IdentityEncoding::Md5, bulk, ..config() });
        let json = serde_json::to_value(registration).unwrap();
        assert_eq!(json["permissions"]["device_identities"][1]["encoding"], "md5");
        let bulk = &json["audience_processing_registration"]["bulk_configuration"];
        assert_eq!(*bulk, serde_json::json!({"bulk_forward_wait_for_messages": 1_000}));
    }

    #[test]
    fn addresses_are_asked_for_hashed_and_sent_only_where_the_customer_turns_that_on() {
        let registration = registration(&RegistrationConfig { email_identities: true, ..config() });
        assert!(registration.description.len() < 230);
        let json = serde_json::to_value(registration).unwrap();
        let email = serde_json::json!([{"type": "email", "encoding": "sha256", "required": true}]);
        assert_eq!(json["permissions"]["user_identities"], email);
        let setting = serde_json::json!({
            "type": "boolean",
            "id": "sendEmail",
            "name": "Send Email",
            "description": "Match the people of this audience by their e-mail addresses too, as SHA-256.",
            "visible": true,
            "default_value": false,
            "checked": false,
        });
        assert_eq!(json["audience_processing_registration"]["audience_subscription_settings"][1], setting);
    }

    #[test]
    fn requests_to_be_forgotten_are_asked_for_unless_that_is_turned_off() {
        let domain = Some("firehose.example.com".to_owned());
        let registration =
            registration(&RegistrationConfig { forward_erasure: true, erasure_domain: domain, ..config() });
        let json = serde_json::to_value(registration).unwrap();
        let erasure = serde_json::json!({
            "account_settings": [{
                "type": "text",
                "id": "tiktokAccountId",
                "name": "TikTok Account Id",
                "description": "The number in the URL of your TikTok ads dashboard.",
                "visible": true,
                "required": true,
                "confidential": false,
            }],
            "supported_dsr_types": ["erasure"],
            "domain": "firehose.example.com",
        });
        assert_eq!(json["dsr_processing_registration"], erasure);
    }
}
