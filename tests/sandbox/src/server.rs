//! The server: one task a connection, HTTP/1.1, so that a fault can close a connection without answering.
//! The caller owns the port and the stop.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::control::{Control, ControlError};
use crate::rules::Rules;
use crate::state::Sandbox;
use crate::{API_BASE_PATH, api, consent, control, fault};

/// Serves a new sandbox until `shutdown` is done. Calls that hang then are cut.
pub async fn serve(listener: TcpListener, rules: Rules, shutdown: impl Future<Output = ()>) {
    let router = router(Arc::new(Sandbox::new(rules)));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone()));
                }
                // Out of file descriptors, most likely: some connection will end.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A sandbox on a free loopback port in a task of its own, which ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    base_url: String,
    task: JoinHandle<()>,
}

/// Starts a sandbox in this process.
///
/// # Errors
/// When no loopback port can be bound.
pub async fn start(rules: Rules) -> io::Result<Running> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    let task = tokio::spawn(serve(listener, rules, pending()));
    Ok(Running { base_url, task })
}

impl Running {
    /// `http://127.0.0.1:PORT`, where the consent page and the control API are.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The base of TikTok's API.
    #[must_use]
    pub fn api_base_url(&self) -> String {
        format!("{}{API_BASE_PATH}", self.base_url)
    }

    /// A client of the control API.
    ///
    /// # Errors
    /// When an HTTP client cannot be built.
    pub fn control(&self) -> Result<Control, ControlError> {
        Control::new(&self.base_url)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(sandbox: Arc<Sandbox>) -> Router {
    Router::new()
        .route(&format!("{API_BASE_PATH}/{{*path}}"), any(api::answer))
        .merge(consent::routes())
        .nest("/_sandbox", control::server::routes())
        .with_state(sandbox)
}

/// Why a connection was closed on purpose.
#[derive(Debug, thiserror::Error)]
#[error("cut by a fault")]
struct CutByFault;

async fn connection(stream: TcpStream, router: Router) {
    // Without it, small answers wait for the peer's delayed acknowledgement. A stream that refuses will fail below.
    stream.set_nodelay(true).ok();
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        let answered = router.call(request);
        async move {
            let response: Response = answered.await.unwrap_or_else(|never: Infallible| match never {});
            if fault::answer::is_cut(&response) { Err(CutByFault) } else { Ok(response) }
        }
    });
    // A peer that hangs up and a cut made on purpose are both to be expected.
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}
