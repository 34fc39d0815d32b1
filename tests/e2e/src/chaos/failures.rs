//! Makes things fail, step by step, as the plan says; and makes what happens once happen for sure: a kill waits for a process to kill, a
//! deletion for its audience, a person who authorizes tries again.

mod faults;
mod lambda;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde_json::Value;
use tokio::time::sleep;

use super::plan::{CATALOG, Event, PlannedFault};
use super::world::{World, locked};
use crate::consent::TICKED;
use crate::story::{PATIENCE, until};

/// How soon is tried again what could not happen yet.
const AGAIN: Duration = Duration::from_millis(300);

/// For how long, after the last step, a fault goes on that has hit nothing yet.
const HITS_LATE: Duration = Duration::from_secs(40);

/// Runs all steps, and goes on until all that was planned has happened.
pub(super) async fn run(world: &World<'_>) -> Result<()> {
    let faults = world.plan.faults.iter().map(|fault| run_fault(world, fault));
    let chains = chains(world);
    let chains = chains.into_iter().map(|chain| run_events(world, chain));
    futures::try_join!(try_join_all(faults), try_join_all(chains)).map(drop)
}

/// A fault from its begin to its end, and until it has hit something: what never fires proves nothing.
async fn run_fault(world: &World<'_>, fault: &PlannedFault) -> Result<()> {
    world.reach(fault.from).await;
    let on = faults::begin(world, fault).await.with_context(|| format!("beginning {}", fault.kind))?;
    world.reach(fault.until).await;
    while on.hits(world).await? == 0 && world.late() < HITS_LATE {
        sleep(AGAIN).await;
    }
    world.count(fault.kind, on.hits(world).await?);
    on.end(world).await.with_context(|| format!("ending {}", fault.kind))
}

/// What happens to one token happens in its order; everything else does not wait for anything.
fn chains(world: &World<'_>) -> Vec<Vec<(u32, Event)>> {
    let (mut of_tokens, mut others) = (BTreeMap::<&str, Vec<_>>::new(), Vec::new());
    for (step, event) in &world.plan.events {
        match event {
            Event::Revoke(number) | Event::Authorize(number) | Event::Paste(number) => {
                of_tokens.entry(&world.connections[*number].person).or_default().push((*step, *event));
            }
            Event::Kill(_) | Event::TimeOut | Event::ColdStart(_) | Event::Redeploy(_) | Event::DeleteAudience(..) => {
                others.push(vec![(*step, *event)]);
            }
        }
    }
    of_tokens.into_values().chain(others).collect()
}

async fn run_events(world: &World<'_>, chain: Vec<(u32, Event)>) -> Result<()> {
    for (step, event) in chain {
        world.reach(step).await;
        while !try_event(world, event).await.with_context(|| format!("{event:?}"))? {
            // When all is over nobody may be at work any more whom one could kill or stop.
            if matches!(event, Event::Kill(_) | Event::TimeOut) && world.is_over() {
                break;
            }
            ensure!(world.late() < PATIENCE, "{event:?} cannot happen");
            sleep(AGAIN).await;
        }
    }
    Ok(())
}

/// Lets something happen; false if it cannot yet.
async fn try_event(world: &World<'_>, event: Event) -> Result<bool> {
    let ends_uploader =
        matches!(event, Event::Kill("uploader") | Event::ColdStart("uploader") | Event::Redeploy("uploader"));
    let _turn = if ends_uploader { Some(world.uploader_stands.lock().await) } else { None };
    match event {
        Event::Kill(function) => {
            let killed = world.stack.cloud.kill(function).await?;
            world.count(&format!("lambda: {function} killed at work"), killed);
            Ok(killed > 0)
        }
        Event::TimeOut => time_out(world).await,
        Event::ColdStart(function) => {
            let killed = world.stack.cloud.restart(function).await?;
            world.count(&format!("lambda: {function} started cold"), killed.max(1));
            Ok(true)
        }
        Event::Redeploy(function) => {
            lambda::redeploy(world, function).await?;
            world.count(&format!("lambda: {function} deployed anew"), 1);
            Ok(true)
        }
        Event::DeleteAudience(number, place) => delete_audience(world, number, place).await,
        Event::Revoke(number) => revoke(world, number).await,
        Event::Authorize(number) => authorize(world, number).await,
        Event::Paste(number) => paste(world, number).await,
    }
}

