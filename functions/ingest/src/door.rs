//! The two doors: by which of them an event came, and what an HTTP event holds.
//!
//! The gateway names the top-level fields of its events itself, and a sender's body is but a text in one of them: no HTTP
//! request can make an event with a top-level `type`.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::Refusal;

/// Lambda takes no larger event. The gateway escapes a body into its event, so that less of it fits: see the README.
pub(crate) const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// By which door an event came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Through the HTTP API.
    Http,
    /// From a caller whom the resource policy admits.
    Direct,
}

impl Door {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Direct => "direct",
        }
    }

    /// Reads no further than to the first field that tells: mParticle's messages begin with `type`.
    pub(crate) fn of(event: &[u8]) -> Self {
        let mut door = Self::Direct;
        // Left in the middle of the object, the parser always complains; what it found counts.
        serde_json::Deserializer::from_slice(event).deserialize_map(Sniff(&mut door)).ok();
        door
    }
}

struct Sniff<'d>(&'d mut Door);

impl<'de> Visitor<'de> for Sniff<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::RequestContext => {
                    *self.0 = Door::Http;
                    return Ok(());
                }
                Key::Type => return Ok(()),
                Key::Other => map.next_value::<IgnoredAny>()?,
            };
        }
        Ok(())
    }
}

#[derive(Deserialize)]
enum Key {
    #[serde(rename = "requestContext")]
    RequestContext,
    #[serde(rename = "type")]
    Type,
    #[serde(other)]
    Other,
}

/// An HTTP API's event, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpEvent<'a> {
    #[serde(borrow)]
    request_context: RequestContext<'a>,
    #[serde(borrow)]
    raw_path: Cow<'a, str>,
    #[serde(borrow, default)]
    headers: Headers<'a>,
    #[serde(borrow, default)]
    body: Option<Body<'a>>,
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
struct Body<'a>(#[serde(borrow)] Cow<'a, str>);

/// The one header that is read.
#[derive(Default)]
struct Headers<'a> {
    authorization: Option<Cow<'a, str>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Headers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Named;
        impl<'de> Visitor<'de> for Named {
            type Value = Headers<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Headers<'de>, E> {
                Ok(Headers::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers<'de>, A::Error> {
                let mut headers = Headers::default();
                while let Some(Body(name)) = map.next_key()? {
                    if name.eq_ignore_ascii_case("authorization") {
                        headers.authorization = map.next_value::<Option<Body<'de>>>()?.map(|Body(value)| value);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(headers)
            }
        }
        deserializer.deserialize_any(Named)
    }
}

impl<'a> HttpEvent<'a> {
    /// Reads the event, and sees that it is a `POST /v1/firehose`.
    pub(crate) fn read(event: &'a [u8]) -> Result<Self, Refusal> {
        let event: Self = serde_json::from_slice(event).map_err(|_| Refusal::Event)?;
        if !event.raw_path.ends_with("/v1/firehose") {
            return Err(Refusal::NotFound);
        }
        if event.request_context.http.method != "POST" {
            return Err(Refusal::MethodNotAllowed);
        }
        Ok(event)
    }

    /// The token of `Authorization: Token <token>`.
    pub(crate) fn token(&self) -> Option<&str> {
        let (scheme, token) = self.headers.authorization.as_deref()?.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("token").then(|| token.trim())
    }

    pub(crate) fn body(&self) -> Result<Cow<'_, [u8]>, Refusal> {
        let body = self.body.as_ref().map_or("", |Body(body)| body);
        if self.is_base64_encoded {
            return BASE64_STANDARD.decode(body).map(Cow::Owned).map_err(|_| Refusal::NotBase64);
        }
        Ok(Cow::Borrowed(body.as_bytes()))
    }
}
