//! An HTTP API's event in payload format 2.0: whether it is a `POST /v1/firehose`, with which token, and where its body lies.
//!
//! The body is a text in the event, and may be most of it. It is decoded where it lies: a second copy would double the memory.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{Refusal, decode};

/// What matters of an event.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    /// Of `Authorization: Token <token>`.
    pub(crate) token: Option<SecretString>,
    body: EncodedBody,
}

/// The body as it lies in the event.
#[derive(Debug)]
struct EncodedBody {
    /// Of the JSON text, between its quotes.
    at: Range<usize>,
    is_base64: bool,
}

impl HttpRequest {
    /// Reads the event, and sees that it is a `POST /v1/firehose`.
    pub(crate) fn read(event: &[u8]) -> Result<Self, Refusal> {
        let wire: Wire<'_> = serde_json::from_slice(event).map_err(|_| Refusal::Event)?;
        if !wire.raw_path.ends_with("/v1/firehose") {
            return Err(Refusal::NotFound);
        }
        if wire.request_context.http.method != "POST" {
            return Err(Refusal::MethodNotAllowed);
        }
        let at = match wire.body.map(RawValue::get) {
            None | Some("null") => 0..0,
            Some(raw) => between_quotes(event, raw).ok_or(Refusal::Event)?,
        };
        let body = EncodedBody { at, is_base64: wire.is_base64_encoded };
        Ok(Self { token: wire.headers.token(), body })
    }

    /// How many bytes the body takes in the event; decoded it has no more.
    pub(crate) const fn body_bytes(&self) -> usize {
        self.body.at.end.saturating_sub(self.body.at.start)
    }

    /// Decodes the body in the place where it lies in `event`, the event that this request was read from.
    pub(crate) fn body(self, event: &mut [u8]) -> Result<&[u8], Refusal> {
        let text = event.get_mut(self.body.at).ok_or(Refusal::Event)?;
        let length = decode::json_text(text).ok_or(Refusal::Event)?;
        let decoded = text.get_mut(..length).ok_or(Refusal::Event)?;
        if !self.body.is_base64 {
            return Ok(decoded);
        }
        let length = decode::base64(decoded).ok_or(Refusal::NotBase64)?;
        decoded.get(..length).ok_or(Refusal::NotBase64)
    }
}

/// Where the text `raw`, a part of `event`, lies in it, without its quotes; `None` if it is no text.
fn between_quotes(event: &[u8], raw: &str) -> Option<Range<usize>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    let start = (inner.as_ptr() as usize).checked_sub(event.as_ptr() as usize)?;
    Some(start..start.checked_add(inner.len())?)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    request_context: RequestContext<'a>,
    #[serde(borrow)]
    raw_path: Cow<'a, str>,
    #[serde(borrow, default)]
    headers: Headers<'a>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct RequestContext<'a> {
    #[serde(borrow)]
    http: Http<'a>,
}

#[derive(Deserialize)]
struct Http<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The one header that is read.
#[derive(Default)]
struct Headers<'a> {
    authorization: Option<Cow<'a, str>>,
}

impl Headers<'_> {
    fn token(&self) -> Option<SecretString> {
        let (scheme, token) = self.authorization.as_deref()?.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("token").then(|| SecretString::from(token.trim()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Headers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeadersVisitor;
        impl<'de> Visitor<'de> for HeadersVisitor {
            type Value = Headers<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Headers<'de>, E> {
                Ok(Headers::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers<'de>, A::Error> {
                let mut headers = Headers::default();
                while let Some(Text(name)) = map.next_key()? {
                    if name.eq_ignore_ascii_case("authorization") {
                        headers.authorization = map.next_value::<Option<Text<'de>>>()?.map(|Text(value)| value);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(headers)
            }
        }
        deserializer.deserialize_any(HeadersVisitor)
    }
}
