//! Everything fails at once: the short form of `make chaos`, with a seed of its own.

use anyhow::Result;
use e2e::chaos::plan::Plan;
use e2e::chaos::{live, options};
use e2e::story;

const SEED: u64 = 41;
const STEPS: u32 = 30;

pub(crate) async fn a_minute_of_chaos_ends_as_the_model_says_or_in_true_letters() -> Result<()> {
    let plan = Plan::new(SEED, STEPS);
    story(options(plan.size), async |stack| live(stack, plan, |_| ()).await?.claim()).await
}
