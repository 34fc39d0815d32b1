//! The `DevTools` protocol over a pipe: JSON, ended by a zero byte, with an answer to each call and events in between.
//!
//! A crate would bring the whole protocol as generated types (chromiumoxide: two minutes of compiling, 600 MB) for the two dozen
//! commands that are used here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{Mutex as AsyncMutex, oneshot, watch};
use tokio::time::timeout;

/// How long an answer or an event may take: the slowest page waits 12 seconds for TikTok.
const WAIT: Duration = Duration::from_secs(40);

/// Something that happened in a tab.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// In which tab.
    pub(crate) session: String,
    /// What, as in `Page.frameNavigated`.
    pub(crate) method: String,
    /// The particulars.
    pub(crate) params: Value,
}

/// A connection to a browser.
#[derive(Clone, Debug)]
pub(super) struct Devtools(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    orders: AsyncMutex<ChildStdin>,
    last: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    events: Mutex<Vec<Event>>,
    count: watch::Sender<usize>,
}

impl Devtools {
    /// Speaks to the browser at the other end.
    pub(super) fn new(orders: ChildStdin, answers: ChildStdout) -> Self {
        let shared = Arc::new(Shared {
            orders: AsyncMutex::new(orders),
            last: AtomicU64::new(0),
            waiting: Mutex::default(),
            events: Mutex::default(),
            count: watch::Sender::new(0),
        });
        tokio::spawn(read(BufReader::new(answers), Arc::clone(&shared)));
        Self(shared)
    }

    /// Calls `method`, of the browser or of a tab.
    pub(super) async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value> {
        let id = self.0.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (send, receive) = oneshot::channel();
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, send);
        let mut order = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            order["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&order)?;
        bytes.push(0);
        self.0.orders.lock().await.write_all(&bytes).await.with_context(|| format!("{method}: the browser is gone"))?;
        let mut answer = timeout(WAIT, receive)
            .await
            .with_context(|| format!("{method}: no answer"))?
            .with_context(|| format!("{method}: the browser is gone"))?;
        if let Some(error) = answer.get("error") {
            bail!("{method}: {error}");
        }
        Ok(answer["result"].take())
    }

    /// The events after the first `seen`.
    pub(super) fn events_since(&self, seen: usize) -> Vec<Event> {
        let events = self.0.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.get(seen..).unwrap_or_default().to_vec()
    }

    /// How many events there were so far.
    pub(super) fn seen(&self) -> usize {
        *self.0.count.borrow()
    }

    /// Waits for an event after the first `seen`.
    pub(super) async fn event(&self, seen: usize, is_meant: impl Fn(&Event) -> bool) -> Result<Event> {
        let mut count = self.0.count.subscribe();
        let found = async {
            loop {
                if let Some(event) = self.events_since(seen).into_iter().find(&is_meant) {
                    return Ok(event);
                }
                count.changed().await.context("the browser is gone")?;
            }
        };
        timeout(WAIT, found).await.context("it did not happen in time")?
    }
}

async fn read(mut answers: BufReader<ChildStdout>, shared: Arc<Shared>) {
    let mut bytes = Vec::new();
    while matches!(answers.read_until(0, &mut bytes).await, Ok(1..)) {
        bytes.pop();
        if let Ok(message) = serde_json::from_slice(&bytes) {
            take(&shared, message);
        }
        bytes.clear();
    }
    // Whoever still waits for an answer is told that there will be none.
    shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

fn take(shared: &Shared, mut message: Value) {
    if let Some(id) = message["id"].as_u64() {
        let waiting = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        // Who no longer waits need not be told.
        waiting.and_then(|waiting| waiting.send(message).ok());
        return;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (session, method) = (text(&message["sessionId"]), text(&message["method"]));
    let event = Event { session, method, params: message["params"].take() };
    let mut events = shared.events.lock().unwrap_or_else(PoisonError::into_inner);
    events.push(event);
    let count = events.len();
    drop(events);
    shared.count.send_replace(count);
}
