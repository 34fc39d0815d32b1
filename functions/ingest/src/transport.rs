//! The two ways in: by which of them an event came.
//!
//! The gateway names the top-level fields of its events itself, and a sender's body is but a text in one of them: no HTTP
//! request can make an event with a top-level `type`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// Lambda takes no larger event. The gateway escapes a body into its event, so that less of it fits: see the README.
pub(crate) const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// By which way an event came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Through the HTTP API.
    Http,
    /// From a caller whom the resource policy allows in.
    Direct,
}

impl Transport {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Direct => "direct",
        }
    }

    /// Reads no further than to the first field that tells: mParticle's messages begin with `type`.
    pub(crate) fn of(event: &[u8]) -> Self {
        let mut transport = Self::Direct;
        // Left in the middle of the object, the parser always complains; what it found counts.
        serde_json::Deserializer::from_slice(event).deserialize_map(TransportVisitor(&mut transport)).ok();
        transport
    }
}

struct TransportVisitor<'t>(&'t mut Transport);

impl<'de> Visitor<'de> for TransportVisitor<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::RequestContext => {
                    *self.0 = Transport::Http;
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
