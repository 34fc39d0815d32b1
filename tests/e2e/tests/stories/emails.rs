//! E-mail by audience, and both of what TikTok may do about addresses in an audience of device ids.

use anyhow::{Result, ensure};
use e2e::{Account, Audience, Options, Transport, message, story, until};
use sandbox::{IdKind, Rules};
use serde_json::{Value, json};

/// SHA-256 of jane.doe@example.com.
const ADDRESS: &str = "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d";

/// A person with a device and an address joins audiences, some of them by e-mail.
fn joins(account: &Account, audiences: &[(&Audience, &str)]) -> Value {
    let change = |(audience, send_email): &(&Audience, &str)| {
        let settings = json!({ "tiktokAudienceId": audience.tiktok_id, "Send Email": send_email });
        json!({ "audience_id": audience.audience_id, "audience_subscription_settings": settings, "action": "add" })
    };
    let mut request = message::membership(account, &[]);
    let device =
        json!({ "type": "ios_advertising_id", "encoding": "raw", "value": "66b728c2-f9a4-4d87-82ef-ce07414fe3f7" });
    request["user_profiles"] = json!([{
        "mpid": "1",
        "device_identities": [device],
        "user_identities": [
            { "type": "email", "encoding": "sha256", "value": ADDRESS },
            { "type": "email", "encoding": "md5", "value": "7d1a0bd3b5ee1d0b1e4e0b1c5a1f3c55" },
        ],
        "audiences": audiences.iter().map(change).collect::<Vec<_>>(),
    }]);
    request
}

pub(crate) async fn addresses_travel_only_for_the_audiences_whose_customers_say_so() -> Result<()> {
    story(Options::new().with("EmailIdentities", "true"), async |stack| {
        let (mixing, by_email) = stack.connected("By e-mail").await?;
        let account = &mixing.account;
        let without = stack.connect(account, 2, "Without").await?;
        let rules = Rules { one_hash_family: false, ..stack.tiktok.rules().await? };
        stack.tiktok.set_rules_of(&account.advertiser_id, &rules).await?;
        stack.mparticle.deliver(Transport::Lambda, &joins(account, &[(&by_email, "true"), (&without, "yes")])).await?;
        let members = async |audience: &Audience, kind: IdKind| {
            let members = stack.tiktok.members(audience.tiktok_id.as_deref().unwrap_or_default()).await?;
            Ok::<_, anyhow::Error>(members.get(&kind).cloned().unwrap_or_default().into_iter().collect::<Vec<_>>())
        };
        until("the address is in the audience", async || {
            Ok(members(&by_email, IdKind::EmailSha256).await? == [ADDRESS])
        })
        .await?;
        stack.queue.drained().await?;
        for audience in [&by_email, &without] {
            ensure!(members(audience, IdKind::IdfaMd5).await?.len() == 1, "device ids travel for all");
        }
        ensure!(members(&without, IdKind::EmailSha256).await?.is_empty(), "only true is yes");

        // Where an audience holds one family of hashes, and holds device ids already.
        let (strict, audience) = stack.connected("One family").await?;
        stack.mparticle.deliver(Transport::Http, &joins(&strict.account, &[(&audience, "false")])).await?;
        until("the device is in", async || Ok(members(&audience, IdKind::IdfaMd5).await?.len() == 1)).await?;
        stack.mparticle.deliver(Transport::Http, &joins(&strict.account, &[(&audience, "true")])).await?;
        let letters = stack.take_letters_with(1).await?;
        ensure!(letters[0].cause() == "rejected" && letters[0].rows()[0]["id"][0] == "email", "{:?}", letters[0]);
        ensure!(members(&audience, IdKind::IdfaMd5).await?.len() == 1 && letters.len() == 1);
        Ok(())
    })
    .await
}
