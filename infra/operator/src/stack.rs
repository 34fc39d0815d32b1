//! What is known of a deployed stack: the outputs and parameters that CloudFormation tells.

use std::collections::HashMap;

use crate::error::Error;

/// A deployed stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stack {
    pub(crate) name: String,
    /// CloudFormation's word for its state.
    pub(crate) status: String,
    pub(crate) api_url: String,
    pub(crate) ingest_function: String,
    pub(crate) uploader_function: String,
    pub(crate) queue_url: String,
    pub(crate) dead_letter_queue_url: String,
    pub(crate) app_secret_id: String,
    pub(crate) firehose_secret_id: String,
    /// What the names of the advertisers' secrets begin with.
    pub(crate) advertiser_secret_prefix: String,
    pub(crate) tiktok_api_base_url: String,
    /// Parts of a connection in which order is kept.
    pub(crate) lanes: u8,
    /// The most bytes of an envelope.
    pub(crate) envelope_max_bytes: usize,
    /// How many unique users an audience needs before it shows at TikTok.
    pub(crate) minimum_audience_users: u64,
    /// Whether mParticle may send over HTTPS.
    pub(crate) firehose_over_http: bool,
}

impl Stack {
    /// # Errors
    /// Something is missing that every stack of this product has, or is not what it must be.
    pub(crate) fn new(
        name: String,
        status: String,
        outputs: &HashMap<String, String>,
        parameters: &HashMap<String, String>,
    ) -> Result<Self, Error> {
        let of = |values: &HashMap<String, String>, key: &str, kind: &str| {
            values.get(key).cloned().ok_or_else(|| Error::NotOurs(name.clone(), format!("{kind} {key}")))
        };
        let output = |key| of(outputs, key, "output");
        let lanes = number::<u8>(parameters, "Lanes", 16)?;
        if !(1..=envelope::MAX_LANES).contains(&lanes) {
            return Err(Error::Setting("Lanes", lanes.to_string()));
        }
        Ok(Self {
            status,
            api_url: output("ApiUrl")?,
            ingest_function: output("IngestFunctionArn")?,
            uploader_function: output("UploaderFunctionName")?,
            queue_url: output("QueueUrl")?,
            dead_letter_queue_url: output("DeadLetterQueueUrl")?,
            app_secret_id: output("AppSecretId")?,
            firehose_secret_id: output("FirehoseSecretId")?,
            advertiser_secret_prefix: output("AdvertiserSecretPrefix")?,
            tiktok_api_base_url: of(parameters, "TikTokApiBaseUrl", "parameter")?,
            lanes,
            envelope_max_bytes: number(parameters, "EnvelopeMaxBytes", 60_000)?,
            minimum_audience_users: number(parameters, "MinimumAudienceUsers", 50_000)?,
            firehose_over_http: parameters.get("FirehoseOverHttp").is_none_or(|value| value == "true"),
            name,
        })
    }
}

/// A parameter that is a number, or the template's default where CloudFormation does not tell it.
fn number<T: std::str::FromStr>(
    parameters: &HashMap<String, String>,
    key: &'static str,
    default: T,
) -> Result<T, Error> {
    match parameters.get(key) {
        Some(text) => text.parse().map_err(|_| Error::Setting(key, text.clone())),
        None => Ok(default),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn outputs() -> HashMap<String, String> {
        values(&[
            ("ApiUrl", "https://api.example"),
            ("IngestFunctionArn", "arn:ingest:live"),
            ("UploaderFunctionName", "s-uploader"),
            ("QueueUrl", "https://sqs.example/s-changes.fifo"),
            ("DeadLetterQueueUrl", "https://sqs.example/s-dead-letters.fifo"),
            ("AppSecretId", "arn:app"),
            ("FirehoseSecretId", "arn:firehose"),
            ("AdvertiserSecretPrefix", "s/advertiser/"),
        ])
    }

    fn stack(parameters: &[(&str, &str)]) -> Result<Stack, Error> {
        Stack::new("s".to_owned(), "CREATE_COMPLETE".to_owned(), &outputs(), &values(parameters))
    }

    #[test]
    fn what_is_missing_or_makes_no_sense_is_named() {
        let tiktok = ("TikTokApiBaseUrl", "https://tiktok.example/v1.3");
        let found = stack(&[tiktok, ("Lanes", "64")]).unwrap();
        assert_eq!((found.lanes, found.envelope_max_bytes, found.minimum_audience_users), (64, 60_000, 50_000));
        assert!(found.firehose_over_http);
        assert!(!stack(&[tiktok, ("FirehoseOverHttp", "false")]).unwrap().firehose_over_http);
        assert!(stack(&[]).unwrap_err().to_string().contains("parameter TikTokApiBaseUrl"));
        for wrong in ["0", "65", "256", "x"] {
            assert_eq!(
                stack(&[tiktok, ("Lanes", wrong)]).unwrap_err().to_string(),
                format!("the stack's Lanes is {wrong}, which makes no sense")
            );
        }
        let mut without = outputs();
        without.remove("QueueUrl");
        let error = Stack::new("s".to_owned(), String::new(), &without, &values(&[tiktok])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the stack s has no output QueueUrl: it is not of this product, or of an older version"
        );
    }
}
