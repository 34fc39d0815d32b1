//! Who is served when, in a simulated time: many connections, few calls, one that hangs, one with a flood. A model of an invocation with
//! the real turns and the real hand; TikTok is a wait.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use envelope::GroupId;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use ids::ConnectionId;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep};
use uploader::hand::Hand;
use uploader::rounds::GATHERING;
use uploader::turns::Turns;

use crate::queue::Fifo;

/// Of an invocation of two minutes.
const CALLING: Duration = Duration::from_secs(105);
const MAX_MESSAGES: usize = 20_000;

fn connection(n: u32) -> ConnectionId {
    format!("{}.1", 7_000_000 + n).parse().unwrap()
}

/// A queue with `messages` of each of `connections`, in so many lanes.
fn flood(queue: &mut Fifo, connections: impl IntoIterator<Item = u32>, messages: u32, lanes: u32) {
    for n in connections {
        for message in 0..messages {
            let lane = u8::try_from(message % lanes).unwrap();
            queue.send(&GroupId { connection: connection(n), lane }, "{}".to_owned(), 0);
        }
    }
}

/// A process with one uploader in it.
struct Process {
    queue: RefCell<Fifo>,
    turns: Turns,
    random: RefCell<StdRng>,
    start: Instant,
    latency: fn(ConnectionId) -> Duration,
    /// After each of its calls a connection makes so many small ones: parts of it, which TikTok refused.
    parts: fn(ConnectionId) -> u32,
    /// When a call of each connection ended, in seconds since the start, and how many messages it told.
    served: RefCell<BTreeMap<ConnectionId, Vec<(u64, usize)>>>,
    /// How many small calls were made.
    small: RefCell<usize>,
}

enum Done {
    Received,
    Served(ConnectionId),
}