/// An uploader ends in time by itself, whatever is slow: what times out has to stand still, and nothing else may end it first.
async fn time_out(world: &World<'_>) -> Result<bool> {
    let cloud = &world.stack.cloud;
    let _undisturbed = world.uploader_stands.lock().await;
    let before = cloud.timed_out("uploader").await?;
    if cloud.stop("uploader").await? == 0 {
        return Ok(false);
    }
    until("what stands still has timed out", async || Ok(cloud.timed_out("uploader").await? > before)).await?;
    world.count("lambda: uploader timed out", cloud.timed_out("uploader").await? - before);
    Ok(true)
}

async fn delete_audience(world: &World<'_>, number: usize, place: usize) -> Result<bool> {
    let Some(id) = world.connections[number].audiences()[place].tiktok_id.clone() else { return Ok(false) };
    locked(&world.connections[number].audiences)[place].is_deleted = true;
    world.stack.tiktok.delete_audience(&id).await?;
    world.count("tiktok: an audience is deleted by hand", 1);
    Ok(true)
}

/// The token that the connection has by now.
async fn token_in_use(world: &World<'_>, number: usize) -> Option<String> {
    let connection = world.stack.connection(&world.connections[number].account()).await.ok()?;
    connection["token"].as_str().map(str::to_owned)
}

async fn revoke(world: &World<'_>, number: usize) -> Result<bool> {
    let Some(token) = token_in_use(world, number).await else { return Ok(false) };
    world.stack.tiktok.revoke(&token).await?;
    let person = &world.connections[number].person;
    for live in world.connections.iter().filter(|live| live.person == *person) {
        locked(&live.revoked).insert(token.clone());
    }
    world.count("token: revoked", 1);
    Ok(true)
}

/// Authorizes until the page has given the connection its new token.
async fn authorize(world: &World<'_>, number: usize) -> Result<bool> {
    let person = &world.connections[number].person;
    let page = world.stack.authorize(person, &TICKED).await;
    let Ok(shown) = page.and_then(|page| page.authorized()) else {
        world.count("authorizations tried again", 1);
        return Ok(false);
    };
    for live in world.connections.iter().filter(|live| live.person == *person) {
        *locked(&live.shown) = Some(shown.token.clone());
    }
    let live = &world.connections[number];
    let is_healed = token_in_use(world, number).await.is_some_and(|token| !locked(&live.revoked).contains(&token));
    world.count(if is_healed { "token: healed by the page" } else { "authorizations tried again" }, 1);
    Ok(is_healed)
}

async fn paste(world: &World<'_>, number: usize) -> Result<bool> {
    let live = &world.connections[number];
    let token = world.stack.new_token(&live.person).await?;
    locked(&live.account).token = token;
    world.count("token: pasted anew", 1);
    Ok(true)
}

/// What must have happened at least once in a full world, besides each kind of fault.
pub(super) const EVENTS: [&str; 11] = [
    "lambda: ingest killed at work",
    "lambda: uploader killed at work",
    "lambda: uploader timed out",
    "lambda: ingest started cold",
    "lambda: uploader started cold",
    "lambda: ingest deployed anew",
    "lambda: uploader deployed anew",
    "tiktok: an audience is deleted by hand",
    "token: revoked",
    "token: healed by the page",
    "token: pasted anew",
];

/// The kinds of faults and of events that never hit anything, though the plan has them.
pub(super) fn never_fired(world: &World<'_>) -> Vec<&'static str> {
    let planned = |name: &str| world.plan.faults.iter().any(|fault| fault.kind == name);
    let faults = CATALOG.iter().map(|kind| kind.name).filter(|name| planned(name));
    faults.chain(EVENTS).filter(|name| world.counted(name) == 0).collect()
}

/// A number of a JSON answer.
fn number(of: &Value, name: &str) -> Result<u64> {
    of[name].as_u64().with_context(|| format!("no {name} in {of}"))
}
