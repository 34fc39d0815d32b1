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
                TextSetting::confidential(ACCESS_TOKEN, "The access token that TikTok's authorisation page shows you."),
            ],
            audience_subscription_settings: vec![TextSetting::hidden(
                AUDIENCE_ID,
                "The audience at TikTok, set when the audience is connected.",
            )],
            bulk_configuration: config.bulk,
        },
    }
}
