//! mParticle, for one configuration of a customer: the messages that it sends.

use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};

pub(crate) const MESSAGE_ID: &str = "1317071d-3342-4e1e-a691-84bd7e762bda";

/// Each message is made a millisecond after the one before: SQS drops what it has already.
static NOW_MS: AtomicI64 = AtomicI64::new(1_714_592_744_065);

/// Who sends: an mParticle configuration with its settings.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) advertiser: String,
    pub(crate) account: i64,
    pub(crate) token: String,
}

impl Sender {
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    pub(crate) fn with_account(&self, account: i64) -> Self {
        Self { account, ..self.clone() }
    }

    pub(crate) fn with_advertiser(&self, advertiser: &str) -> Self {
        Self { advertiser: advertiser.to_owned(), ..self.clone() }
    }

    /// A membership change of `users` users, each joining one audience; a verification without them.
    pub(crate) fn membership(&self, users: usize) -> String {
        let user = |n: usize| {
            json!({
                "mpid": n.to_string(),
                "device_identities": [{
                    "type": "ios_advertising_id", "encoding": "raw", "value": format!("66b728c2-f9a4-4d87-82ef-{n:012x}"),
                }],
                "audiences": [{
                    "audience_id": 456, "audience_name": "Buyers", "action": "add",
                    "audience_subscription_settings": {"tiktokAudienceId": "7123456789012345678"},
                }],
            })
        };
        let mut message = self.head("audience_membership_change_request");
        if users > 0 {
            message["user_profiles"] = (1..=users).map(user).collect();
        }
        message.to_string()
    }

    pub(crate) fn verification(&self) -> String {
        self.membership(0)
    }

    /// A subscription request; `audience` is the id at TikTok that its settings hold.
    pub(crate) fn subscription(&self, action: &str, name: &str, audience: Option<&str>) -> String {
        self.subscription_of(456, action, name, audience)
    }

    /// The same for another audience of mParticle's.
    pub(crate) fn subscription_of(&self, id: i64, action: &str, name: &str, audience: Option<&str>) -> String {
        let mut message = self.head("audience_subscription_request");
        message["audience_id"] = id.into();
        message["audience_name"] = name.into();
        message["audience_subscription_settings"] =
            audience.map_or_else(|| json!({}), |id| json!({"tiktokAudienceId": id}));
        message["action"] = action.into();
        message.to_string()
    }

    fn head(&self, kind: &str) -> Value {
        json!({
            "type": kind,
            "id": MESSAGE_ID,
            "timestamp_ms": NOW_MS.fetch_add(1, Ordering::Relaxed),
            "firehose_version": "3.2.0",
            "account": {
                "account_id": self.account,
                "account_settings": {"TikTok Account Id": self.advertiser, "TikTok Access Token": self.token},
            },
        })
    }
}