impl Process {
    fn new(calls_per_second: f64, latency: fn(ConnectionId) -> Duration) -> Self {
        Self {
            queue: RefCell::default(),
            turns: Turns::new(calls_per_second, calls_per_second),
            random: RefCell::new(StdRng::seed_from_u64(1)),
            start: Instant::now(),
            latency,
            parts: |_| 0,
            served: RefCell::default(),
            small: RefCell::default(),
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_secs()
    }

    /// One invocation: receives and tasks side by side until its time is up or nothing is left.
    async fn invoke(&self) {
        let until = Instant::now() + CALLING;
        let hand = RefCell::new(Hand::default());
        tokio::select! {
            () = self.rounds(until, &hand) => {}
            () = self.turns.drive(|connection| hand.borrow().bytes_of(connection)) => {}
        }
        self.turns.tidy();
        // What was not served comes back when its visibility ends.
        sleep(until + Duration::from_secs(21) - Instant::now()).await;
    }

    async fn rounds(&self, until: Instant, hand: &RefCell<Hand>) {
        let (mut serving, mut empty) = (HashSet::new(), 0);
        let mut under_way = FuturesUnordered::new();
        under_way.push(self.receive(hand, until).boxed_local());
        while let Some(done) = under_way.next().await {
            match done {
                Done::Received if Instant::now() < until => {
                    let received = hand.borrow().messages();
                    empty = if received == 0 { empty + 1 } else { 0 };
                    if empty < 3 {
                        under_way.push(self.receive(hand, until).boxed_local());
                    }
                }
                Done::Received => {}
                Done::Served(connection) => {
                    serving.remove(&connection);
                }
            }
            let ready: Vec<_> = hand.borrow().connections().filter(|of| serving.insert(*of)).collect();
            for connection in ready.into_iter().filter(|_| Instant::now() < until) {
                under_way.push(self.serve(connection, hand, until).boxed_local());
            }
        }
    }

    /// An answer takes 10 ms; where there is nothing, SQS waits for a second.
    async fn receive(&self, hand: &RefCell<Hand>, until: Instant) -> Done {
        let visibility = (until - Instant::now()).as_secs() + 20;
        let is_full = hand.borrow().messages() >= MAX_MESSAGES;
        let messages = if is_full {
            Vec::new()
        } else {
            self.queue.borrow_mut().receive(self.now(), visibility, &mut self.random.borrow_mut())
        };
        sleep(Duration::from_millis(if messages.is_empty() { 1_000 } else { 10 })).await;
        for message in messages {
            hand.borrow_mut().add(message).unwrap();
        }
        Done::Received
    }

    async fn serve(&self, connection: ConnectionId, hand: &RefCell<Hand>, until: Instant) -> Done {
        sleep(GATHERING).await;
        if self.turns.full_turn(connection, until).await.is_ok() {
            let work = hand.borrow_mut().take(connection);
            sleep((self.latency)(connection).min(until - Instant::now())).await;
            for _ in 0..(self.parts)(connection) {
                if self.turns.turn(connection, until).await.is_ok() {
                    *self.small.borrow_mut() += 1;
                    sleep((self.latency)(connection).min(until - Instant::now())).await;
                }
            }
            if Instant::now() < until {
                self.served.borrow_mut().entry(connection).or_default().push((self.now(), work.len()));
                for (_, message) in work.messages() {
                    self.queue.borrow_mut().delete(message, self.now()).unwrap();
                }
            }
            hand.borrow_mut().settled(&work);
        }
        Done::Served(connection)
    }

    fn calls(&self, n: u32) -> Vec<(u64, usize)> {
        self.served.borrow().get(&connection(n)).cloned().unwrap_or_default()
    }
}

/// Every other turn goes round, so that everybody has at least half of what is everybody's part.
fn assert_nobody_loses_half(calls: &[usize]) {
    let least = calls.iter().min().unwrap();
    assert!(least * 2 * calls.len() >= calls.iter().sum(), "{calls:?}");
}

fn quick(_: ConnectionId) -> Duration {
    Duration::from_millis(450)
}

#[tokio::test(start_paused = true)]
async fn of_sixty_connections_with_few_calls_each_is_served_again_and_again() {
    let process = Process::new(0.5, quick);
    flood(&mut process.queue.borrow_mut(), 0..60, 2_000, 16);
    for _ in 0..8 {
        process.invoke().await;
    }
    let calls: Vec<_> = (0..60).map(|n| process.calls(n).len()).collect();
    assert!(calls.iter().all(|calls| *calls >= 3), "{calls:?}");
    assert_nobody_loses_half(&calls);
}

#[tokio::test(start_paused = true)]
async fn one_with_much_in_hand_among_forty_with_little_is_called_for_as_soon_as_its_last_call_ended_and_nobody_loses_half()
 {
    let process = Process::new(8.0, quick);
    flood(&mut process.queue.borrow_mut(), [0], 20_000, 16);
    // Nobody gets more than ten messages of a lane at a time.
    flood(&mut process.queue.borrow_mut(), 1..41, 2_000, 1);
    process.invoke().await;
    let calls: Vec<_> = (0..41).map(|n| process.calls(n).len()).collect();
    let large = calls.first().unwrap();
    // One of its calls after the other: 100 ms of gathering, the turn, 450 ms.
    assert!(*large >= 80, "{calls:?}");
    assert_nobody_loses_half(&calls);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_hangs_among_fifty_delays_nobody() {
    let serve = async |latency: fn(ConnectionId) -> Duration| {
        let process = Process::new(4.0, latency);
        flood(&mut process.queue.borrow_mut(), 0..50, 2_000, 16);
        process.invoke().await;
        (1..50).map(|n| process.calls(n)).collect::<Vec<_>>()
    };
    let without = serve(quick).await;
    let with = serve(|of| if of == connection(0) { Duration::from_secs(30) } else { quick(of) }).await;
    let told = |calls: &[Vec<(u64, usize)>]| calls.iter().flatten().map(|(_, messages)| messages).sum::<usize>();
    assert!(told(&with) * 20 >= told(&without) * 19, "{} messages, and {}", told(&with), told(&without));
    for (with, without) in with.iter().zip(&without) {
        let first = |calls: &[(u64, usize)]| calls.first().unwrap().0;
        assert!(first(with) <= first(without) + 15, "within one turn of all: {with:?}, {without:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_twenty_thousand_messages_of_one_connection_does_not_hold_up_another_one() {
    let process = Process::new(4.0, quick);
    flood(&mut process.queue.borrow_mut(), [0], 20_000, 16);
    flood(&mut process.queue.borrow_mut(), [1], 1, 16);
    process.invoke().await;
    let first = process.calls(1).first().copied();
    assert!(first.is_some_and(|(seconds, _)| seconds <= 3), "{first:?}");
    assert!(process.calls(0).len() > 40, "the flood is worked off meanwhile");
}

#[tokio::test(start_paused = true)]
async fn one_whose_calls_are_divided_has_no_more_turns_for_their_parts_than_anybody_has() {
    for others in [20, 40, 80] {
        let mut process = Process::new(8.0, quick);
        process.parts = |of| if of == connection(0) { 400 } else { 0 };
        flood(&mut process.queue.borrow_mut(), [0], 20_000, 16);
        flood(&mut process.queue.borrow_mut(), 1..=others, 2_000, 1);
        process.invoke().await;
        let mut calls: Vec<_> = (1..=others).map(|n| process.calls(n).len()).collect();
        let small = *process.small.borrow();
        assert!(calls.iter().any(|calls| small <= *calls), "{small} small calls, and {calls:?}");
        calls.push(small);
        assert_nobody_loses_half(&calls);
    }
}
