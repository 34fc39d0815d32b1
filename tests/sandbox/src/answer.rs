//! What an endpoint can say, and TikTok's envelope around it: HTTP 200 with `{code, message, request_id, data}`.
//! No handler builds a response by itself.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A call that was carried out.
#[derive(Debug)]
pub(crate) enum Done {
    /// All of it; `data` of the answer.
    Completely(Value),
    /// The good rows of a mapping call, answered with 20001.
    Partly,
}

impl Done {
    /// The id of the audience that a creation made.
    pub(crate) fn audience_made(&self) -> Option<&str> {
        match self {
            Self::Completely(data) => data.get("audience_id").and_then(Value::as_str),
            Self::Partly => None,
        }
    }
}

/// A call that was refused: nothing of it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u32,
    pub(crate) message: String,
}

/// What every endpoint returns.
pub(crate) type Outcome = Result<Done, Refusal>;

impl Refusal {
    pub(crate) fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// 40002, a parameter is wrong.
    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::new(40002, message)
    }

    /// 40001, not allowed.
    pub(crate) fn permission(message: impl Into<String>) -> Self {
        Self::new(40001, message)
    }

    /// 40007, an object that is not there for this advertiser.
    pub(crate) fn missing(what: &str, id: &str) -> Self {
        Self::new(40007, format!("Object does not exist: {what} {id}."))
    }
}

/// The body code of an outcome.
pub(crate) const fn code(outcome: &Outcome) -> u32 {
    match outcome {
        Ok(Done::Completely(_)) => 0,
        Ok(Done::Partly) => 20001,
        Err(refusal) => refusal.code,
    }
}

/// The outcome as TikTok's JSON text.
pub(crate) fn body(outcome: Outcome, request_id: &str) -> String {
    let code = code(&outcome);
    let (message, data) = match outcome {
        Ok(Done::Completely(data)) => ("OK".to_owned(), data),
        Ok(Done::Partly) => ("Partly successful.".to_owned(), json!({})),
        Err(refusal) => (refusal.message, json!({})),
    };
    json!({"code": code, "message": message, "request_id": request_id, "data": data}).to_string()
}

/// What an answer shows of a thing: its fields as they are, those that a story replaced, or something else altogether.
pub(crate) fn shown_as(mut fields: Value, instead: Option<&Value>) -> Value {
    match (&mut fields, instead) {
        (_, None) => fields,
        (Value::Object(fields), Some(Value::Object(replaced))) => {
            fields.extend(replaced.clone());
            Value::Object(std::mem::take(fields))
        }
        (_, Some(instead)) => instead.clone(),
    }
}

/// The outcome as a response.
pub(crate) fn response(outcome: Outcome, request_id: &str) -> Response {
    with_log_id(
        ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body(outcome, request_id)).into_response(),
        request_id,
    )
}

/// The response with TikTok's log header, which carries the request id.
pub(crate) fn with_log_id(mut response: Response, request_id: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-tt-logid", value);
    }
    response
}
