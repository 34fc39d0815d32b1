//! `make bench`: CPU time of both stages, from Firehose bytes to envelopes and from envelopes to the bodies of TikTok's calls, beside the least
//! that any program does and beside what one would write first. No I/O, no waiting. A missed aim fails nothing: these are figures of this machine.

mod calls;
mod cpu;
mod floor;
mod input;
mod measured;
mod owned;
mod product;
mod table;

use clap::{Parser, value_parser};

/// CPU time for each user, from mParticle's bytes to the bodies of TikTok's calls.
#[derive(Parser)]
struct Arguments {
    /// Rounds, of which the fastest one of each stage counts.
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(1..))]
    rounds: u32,
    /// Users of each message.
    #[arg(default_values_t = [1, 100, 1_000], value_parser = value_parser!(u32).range(1..))]
    users: Vec<u32>,
}

fn main() -> anyhow::Result<()> {
    let Arguments { rounds, users } = Arguments::parse();
    let measured: Vec<_> =
        users.into_iter().map(|users| measured::measure(users, rounds)).collect::<anyhow::Result<_>>()?;
    table::print(&measured);
    Ok(())
}
