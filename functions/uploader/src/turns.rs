//! Whose turn it is to call TikTok. Calls keep an even pace, for all and for each advertiser. Every other turn goes to the connection that
//! was served longest ago, so that nobody waits for long; those between go to the one with the most in hand, so that calls are full. A call
//! that is small whatever is in hand has no part in those: a probe, a part of a divided call.
//!
//! With the first kind alone, one large customer among many small ones has few turns, and most calls carry a row or two.
//!
//! The pace lives as long as the process; whoever waits, waits within one invocation.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ids::{AdvertiserId, ConnectionId};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

/// When a connection was last served matters for so long.
const REMEMBERED: Duration = Duration::from_mins(10);

/// The turn does not come before the time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLate;

/// The turns of this process.
#[derive(Debug)]
pub struct Turns {
    /// Between two calls.
    app: Duration,
    /// Between two calls for one advertiser.
    advertiser: Duration,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    next: Instant,
    next_of: HashMap<AdvertiserId, Instant>,
    served: HashMap<ConnectionId, Instant>,
    waiting: Vec<Waiting>,
    /// The next turn goes by how much is in hand.
    by_size: bool,
}

#[derive(Debug)]
struct Waiting {
    connection: ConnectionId,
    by_size: bool,
    turn: oneshot::Sender<()>,
}

/// What to do about those that wait.
enum Next {
    Granted,
    At(Instant),
    Nobody,
}

impl Turns {
    /// At most so many calls a second, for all and for each advertiser.
    #[must_use]
    pub fn new(app: f64, advertiser: f64) -> Self {
        let period = |per_second: f64| Duration::from_secs_f64(1.0 / per_second.max(0.001));
        let state = State {
            next: Instant::now(),
            next_of: HashMap::new(),
            served: HashMap::new(),
            waiting: Vec::new(),
            by_size: false,
        };
        Self { app: period(app), advertiser: period(advertiser), state: Mutex::new(state), changed: Notify::new() }
    }

    /// Waits for a turn of `connection` for a call that holds as much as it can of what is in hand. It comes only while
    /// [`drive`](Self::drive) runs.
    ///
    /// # Errors
    /// [`TooLate`] if it does not come before `until`.
    pub async fn full_turn(&self, connection: ConnectionId, until: Instant) -> Result<(), TooLate> {
        self.wait(connection, true, until).await
    }

    /// The same for a small call, however much is in hand.
    ///
    /// # Errors
    /// [`TooLate`] if it does not come before `until`.
    pub async fn turn(&self, connection: ConnectionId, until: Instant) -> Result<(), TooLate> {
        self.wait(connection, false, until).await
    }

    async fn wait(&self, connection: ConnectionId, by_size: bool, until: Instant) -> Result<(), TooLate> {
        let (turn, mine) = oneshot::channel();
        self.with(|state| state.waiting.push(Waiting { connection, by_size, turn }));
        self.changed.notify_one();
        timeout_at(until, mine).await.map_err(|_| TooLate)?.map_err(|_| TooLate)
    }

    /// Gives out turns, for as long as it is polled. `in_hand` says how many bytes of a connection are in hand.
    pub async fn drive(&self, in_hand: impl Fn(ConnectionId) -> usize) {
        loop {
            let next = self.with(|state| state.serve(Instant::now(), self.app, self.advertiser, &in_hand));
            match next {
                Next::Granted => {}
                Next::Nobody => self.changed.notified().await,
                Next::At(time) => tokio::select! {
                    () = sleep_until(time) => {}
                    () = self.changed.notified() => {}
                },
            }
        }
    }

    /// Forgets whoever was not served for long. To be called between invocations.
    pub fn tidy(&self) {
        let now = Instant::now();
        self.with(|state| {
            state.waiting.clear();
            state.next_of.retain(|_, next| *next > now);
            state.served.retain(|_, at| *at + REMEMBERED > now);
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn serve(
        &mut self,
        now: Instant,
        app: Duration,
        advertiser: Duration,
        in_hand: impl Fn(ConnectionId) -> usize,
    ) -> Next {
        self.waiting.retain(|waiting| !waiting.turn.is_closed());
        if self.waiting.is_empty() {
            return Next::Nobody;
        }
        if self.next > now {
            return Next::At(self.next);
        }
        let free_at = |waiting: &Waiting| self.next_of.get(&waiting.connection.advertiser).copied().unwrap_or(now);
        // Of what is about as much, and where that does not count, whoever was served longest ago comes first, and of several that were
        // never served the one that waits longest: `min_by_key` takes the first.
        let rank = |waiting: &Waiting| {
            let by_size = self.by_size && waiting.by_size;
            let size = if by_size { in_hand(waiting.connection).checked_ilog2() } else { None };
            (Reverse(size), self.served.get(&waiting.connection).copied())
        };
        let free = self.waiting.iter().enumerate().filter(|(_, waiting)| free_at(waiting) <= now);
        let Some((index, _)) = free.min_by_key(|(_, waiting)| rank(waiting)) else {
            return self.waiting.iter().map(free_at).min().map_or(Next::Nobody, Next::At);
        };
        let Waiting { connection, turn, .. } = self.waiting.remove(index);
        if turn.send(()).is_ok() {
            self.next = now + app;
            self.next_of.insert(connection.advertiser, now + advertiser);
            self.served.insert(connection, now);
            self.by_size = !self.by_size;
        }
        Next::Granted
    }
}
