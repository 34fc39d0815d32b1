//! Faults: failures on request, which calls they hit, and what happens to these.
//! Which fault is due is decided in `fault/active.rs`; the broken answers are made in `fault/answer.rs`.

pub(crate) mod active;
pub(crate) mod answer;

use serde::{Deserialize, Serialize};

/// A failure: what, for which calls, and how often. Begin with one of the constructors and narrow it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens to a call that is hit.
    pub kind: Kind,
    /// Only calls of these paths, like `/segment/mapping/`; empty: of every path.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Only calls that name this advertiser.
    #[serde(default)]
    pub advertiser_id: Option<String>,
    /// Only calls whose token has a fingerprint (SHA-256, lower-case hex) that begins with this; empty: every call with a token.
    #[serde(default)]
    pub token: Option<String>,
    /// Only calls with this action in the body: `add`, `delete`, `create`.
    #[serde(default)]
    pub action: Option<String>,
    /// Matching calls that are let through first; each is carried out and answered as if there were no fault.
    #[serde(default)]
    pub skip: u32,
    /// How many of the matching calls are hit.
    #[serde(default)]
    pub when: When,
    /// Whether the call takes effect and only its answer is replaced or lost. Otherwise a call that is hit changes nothing: an
    /// `auth_code` stays unspent, no audience is made. (A hang and `partly` do take effect, see [`Kind`].)
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
        /// The body.
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
        /// The body, sent as `application/json`.
        body: String,
    },
    /// Headers that promise a complete answer, half of it, and a closed connection.
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
    /// This failure for every call, until cleared.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            paths: Vec::new(),
            advertiser_id: None,
            token: None,
            action: None,
            skip: 0,
            when: When::Always,
            applied: false,
        }
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

    /// TikTok refuses every token, though they live: 40105 for each call that brings one.
    #[must_use]
    pub fn tokens_refused() -> Self {
        Self::code(40105, "Access token is incorrect or has been revoked.").token("")
    }

    /// Only calls of this path; said again, of that one too.
    #[must_use]
    pub fn on(mut self, path: &str) -> Self {
        self.paths.push(path.to_owned());
        self
    }

    /// Only calls whose token has a fingerprint that begins with this.
    #[must_use]
    pub fn token(self, fingerprint: &str) -> Self {
        Self { token: Some(fingerprint.to_owned()), ..self }
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

    /// Whether a call that is hit takes effect.
    pub(crate) fn takes_effect(&self) -> bool {
        match self.kind {
            Kind::Hang { .. } | Kind::Partly => true,
            Kind::Code { .. }
            | Kind::Status { .. }
            | Kind::Cut
            | Kind::Text { .. }
            | Kind::Truncated
            | Kind::Oversized { .. }
            | Kind::Redirect { .. } => self.applied,
        }
    }
}
