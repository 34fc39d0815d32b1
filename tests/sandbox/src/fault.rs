//! Misbehaviour on request: which calls a fault hits, and what happens to them.
//! Deciding which fault is due is in `armed.rs`, carrying it out in `misbehave.rs`.

use serde::{Deserialize, Serialize};

/// A misbehaviour: what, for which calls, and how often. Begin with one of the constructors and narrow it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens to a call that is hit.
    pub kind: Kind,
    /// Only calls of this path, like `/segment/mapping/`.
    #[serde(default)]
    pub path: Option<String>,
    /// Only calls that name this advertiser.
    #[serde(default)]
    pub advertiser_id: Option<String>,
    /// Only calls with this action in the body: `add`, `delete`, `create`.
    #[serde(default)]
    pub action: Option<String>,
    /// Matching calls that are let through first.
    #[serde(default)]
    pub skip: u32,
    /// How many of the matching calls are hit.
    #[serde(default)]
    pub when: When,
    /// Whether the call takes effect before its answer is replaced or lost.
    #[serde(default)]
    pub applied: bool,
}

/// How many of the matching calls are hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// All, until the fault is cleared.
    #[default]
    Always,
    /// The next so many.
    Next(u32),
    /// This share of them, 0 to 1, by a generator seeded with `Rules::seed` and the fault's number.
    Share(f64),
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// HTTP 200 with this body code.
    Code {
        /// The code.
        code: u32,
        /// TikTok's words.
        message: String,
    },
    /// This HTTP status.
    Status {
        /// The status.
        status: u16,
        /// The whole body.
        body: String,
    },
    /// A wait, and then the usual answer. Whoever hangs up before leaves the call undone, unless `applied`.
    Hang {
        /// How long.
        ms: u64,
    },
    /// The connection is closed without an answer.
    Cut,
    /// HTTP 200 with a body that is not what it says: HTML, half a JSON object, nothing.
    Text {
        /// The whole body, sent as `application/json`.
        body: String,
    },
    /// Headers that promise a whole answer, half of it, and a closed connection.
    Truncated,
    /// A well-formed success, padded to this many bytes.
    Oversized {
        /// About how long the body is.
        bytes: u64,
    },
    /// HTTP 307. Following it to the default place, `/open_api/v1.3/redirected/`, shows in the journal.
    Redirect {
        /// The `Location`.
        location: Option<String>,
    },
    /// The good rows of a mapping call are applied, and if there are bad ones it is answered with 20001.
    Partly,
}

impl Kind {
    /// The name that the journal shows.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Code { .. } => "code",
            Self::Status { .. } => "status",
            Self::Hang { .. } => "hang",
            Self::Cut => "cut",
            Self::Text { .. } => "text",
            Self::Truncated => "truncated",
            Self::Oversized { .. } => "oversized",
            Self::Redirect { .. } => "redirect",
            Self::Partly => "partly",
        }
    }
}

impl Fault {
    /// This misbehaviour for every call, until cleared.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self { kind, path: None, advertiser_id: None, action: None, skip: 0, when: When::Always, applied: false }
    }

    /// A body code under HTTP 200.
    #[must_use]
    pub fn code(code: u32, message: &str) -> Self {
        Self::new(Kind::Code { code, message: message.to_owned() })
    }

    /// An HTTP status with a short HTML body, as a proxy would send.
    #[must_use]
    pub fn status(status: u16) -> Self {
        let body = format!("<html><body><h1>{status}</h1></body></html>");
        Self::new(Kind::Status { status, body })
    }

    /// A wait before the call takes effect and is answered.
    #[must_use]
    pub const fn hang(ms: u64) -> Self {
        Self::new(Kind::Hang { ms })
    }

    /// A connection cut without an answer.
    #[must_use]
    pub const fn cut() -> Self {
        Self::new(Kind::Cut)
    }

    /// A body that is not TikTok's JSON.
    #[must_use]
    pub fn text(body: &str) -> Self {
        Self::new(Kind::Text { body: body.to_owned() })
    }

    /// Only calls of this path.
    #[must_use]
    pub fn on(self, path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..self }
    }

    /// Only calls that name this advertiser.
    #[must_use]
    pub fn advertiser(self, advertiser_id: &str) -> Self {
        Self { advertiser_id: Some(advertiser_id.to_owned()), ..self }
    }

    /// Only calls with this action.
    #[must_use]
    pub fn action(self, action: &str) -> Self {
        Self { action: Some(action.to_owned()), ..self }
    }

    /// Only the next so many.
    #[must_use]
    pub fn next(self, calls: u32) -> Self {
        Self { when: When::Next(calls), ..self }
    }

    /// Only this share, 0 to 1.
    #[must_use]
    pub fn share(self, share: f64) -> Self {
        Self { when: When::Share(share), ..self }
    }

    /// Lets so many matching calls through first.
    #[must_use]
    pub fn after(self, calls: u32) -> Self {
        Self { skip: calls, ..self }
    }

    /// The call takes effect; only its answer is replaced or lost.
    #[must_use]
    pub fn applied(self) -> Self {
        Self { applied: true, ..self }
    }

    /// Whether a call is one that this fault is meant for.
    pub(crate) fn matches(&self, path: &str, advertisers: &[String], action: Option<&str>) -> bool {
        self.path.as_deref().is_none_or(|wanted| wanted == path)
            && self.advertiser_id.as_ref().is_none_or(|wanted| advertisers.contains(wanted))
            && self.action.as_deref().is_none_or(|wanted| action == Some(wanted))
    }
}
