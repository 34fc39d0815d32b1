//! The HTTP response around a page. Every response gets the same headers, whatever it says.

use std::fmt::Write as _;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::Body;
use lambda_http::http::header::{self, HeaderName, HeaderValue};
use lambda_http::http::response::Builder;
use lambda_http::http::{HeaderMap, Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::page::{SCRIPT, STYLE};

/// Headers that do not depend on anything.
const FIXED: [(HeaderName, &str); 9] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), clipboard-read=(), clipboard-write=(self), display-capture=(), geolocation=(), microphone=(), \
         payment=(), publickey-credentials-get=(), usb=()",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

/// What every response carries.
#[derive(Debug, Clone)]
pub(crate) struct Headers(HeaderMap);

impl Headers {
    /// Reckons the hashes of the style and the script.
    pub(crate) fn new() -> Self {
        let mut headers: HeaderMap =
            FIXED.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        // What is not plain ASCII cannot be a header; hashes are.
        if let Ok(policy) = HeaderValue::from_str(&content_security_policy()) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        Self(headers)
    }

    /// A page.
    pub(crate) fn page(&self, status: StatusCode, page: &impl Template) -> Response<Body> {
        match page.render() {
            Ok(html) => self.finish(
                Response::builder().status(status).header(header::CONTENT_TYPE, "text/html; charset=utf-8"),
                html.into(),
            ),
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                self.finish(Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR), Body::Empty)
            }
        }
    }

    /// The way to TikTok.
    pub(crate) fn redirect(&self, location: &str, cookie: &str) -> Response<Body> {
        let response = Response::builder()
            .status(StatusCode::FOUND)
            .header(header::LOCATION, location)
            .header(header::SET_COOKIE, cookie);
        self.finish(response, Body::Empty)
    }

    fn finish(&self, response: Builder, body: Body) -> Response<Body> {
        let mut response = response.body(body).unwrap_or_else(|error| {
            tracing::error!(%error, "a response could not be built");
            let mut response = Response::new(Body::Empty);
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        });
        response.headers_mut().extend(self.0.clone());
        response
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
