//! An invocation: Lambda's event only wakes the uploader, which then receives and serves, round after round, until its deadline.
//!
//! It goes on receiving while calls are under way, since what is deleted frees its lanes. Each connection has at most one task at work.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use ids::ConnectionId;
use queue::{QueueError, Received};
use startup::clock::millis;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::cause::Blame;
use crate::event::{Event, Response};
use crate::foreign::give_up;
use crate::hand::Hand;
use crate::task::Time;
use crate::{App, report};

/// Kept at the end of an invocation for settling.
pub const SETTLING: Duration = Duration::from_secs(15);
/// A message stays invisible for so long after the invocation: nobody else works on it while this one might.
pub const MARGIN: Duration = Duration::from_secs(5);
/// What is received later than this before calls end could not be served.
pub const LAST_RECEIVE: Duration = Duration::from_secs(6);
/// Between calling and answering Lambda, so that the answer comes before the deadline.
pub const ANSWERING: Duration = Duration::from_secs(1);
/// Receives under way at once.
pub const PARALLEL_RECEIVES: usize = 4;
/// How long each waits for a message, or after a failure.
pub const RECEIVE_WAIT: Duration = Duration::from_secs(1);
/// So many receives in a row that bring nothing end the invocation, once nothing is under way.
pub const EMPTY_RECEIVES: u32 = 3;
/// Before a connection asks for its turn. A receive brings ten messages of a lane: where turns come at once, the first few lanes would go
/// alone and the others wait for their calls. By simulation it halves the calls of a customer who has the queue alone.
pub const GATHERING: Duration = Duration::from_millis(100);
/// The most messages in hand.
pub const MAX_MESSAGES: usize = 20_000;
/// The most bytes of bodies in hand.
pub const MAX_BYTES: usize = 48 * 1024 * 1024;

/// What is in hand of one invocation.
#[derive(Debug, Default)]
pub(crate) struct InHand(Mutex<Hand>);

impl InHand {
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Hand) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A piece of work that ended.
enum Done {
    Received(Result<Vec<Received>, QueueError>),
    Served(ConnectionId, HashSet<String>),
    /// With the messages and their bytes.
    GaveUp(usize, usize, HashSet<String>),
}

/// The state of one invocation.
struct Rounds<'a> {
    app: &'a App,
    hand: &'a InHand,
    time: Time,
    under_way: FuturesUnordered<LocalBoxFuture<'a, Done>>,
    serving: HashSet<ConnectionId>,
    receiving: usize,
    tasks: usize,
    empty: u32,
    /// Messages are gone that no receive was begun after: what was behind them may be free.
    freed: bool,
    received: usize,
    gone: HashSet<String>,
}

/// Works until nothing is left or `deadline` comes, and says which messages of `event` stay.
pub(crate) async fn run(app: &App, event: Event, deadline: Instant) -> Response {
    let started = Instant::now();
    let messages = event.into_messages();
    let ids: Vec<_> = messages.iter().map(|message| message.message_id.clone()).collect();
    let until = deadline.checked_sub(SETTLING).unwrap_or(deadline);
    let end = deadline.checked_sub(ANSWERING).unwrap_or(deadline);
    let begun = async { tokio::join!(renew(app, messages, deadline), is_crowded(app)) };
    let Ok((held, crowded)) = timeout_at(end, begun.boxed_local()).await else {
        tracing::error!("SQS did not answer in time; the messages of the event are delivered again");
        return Response::new(ids, &HashSet::new());
    };
    let hand = InHand::default();
    let time = Time { until, deadline, crowded };
    let mut rounds = Rounds::new(app, &hand, time);
    rounds.take(held);
    tokio::select! {
        () = rounds.go_round() => {}
        () = app.turns.drive(|connection| hand.with(|hand| hand.bytes_of(connection))) => {}
        () = sleep_until(end) => {
            tracing::error!("the time for settling ran out; what was not settled is delivered again");
        }
    }
    let (received, gone, left) = (rounds.received, std::mem::take(&mut rounds.gone), hand.with(|hand| hand.messages()));
    drop(rounds);
    if let Some(sent_ms) = hand.with(|hand| hand.oldest_sent_ms()) {
        report::age(Blame::Nobody, sent_ms);
    }
    let duration_ms = millis(started.elapsed());
    tracing::info!(received, gone = gone.len(), not_served = left, duration_ms, "an invocation of the uploader ends");
    Response::new(ids, &gone)
}

impl<'a> Rounds<'a> {
    fn new(app: &'a App, hand: &'a InHand, time: Time) -> Self {
        Self {
            app,
            hand,
            time,
            under_way: FuturesUnordered::new(),
            serving: HashSet::new(),
            receiving: 0,
            tasks: 0,
            empty: 0,
            freed: false,
            received: 0,
            gone: HashSet::new(),
        }
    }

