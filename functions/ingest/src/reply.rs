//! What the function returns to Lambda: the response itself to a direct invocation, an HTTP answer to the gateway.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::Refusal;

/// The result of an invocation.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// A Firehose response.
    Direct(Box<RawValue>),
    /// An answer in the gateway's payload format 2.0.
    Http(HttpReply),
}

/// An HTTP answer with a JSON body.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpReply {
    status_code: u16,
    headers: Headers,
    body: String,
    is_base64_encoded: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Headers {
    content_type: &'static str,
}

impl Reply {
    pub(crate) fn direct(response: String) -> Result<Self, Refusal> {
        RawValue::from_string(response).map(Self::Direct).map_err(|_| Refusal::Internal)
    }

    pub(crate) fn http(response: Result<String, Refusal>) -> Self {
        let (status_code, body) = match response {
            Ok(body) => (200, body),
            Err(refusal) => (refusal.status(), refusal.to_json()),
        };
        let headers = Headers { content_type: "application/json" };
        Self::Http(HttpReply { status_code, headers, body, is_base64_encoded: false })
    }
}
