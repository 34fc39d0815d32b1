//! The answers that no API should give, built from a fault. Faults that only delay or replace a body code are carried out in `api.rs`.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, stream};
use serde_json::json;

use super::Kind;
use crate::API_BASE_PATH;
use crate::answer::{self, Done, Outcome};

/// Marks a response that must not be sent: the server closes its connection instead.
#[derive(Clone, Copy, Debug)]
struct Cut;

/// The broken answer. `outcome` is the call's true one if it was carried out.
pub(crate) fn response(kind: &Kind, outcome: Option<Outcome>, request_id: &str) -> Response {
    let response = match kind {
        Kind::Status { status, body } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, [(header::CONTENT_TYPE, "text/html")], body.clone()).into_response()
        }
        Kind::Text { body } => ([(header::CONTENT_TYPE, "application/json")], body.clone()).into_response(),
        Kind::Truncated => truncated(outcome, request_id),
        Kind::Oversized { bytes } => oversized(*bytes, request_id),
        Kind::Redirect { location } => {
            let location = location.clone().unwrap_or_else(|| format!("{API_BASE_PATH}/redirected/"));
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response()
        }
        Kind::Cut | Kind::Code { .. } | Kind::Hang { .. } | Kind::Partly => {
            let mut response = Response::default();
            response.extensions_mut().insert(Cut);
            response
        }
    };
    answer::with_log_id(response, request_id)
}

/// Whether the connection is to be closed instead of sending this.
pub(crate) fn is_cut(response: &Response) -> bool {
    response.extensions().get::<Cut>().is_some()
}

/// The full length promised, half of it sent, and then the connection breaks.
fn truncated(outcome: Option<Outcome>, request_id: &str) -> Response {
    let body = answer::body(outcome.unwrap_or_else(|| Ok(Done::Completely(json!({})))), request_id);
    let length = body.len();
    let half: Bytes = body.into_bytes().into_iter().take(length / 2).collect();
    let parts = stream::once(async { Ok(half) }).chain(stream::once(async {
        // What was written is only on its way once the stream is waited for.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut by the sandbox"))
    }));
    let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_LENGTH, length.to_string())];
    (headers, Body::from_stream(parts)).into_response()
}

/// A success with padding, made while it is sent.
fn oversized(bytes: u64, request_id: &str) -> Response {
    const CHUNK: usize = 64 * 1024;
    let head = format!(r#"{{"code":0,"message":"OK","request_id":"{request_id}","data":{{"padding":""#);
    let padding = Bytes::from(vec![b'x'; CHUNK]);
    let chunks = usize::try_from(bytes).unwrap_or(usize::MAX).div_ceil(CHUNK);
    let parts = std::iter::once(Bytes::from(head))
        .chain(std::iter::repeat_n(padding, chunks))
        .chain(std::iter::once(Bytes::from_static(b"\"}}")))
        .map(Ok::<_, io::Error>);
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (headers, Body::from_stream(stream::iter(parts))).into_response()
}
