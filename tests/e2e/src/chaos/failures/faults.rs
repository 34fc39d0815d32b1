//! Faults set and taken back, and how often they hit.

use anyhow::Result;
use reqwest::StatusCode;
use sandbox::Rules;
use sandbox::control::ControlError;

use super::lambda;
use crate::chaos::plan::{Injection, PlannedFault};
use crate::chaos::world::World;
use crate::cloud::{AwsFault, AwsFaultKind};

/// What is counted when an audience was connected, which a list that lags makes harder.
const CONNECTED: &str = "audiences connected";

/// A fault that is on.
pub(super) enum On {
    TikTok(u64),
    Aws(u64),
    /// With the audiences that were connected before.
    LaggingList(u64),
    /// With the time-out that the function had, the fault that makes it late, and what had timed out before.
    ShortTimeout {
        function: &'static str,
        seconds: u64,
        slow: u64,
        before: u64,
    },
}

/// Sets a fault.
pub(super) async fn begin(world: &World<'_>, fault: &PlannedFault) -> Result<On> {
    Ok(match &fault.injection {
        Injection::TikTok(planned) => {
            let mut planned = planned.clone();
            planned.advertiser_id = fault.advertiser.map(|number| world.advertisers[number].clone());
            On::TikTok(world.stack.tiktok.fault(planned).await?)
        }
        Injection::Aws(planned) => On::Aws(world.stack.cloud.fault(planned).await?),
        Injection::LaggingList => {
            lag(world, 3_000, 60_000).await?;
            On::LaggingList(world.counted(CONNECTED))
        }
        Injection::ShortTimeout(function) => {
            let slow = AwsFault::secrets(AwsFaultKind::Slow(1_500)).by(function);
            let (slow, before) = (world.stack.cloud.fault(&slow).await?, world.stack.cloud.timed_out(function).await?);
            let seconds = lambda::set_timeout(world, function, 1).await?;
            On::ShortTimeout { function, seconds, slow, before }
        }
    })
}

impl On {
    /// How many calls it has hit.
    pub(super) async fn hits(&self, world: &World<'_>) -> Result<u64> {
        Ok(match self {
            Self::TikTok(number) => world.stack.tiktok.fault_hits(*number).await?,
            Self::Aws(number) => world.stack.cloud.fault_hits(*number).await?,
            Self::LaggingList(before) => world.counted(CONNECTED) - before,
            Self::ShortTimeout { function, before, .. } => world.stack.cloud.timed_out(function).await? - before,
        })
    }

    /// Takes it back.
    pub(super) async fn end(self, world: &World<'_>) -> Result<()> {
        match self {
            Self::TikTok(number) => match world.stack.tiktok.clear_fault(number).await {
                // It had so many calls to hit, and hit them.
                Err(ControlError::Refused { status: StatusCode::NOT_FOUND, .. }) | Ok(()) => Ok(()),
                Err(error) => Err(error.into()),
            },
            Self::Aws(number) => world.stack.cloud.clear_fault(number).await.map(drop),
            Self::LaggingList(_) => lag(world, 0, 0).await,
            Self::ShortTimeout { function, seconds, slow, .. } => {
                lambda::set_timeout(world, function, seconds).await?;
                world.stack.cloud.clear_fault(slow).await.map(drop)
            }
        }
    }
}

async fn lag(world: &World<'_>, creation_shows_after_ms: u64, deletion_shows_after_ms: u64) -> Result<()> {
    let rules = world.stack.tiktok.rules().await?;
    let lagging = Rules { creation_shows_after_ms, deletion_shows_after_ms, ..rules };
    Ok(world.stack.tiktok.set_rules(&lagging).await?)
}
