//! The Firehose token changes without a request being refused: two are valid at a time.

use anyhow::Result;
use e2e::{Options, Stack, message, story, until};
use serde_json::json;

/// Whether the HTTPS door opens to a token.
async fn opens(stack: &Stack, token: &str) -> Result<bool> {
    let message = message::verification(&stack.customer("Rotates").await?.account).to_string().into_bytes();
    let answer = stack.mparticle.post(message, Some(&format!("Token {token}"))).await?;
    match answer {
        e2e::mparticle::Answer::Response(_) => Ok(true),
        e2e::mparticle::Answer::Refused(refusal) => {
            assert_eq!(refusal.status, Some(401), "{refusal}");
            Ok(false)
        }
    }
}

#[tokio::test]
async fn two_firehose_tokens_are_valid_during_a_rotation() -> Result<()> {
    story(Options::new(), async |stack| {
        let (old, new) = (stack.mparticle.token.as_str(), "the-new-token-of-the-firehose-0123456789");
        stack.hush.word(new);
        assert!(opens(stack, old).await? && !opens(stack, new).await?);
        let put = async |value: serde_json::Value| {
            stack.cloud.put_secret(&stack.at.firehose_secret_id, &value.to_string()).await
        };

        put(json!({ "current": new, "previous": old })).await?;
        until("the new token is valid", 40, async || {
            assert!(opens(stack, old).await?, "the old one stays valid");
            opens(stack, new).await
        })
        .await?;
        put(json!({ "current": new, "previous": null })).await?;
        until("the old token is not valid any more", 40, async || {
            assert!(opens(stack, new).await?, "the new one stays valid");
            Ok(!opens(stack, old).await?)
        })
        .await
    })
    .await
}