    async fn go_round(&mut self) {
        loop {
            self.start_tasks();
            self.start_receives();
            let Some(done) = self.under_way.next().await else { return };
            match done {
                Done::Received(Ok(messages)) => {
                    self.receiving -= 1;
                    self.empty = if messages.is_empty() { self.empty + 1 } else { 0 };
                    self.take(messages);
                }
                Done::Received(Err(error)) => {
                    self.receiving -= 1;
                    self.empty += 1;
                    tracing::warn!(%error, "queue messages could not be received; it is tried again");
                }
                Done::Served(connection, gone) => {
                    self.serving.remove(&connection);
                    self.ended(gone);
                }
                Done::GaveUp(messages, bytes, gone) => {
                    self.hand.with(|hand| hand.gave_up(messages, bytes));
                    self.ended(gone);
                }
            }
        }
    }

    fn ended(&mut self, gone: HashSet<String>) {
        self.tasks -= 1;
        self.freed |= !gone.is_empty();
        self.gone.extend(gone);
    }

    /// Takes messages in hand. Those that are not of this product become letters.
    fn take(&mut self, messages: Vec<Received>) {
        self.received += messages.len();
        let not_ours: Vec<_> = self.hand.with(|hand| {
            messages.into_iter().filter_map(|message| hand.add(message).err()).map(|message| *message).collect()
        });
        if !not_ours.is_empty() {
            let (app, until) = (self.app, self.time.deadline);
            let (messages, bytes) = (not_ours.len(), not_ours.iter().map(|message| message.body.len()).sum());
            let given_up = async move {
                Done::GaveUp(messages, bytes, give_up(not_ours, &app.queue, &app.dead_letters, until).await)
            };
            self.tasks += 1;
            self.under_way.push(given_up.boxed_local());
        }
    }

    /// Starts a task for each connection that has something in hand and none at work.
    fn start_tasks(&mut self) {
        if Instant::now() >= self.time.until {
            return;
        }
        let (app, hand, time) = (self.app, self.hand, self.time);
        let ready: Vec<_> = hand.with(|hand| hand.connections().filter(|of| !self.serving.contains(of)).collect());
        for connection in ready {
            self.serving.insert(connection);
            self.tasks += 1;
            let served = AssertUnwindSafe(app.serve(connection, hand, time)).catch_unwind();
            let task = served.map(move |gone| {
                let gone = gone.unwrap_or_else(|_| {
                    tracing::error!(
                        advertiser = %connection.advertiser, account = %connection.account,
                        "a fault in the uploader; the messages of a connection come back when their visibility ends"
                    );
                    metrics::counter!("panics").increment(1);
                    HashSet::new()
                });
                Done::Served(connection, gone)
            });
            self.under_way.push(task.boxed_local());
        }
    }

    /// Starts receives, unless enough is in hand, there is no time to serve more, or there seems to be nothing.
    fn start_receives(&mut self) {
        let until = self.time.until.checked_sub(LAST_RECEIVE).unwrap_or(self.time.until);
        let (messages, bytes) = self.hand.with(|hand| (hand.messages(), hand.bytes()));
        if Instant::now() >= until || messages >= MAX_MESSAGES || bytes >= MAX_BYTES {
            return;
        }
        // While something is under way, one receive after the other looks whether lanes became free.
        let wanted = match (self.empty >= EMPTY_RECEIVES, self.tasks > 0 || self.freed) {
            (true, false) => 0,
            (true, true) => 1,
            (false, _) => PARALLEL_RECEIVES,
        };
        for _ in self.receiving..wanted {
            self.receiving += 1;
            self.freed = false;
            self.under_way.push(receive(self.app, self.time.deadline).boxed_local());
        }
    }
}

/// Receives once. After a failure it waits as long as it would have for a message.
async fn receive(app: &App, deadline: Instant) -> Done {
    let received = app.queue.receive(visibility(deadline), RECEIVE_WAIT).await;
    if received.is_err() {
        sleep(RECEIVE_WAIT).await;
    }
    Done::Received(received)
}

/// The event's messages are this uploader's as long as it works. What cannot be renewed is not worked on, nor what is behind it in its lane.
async fn renew(app: &App, messages: Vec<Received>, deadline: Instant) -> Vec<Received> {
    let visibility = visibility(deadline);
    let changes: Vec<_> = messages.iter().map(|message| (message.receipt_handle.as_str(), visibility)).collect();
    let outcomes = app.queue.set_visibility(&changes).await;
    let mut lost = HashSet::new();
    let mut held = Vec::with_capacity(messages.len());
    for (message, outcome) in messages.into_iter().zip(outcomes) {
        if let Err(error) = outcome {
            tracing::warn!(%error, message_id = message.message_id, "a message of the event could not be kept; it comes back");
            lost.insert(message.group.clone());
        }
        if !lost.contains(&message.group) {
            held.push(message);
        }
    }
    held
}

fn visibility(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()) + MARGIN
}

/// Whether more messages wait than is good for the others: SQS looks for free lanes among the first 120,000 only.
async fn is_crowded(app: &App) -> bool {
    match app.queue.depth().await {
        Ok(depth) => {
            let waiting = depth.visible + depth.in_flight;
            metrics::gauge!("messages_waiting").set(u32::try_from(waiting).map_or(f64::MAX, f64::from));
            waiting > app.config.max_waiting
        }
        Err(error) => {
            tracing::warn!(%error, "how many messages wait on the queue is not known");
            false
        }
    }
}
