//! What the deployed API refuses before a message is read: a wrong token, and a body that is too large.

use anyhow::{Result, ensure};
use e2e::{Options, Transport, message, story};
use serde_json::{Value, json};

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
            ensure!((refusal.status, refusal.error.code.as_str()) == (Some(401), "unauthorized"), "{refusal}");
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
            ensure!((refusal.status, refusal.error.code.as_str()) == (status, "too_large"), "{refusal}");
        }
        Ok(())
    })
    .await
}
