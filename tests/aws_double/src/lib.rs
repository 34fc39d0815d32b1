//! What the SQS and the Secrets Manager in memory have in common, for tests: the connection below the SDK's own client, and faults on demand.
//!
//! It knows AWS's JSON protocol, and no service.

use std::fmt::Debug;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use serde_json::{Value, json};

/// What a service says to a call: JSON, or the code of its refusal.
pub type Answer = Result<Value, &'static str>;

/// What arrives at the client.
pub type Response = Result<HttpResponse, ConnectorError>;

/// A service in memory. A clone is the same one.
pub trait Service: Clone + Debug + Send + Sync + 'static {
    /// Answers a call of `action`, such as `PutSecretValue`.
    fn answer(self, action: String, body: Value) -> impl Future<Output = Response> + Send;
}

/// The HTTP client of an SDK's configuration whose calls go to `service`.
pub fn http_client(service: impl Service) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(service));
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
struct Connector<S>(S);

impl<S: Service> HttpConnector for Connector<S> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let action = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
        HttpConnectorFuture::new(self.0.clone().answer(action, body))
    }
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    NotReached,
    /// It is carried out, and the answer never arrives.
    AnswerLost,
    /// It is answered with this error code, such as `RequestThrottled`, and not carried out.
    Refused(&'static str),
    /// It is carried out, and answered with status 500.
    Broken,
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub struct Faults {
    next: Vec<(String, Fault)>,
    is_down: bool,
}

impl Faults {
    /// `fault` happens to the next call of `action`. Several are used up one after the other.
    pub fn add(&mut self, action: &str, fault: Fault) {
        self.next.push((action.to_owned(), fault));
    }

    /// No call arrives until it is up again.
    pub fn set_down(&mut self, is_down: bool) {
        self.is_down = is_down;
    }

    /// The fault that happens to this call of `action`, if one does.
    pub fn take(&mut self, action: &str) -> Option<Fault> {
        if self.is_down {
            return Some(Fault::NotReached);
        }
        let place = self.next.iter().position(|(of, _)| of == action)?;
        Some(self.next.remove(place).1)
    }
}

/// The response to a call that `carry_out` carries out, unless `fault` happens to it.
///
/// # Errors
/// The response does not arrive.
pub async fn respond(fault: Option<Fault>, carry_out: impl Future<Output = Answer>) -> Response {
    match fault {
        None => match carry_out.await {
            Ok(answer) => response(200, &answer),
            Err(code) => refusal(400, code),
        },
        Some(Fault::NotReached) => Err(ConnectorError::io("not reached".into())),
        Some(Fault::Refused(code)) => refusal(400, code),
        Some(Fault::AnswerLost) => {
            // Whether it succeeds is not told.
            drop(carry_out.await);
            Err(ConnectorError::timeout("no answer".into()))
        }
        Some(Fault::Broken) => {
            drop(carry_out.await);
            refusal(500, "InternalFailure")
        }
    }
}

fn refusal(status: u16, code: &str) -> Response {
    response(status, &json!({"__type": code, "message": "as AWS would say"}))
}

fn response(status: u16, body: &Value) -> Response {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    Ok(HttpResponse::new(status, body.to_string().into()))
}
