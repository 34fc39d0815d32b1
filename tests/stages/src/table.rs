//! The figures on standard output.

#![expect(clippy::print_stdout, reason = "the figures are what the command is for")]

use crate::input::USERS;
use crate::measured::{Measured, Stages};

/// The most times the floor, and the most times owned serde, that both stages are to take.
const AIMS: [f64; 2] = [4.0, 0.5];
/// The aims are for messages of so many users.
const AIMED_AT: u32 = 100;

pub(crate) fn print(all: &[Measured]) {
    println!("Nanoseconds of CPU time for each user, from mParticle's bytes to the bodies of TikTok's calls");
    println!("({USERS} users, the fastest rounds; product and owned serde tell TikTok the same rows)\n");
    println!("  users a message                ingest  uploader    both  product takes");
    for measured in all {
        line(&measured.users.to_string(), "product", measured.product, "");
        line("", "floor", measured.floor, &format!("{:.2} times this", of_floor(measured)));
        line("", "owned serde", measured.owned, &format!("{:.2} times this", of_owned(measured)));
    }
    println!();
    println!("  floor        scans what comes in, hashes the ids in both stages, copies what goes out");
    println!("  owned serde  derived structs of String and Vec, HashMap for the newest change");
    if let Some(aimed) = all.iter().find(|measured| measured.users == AIMED_AT) {
        aims(aimed);
    }
}

fn line(users: &str, way: &str, stages: Stages, times: &str) {
    let Stages { ingest, uploader } = stages;
    println!("  {users:>15}  {way:<11}  {ingest:>8.0}  {uploader:>8.0}  {:>6.0}  {times}", stages.both());
}

fn aims(measured: &Measured) {
    let [floor, owned] = AIMS;
    println!("\n  at {AIMED_AT} users a message      aim  figure");
    aim("times the floor", floor, of_floor(measured));
    aim("times owned serde", owned, of_owned(measured));
    let once = measured.product.both() / measured.hashed_once.both();
    println!("  Beside a floor that hashes each id in one stage alone the product takes {once:.2} times as long.");
}

fn aim(what: &str, at_most: f64, figure: f64) {
    let met = if figure <= at_most { "met" } else { "not met" };
    println!("  {what:<24} {at_most:>5.2}  {figure:>6.2}  {met}");
}

fn of_floor(measured: &Measured) -> f64 {
    measured.product.both() / measured.floor.both()
}

fn of_owned(measured: &Measured) -> f64 {
    measured.product.both() / measured.owned.both()
}
