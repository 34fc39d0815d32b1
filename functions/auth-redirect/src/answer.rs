//! The HTTP response around a page, in the form that the gateway takes. Every response gets the same headers, whatever it says.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::page::{SCRIPT, STYLE};

/// Headers that do not depend on anything.
const FIXED: [(&str, &str); 9] = [
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("strict-transport-security", "max-age=63072000"),
    (
        "permissions-policy",
        "camera=(), clipboard-read=(), clipboard-write=(self), display-capture=(), geolocation=(), microphone=(), \
         payment=(), publickey-credentials-get=(), usb=()",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-robots-tag", "noindex, nofollow"),
];

/// A response as an HTTP API takes it from a function (payload format 2.0).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The HTTP status.
    pub status_code: u16,
    /// By lower-case name.
    pub headers: BTreeMap<&'static str, String>,
    /// The values of `Set-Cookie`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<String>,
    /// A page, with the token in it where there is one.
    pub body: String,
}

/// Without body and cookies: both hold secrets.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status_code", &self.status_code).finish_non_exhaustive()
    }
}

/// Builds all answers.
#[derive(Debug)]
pub(crate) struct Answers {
    content_security_policy: String,
}

impl Answers {
    pub(crate) fn new() -> Self {
        Self { content_security_policy: content_security_policy() }
    }

    pub(crate) fn page(&self, status: u16, page: &impl Template) -> Answer {
        match page.render() {
            Ok(html) => {
                let mut answer = self.empty(status);
                answer.headers.insert("content-type", "text/html; charset=utf-8".to_owned());
                answer.body = html;
                answer
            }
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                self.empty(500)
            }
        }
    }

    /// The way to TikTok.
    pub(crate) fn redirect(&self, location: String, cookie: String) -> Answer {
        let mut answer = self.empty(302);
        answer.headers.insert("location", location);
        answer.cookies.push(cookie);
        answer
    }

    pub(crate) fn empty(&self, status_code: u16) -> Answer {
        let mut headers: BTreeMap<_, _> = FIXED.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        headers.insert("content-security-policy", self.content_security_policy.clone());
        Answer { status_code, headers, cookies: Vec::new(), body: String::new() }
    }
}

impl Answer {
    pub(crate) fn allowing(mut self, methods: &str) -> Self {
        self.headers.insert("allow", methods.to_owned());
        self
    }

    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.headers.insert("retry-after", wait.as_secs().max(1).to_string());
        self
    }
}

fn content_security_policy() -> String {
    let mut policy = String::from("default-src 'none'");
    for (directive, text) in [("script-src", SCRIPT), ("style-src", STYLE)] {
        let hash = STANDARD.encode(Sha256::digest(text.as_bytes()));
        // Writing to a String cannot fail.
        write!(policy, "; {directive} 'sha256-{hash}'").ok();
    }
    policy
        + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}
