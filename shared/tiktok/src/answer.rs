//! Reads an answer of TikTok's: HTTP status, envelope, data. All of it is from outside and kept within bounds.

use reqwest::Response;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::Meaning;

/// The longest body that is read. A page of 100 audiences has about 40 KB, the accounts of a large agency about 1 MB.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// The longest message of TikTok's that is passed on, in characters.
const MAX_MESSAGE_CHARS: usize = 300;
/// An MD5 in hex. TikTok's own ids are shorter.
const HASH_DIGITS: usize = 32;

/// What TikTok's support asks for. Safe to log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// `request_id` of the body.
    pub request_id: Option<String>,
    /// The header `X-TT-LOGID`.
    pub log_id: Option<String>,
}

/// A call that was done.
#[derive(Debug)]
pub struct Answer<T> {
    /// What was asked for.
    pub data: T,
    /// Where to find the call at TikTok.
    pub trace: Trace,
}

/// A call that was not done, or of which nobody knows. Safe to log: no URL, no token, and TikTok's message cut and escaped.
#[derive(Debug, Clone, thiserror::Error)]
#[error("TikTok {}: {message}", match (.code, .status) {
    (Some(code), _) => format!("code {code}"),
    (None, Some(status)) => format!("HTTP {status}"),
    (None, None) => "not reached".to_owned(),
})]
pub struct Failure {
    /// What to do about it.
    pub meaning: Meaning,
    /// The body's `code`, if there was one.
    pub code: Option<i64>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// TikTok's own words, or this crate's where TikTok had none.
    pub message: String,
    /// Where to find the call at TikTok.
    pub trace: Trace,
    /// There was no connection to send the call over: TikTok certainly did nothing.
    pub not_sent: bool,
}

impl Failure {
    /// Nobody knows what came of the call.
    #[must_use]
    pub fn without_answer(message: &str) -> Self {
        Self {
            meaning: Meaning::Unavailable,
            code: None,
            status: None,
            message: message.to_owned(),
            trace: Trace::default(),
            not_sent: false,
        }
    }
}

/// The form of every body. `code` is a number; `data` is read only if the call was done.
#[derive(Deserialize)]
struct Body<'a> {
    code: i64,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Reads `response` to its end; `secrets` are cut out of whatever TikTok's message repeats.
pub(crate) async fn read<T: DeserializeOwned>(
    response: Result<Response, reqwest::Error>,
    secrets: &[&SecretString],
) -> Result<Answer<T>, Failure> {
    let mut response = response.map_err(|error| not_reached(&error))?;
    let status = response.status().as_u16();
    let trace = Trace { request_id: None, log_id: log_id(response.headers(), secrets) };
    let mut bytes = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| Failure { trace: trace.clone(), ..not_reached(&error) })?
    {
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(without_code(status, trace, "the answer is larger than 4 MB"));
        }
        bytes.extend_from_slice(&chunk);
    }
    judge(status, trace, &bytes, secrets)
}

/// What an answer says, from its HTTP status, its headers and its body. `secrets` are cut out of whatever of it is passed on.
///
/// # Errors
/// [`Failure`], also where the body is not in the form of TikTok's API.
pub fn judge<T: DeserializeOwned>(
    status: u16,
    mut trace: Trace,
    bytes: &[u8],
    secrets: &[&SecretString],
) -> Result<Answer<T>, Failure> {
    let Ok(body) = serde_json::from_slice::<Body<'_>>(bytes) else {
        return Err(without_code(status, trace, "the answer is not in the form of TikTok's API"));
    };
    trace.request_id = body.request_id.map(|id| identifier(&id, secrets));
    let message = presentable(body.message.as_deref().unwrap_or_default(), secrets);
    let meaning = Meaning::of_status(status).or_else(|| Meaning::of_code(body.code, &message));
    if let Some(meaning) = meaning {
        return Err(Failure { meaning, code: Some(body.code), status: Some(status), message, trace, not_sent: false });
    }
    if !(200..300).contains(&status) {
        return Err(without_code(status, trace, "an error status with a body that says success"));
    }
    match serde_json::from_str(body.data.map_or("null", RawValue::get)) {
        Ok(data) => Ok(Answer { data, trace }),
        Err(_) => Err(Failure {
            code: Some(body.code),
            ..without_code(status, trace, "the answer says success but its data is not in the known form")
        }),
    }
}

fn not_reached(error: &reqwest::Error) -> Failure {
    let message = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke before the answer was complete"
    };
    Failure { not_sent: error.is_connect(), ..Failure::without_answer(message) }
}

fn without_code(status: u16, trace: Trace, message: &str) -> Failure {
    let meaning = match Meaning::of_status(status) {
        Some(meaning) => meaning,
        // 400, 401, 403 and the like without a code: something between here and TikTok refuses to pass the call on.
        None if (400..500).contains(&status) => Meaning::Operator,
        None => Meaning::Unavailable,
    };
    Failure { meaning, code: None, status: Some(status), message: message.to_owned(), trace, not_sent: false }
}

fn log_id(headers: &HeaderMap, secrets: &[&SecretString]) -> Option<String> {
    headers.get("x-tt-logid").and_then(|value| value.to_str().ok()).map(|id| identifier(id, secrets))
}

