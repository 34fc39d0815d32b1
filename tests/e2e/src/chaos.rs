//! Chaos: a seeded world through the real stack while everything fails that can. At its end TikTok holds what the model says, id by id, or
//! the difference is in a dead letter whose cause is true.
//!
//! [`plan`] makes the world of a seed; [`world`] brings it to life, [`sender`] is mParticle in front of it, [`failures`] makes things fail,
//! [`verdict`] looks at what became of it, and [`report`] tells people.

pub mod failures;
pub mod plan;
pub mod report;
pub mod sender;
pub mod verdict;
pub mod world;

use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::try_join_all;
use tokio::time::{Instant, sleep, timeout};

use crate::stack::{Options, Stack};
use crate::story::PATIENCE;
use plan::{Plan, Size};
use report::Report;
use verdict::Verdict;
use world::World;

/// How often each connection is verified meanwhile, as mParticle does from time to time.
const VERIFIED_EVERY: Duration = Duration::from_secs(5);
/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The stack for a chaotic world: whatever waits comes back soon, and what waits for a token is given up in this life.
#[must_use]
pub fn options(size: Size) -> Options {
    let max_age = if size == Size::Full { "100" } else { "86400" };
    Options::new()
        .with("TikTokCallsPerSecond", "40")
        .with("TikTokAdvertiserCallsPerSecond", "40")
        .with("EmailIdentities", "true")
        .with("UploaderTimeoutSeconds", "30")
        .with("TikTokTimeoutSeconds", "4")
        .with("TokenGraceSeconds", "5")
        .with("MessageMaxAgeSeconds", max_age)
}

/// Lives the world of this plan on the stack, and judges it: see [`Report::claim`]. `tell` gets a line of progress now and then.
///
/// # Errors
/// When the world could not be lived to its end.
pub async fn live(stack: &Stack, plan: Plan, tell: impl Fn(&str)) -> Result<Report> {
    let began = Instant::now();
    let world = World::create(stack, plan).await.context("the world could not be made")?;
    let told = async {
        loop {
            sleep(TOLD_EVERY).await;
            tell(&report::progress(&world).await);
        }
    };
    let lived = async {
        let senders = (0..world.connections.len()).map(|number| sender::send_all(&world, number));
        futures::try_join!(try_join_all(senders), failures::run(&world))?;
        let failing = began.elapsed();
        timeout(PATIENCE, drain(&world)).await.context("the queue is not empty long after all faults ended")??;
        Ok::<_, anyhow::Error>((failing, began.elapsed()))
    };
    let (failing, lasted) = tokio::select! {
        () = told => unreachable!("it is told without end"),
        lived = lived => lived?,
    };
    let mut verdict = Verdict::of(&world).await?;
    if let Err(disorder) = stack.in_order().await {
        verdict.add(format!("{disorder:#}"));
    }
    Ok(Report::new(&world, &verdict, failing, lasted))
}

/// Waits until nothing is on its way, and asks about each connection from time to time, as mParticle does.
async fn drain(world: &World<'_>) -> Result<()> {
    loop {
        for number in 0..world.connections.len() {
            sender::verify(world, number).await?;
        }
        let until = Instant::now() + VERIFIED_EVERY;
        while Instant::now() < until {
            if world.stack.queue.depth().await?.all() == 0 {
                return Ok(());
            }
            sleep(Duration::from_millis(250)).await;
        }
    }
}