/// An id of TikTok's, within bounds and without any of `secrets`.
fn identifier(text: &str, secrets: &[&SecretString]) -> String {
    without_secrets(text, secrets).chars().filter(char::is_ascii_graphic).take(100).collect()
}

/// A message of TikTok's, safe to log and to show: on one line, cut, and without any of `secrets` or what may be a hashed device id.
fn presentable(text: &str, secrets: &[&SecretString]) -> String {
    let plain = without_hashes(&without_secrets(text, secrets));
    plain.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE_CHARS).collect()
}

fn without_secrets(text: &str, secrets: &[&SecretString]) -> String {
    let secrets = secrets.iter().map(|secret| secret.expose_secret()).filter(|secret| !secret.is_empty());
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "[secret]"))
}

/// `text` with each run of at least 32 hex digits replaced: TikTok may repeat the MD5 or SHA-256 of a device id.
fn without_hashes(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars().map(Some).chain([None]) {
        if let Some(digit) = c.filter(char::is_ascii_hexdigit) {
            run.push(digit);
            continue;
        }
        clean.push_str(if run.len() < HASH_DIGITS { &run } else { "[hash]" });
        run.clear();
        clean.extend(c);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Result<Answer<serde_json::Value>, Failure> {
        let token = SecretString::from("s3cr3t-token");
        judge(status, Trace::default(), body.as_bytes(), &[&token])
    }

    #[test]
    fn a_code_other_than_0_is_a_failure_under_http_200() {
        let failure =
            judged(200, r#"{"code":40007,"message":"no such audience","request_id":"2026","data":{}}"#).unwrap_err();
        assert_eq!((failure.meaning, failure.code), (Meaning::Missing, Some(40007)));
        assert_eq!(failure.trace.request_id.as_deref(), Some("2026"));
        assert_eq!(failure.to_string(), "TikTok code 40007: no such audience");
    }

    #[test]
    fn what_is_not_tiktoks_json_is_to_be_retried() {
        for body in ["", "<html>", "null", "[]", "{}", r#"{"code":"0"}"#, r#"{"code":0,"data":"#, "{\"code\":0}\u{0}"] {
            assert_eq!(judged(200, body).unwrap_err().meaning, Meaning::Unavailable, "{body}");
        }
    }

    #[test]
    fn the_status_is_heard_where_it_speaks() {
        let done = r#"{"code":0,"message":"OK"}"#;
        assert_eq!(judged(502, done).unwrap_err().meaning, Meaning::Unavailable);
        assert_eq!(judged(302, "").unwrap_err().meaning, Meaning::Operator);
        assert_eq!(judged(404, "not found").unwrap_err().meaning, Meaning::Operator);
        assert_eq!(judged(403, "<html>").unwrap_err().meaning, Meaning::Operator);
        assert_eq!(judged(400, done).unwrap_err().meaning, Meaning::Operator);
        assert_eq!(judged(401, r#"{"code":40105,"message":"x"}"#).unwrap_err().meaning, Meaning::Reauthorize);
    }

    #[test]
    fn a_message_is_cut_put_on_one_line_and_stripped_of_secrets() {
        let long = format!(r#"{{"code":40002,"message":"token s3cr3t-token\n{}"}}"#, "x".repeat(1000));
        let failure = judged(200, &long).unwrap_err();
        assert!(failure.message.starts_with("token [secret] xxx"), "{}", failure.message);
        assert_eq!(failure.message.chars().count(), MAX_MESSAGE_CHARS);
    }

    #[test]
    fn an_id_of_tiktoks_that_repeats_a_secret_is_stripped_of_it() {
        let failure = judged(200, r#"{"code":40002,"request_id":"r-s3cr3t-token-1"}"#).unwrap_err();
        assert_eq!(failure.trace.request_id.as_deref(), Some("r-[secret]-1"));
    }

    #[test]
    fn hashes_are_cut_out_of_a_message_and_ids_are_not() {
        let md5 = "0CA6a1feca650934a6a80edc68fde56f";
        for (said, shown) in [
            (md5.to_owned(), "[hash]"),
            (format!("id:{md5}, {md5}{md5}."), "id:[hash], [hash]."),
            (format!("<{md5}> of 7123456789012345678"), "<[hash]> of 7123456789012345678"),
            (format!("q{md5}"), "q[hash]"),
            ("a".repeat(31), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            (String::new(), ""),
        ] {
            let failure = judged(200, &format!(r#"{{"code":40002,"message":"{said}"}}"#)).unwrap_err();
            assert_eq!(failure.message, shown);
        }
        let at_the_end = format!(r#"{{"code":40002,"message":"{}{md5}"}}"#, "x".repeat(MAX_MESSAGE_CHARS - 5));
        assert!(!judged(200, &at_the_end).unwrap_err().message.contains("0CA6"));
    }

    #[test]
    fn no_body_makes_it_panic() {
        for body in [&[0xff, 0xfe][..], &[b'['; 10_000], br#"{"code":99999999999999999999}"#] {
            let judged = judge::<serde_json::Value>(200, Trace::default(), body, &[]);
            assert_eq!(judged.unwrap_err().meaning, Meaning::Unavailable);
        }
    }
}
