//! mParticle in front of one connection: it sends one message after the other, each until it is answered with success. That is the order
//! which the product promises to keep.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::plan::{Act, User};
use super::world::{LiveConnection, World, locked};
use crate::message::{self, Action, Audience, Profile};
use crate::mparticle::{Answer, Leak, Transport};
use crate::story::PATIENCE;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Does all that a connection's sender has to do, each act in its step or as soon as those before it are done.
pub(super) async fn send_all(world: &World<'_>, number: usize) -> Result<()> {
    for (step, act) in &world.plan.connections[number].acts {
        world.reach(*step).await;
        let done = match act {
            Act::Connect(audience) => connect(world, number, *audience).await,
            Act::Disconnect(audience) => disconnect(world, number, *audience).await,
            Act::Change(transport, users) => change(world, number, *transport, users).await,
            Act::Erase(transport, person) => erase(world, number, *transport, *person).await,
            Act::Verify => verify(world, number).await,
        };
        done.with_context(|| format!("connection {number}, step {step}"))?;
    }
    Ok(())
}

async fn connect(world: &World<'_>, number: usize, place: usize) -> Result<()> {
    let live = &world.connections[number];
    let audience = live.audiences()[place].clone();
    let request = || {
        // Where the page gave the connection a new token, the settings still hold the old one, which connects nothing.
        if let Some(token) = locked(&live.shown).take() {
            locked(&live.account).token = token;
        }
        message::subscription(&live.account(), &audience, "add")
    };
    let Some(answer) = by_hand(world, number, request).await? else {
        world.count("audiences that could not be connected any more", 1);
        return Ok(());
    };
    let id = answer["audience_subscription_settings"]["tiktokAudienceId"].as_str().context("no audience id")?;
    let connected = Audience { tiktok_id: Some(id.to_owned()), ..audience };
    locked(&world.model).knows(&connected);
    locked(&live.audiences)[place].audience = connected;
    world.count("audiences connected", 1);
    Ok(())
}

async fn disconnect(world: &World<'_>, number: usize, place: usize) -> Result<()> {
    let live = &world.connections[number];
    let audience = live.audiences()[place].clone();
    // From now on nobody can tell what of it is still carried out.
    locked(&live.audiences)[place].is_disconnected = true;
    let request = || message::subscription(&live.account(), &audience, "remove");
    by_hand(world, number, request).await?;
    world.count("audiences disconnected", 1);
    Ok(())
}

async fn change(world: &World<'_>, number: usize, transport: Transport, users: &[User]) -> Result<()> {
    let (live, people) = (&world.connections[number], &world.plan.connections[number].people);
    let (account, audiences, at_ms) = (live.account(), live.audiences(), message::now_ms());
    let profile = |user: &User| Profile {
        person: &people[user.person],
        changes: user.changes.iter().map(|(audience, action)| (&audiences[*audience], *action)).collect(),
    };
    let profiles: Vec<_> = users.iter().map(profile).collect();
    let request = message::membership_at(at_ms, &account, &profiles);
    locked(&world.model).apply_message(account.account_id, at_ms, &profiles);
    until_taken(world, transport, &request).await?;
    world.count("messages", 1);
    world.count("users in them", users.len() as u64);
    world.count("changes in them", profiles.iter().map(|profile| said(profile)).sum());
    Ok(())
}

fn said(profile: &Profile<'_>) -> u64 {
    profile.changes.iter().filter(|(_, action)| *action != Action::AttributeUpdate).count() as u64
}

async fn erase(world: &World<'_>, number: usize, transport: Transport, person: usize) -> Result<()> {
    let (live, person) = (&world.connections[number], &world.plan.connections[number].people[person]);
    let (identities, ids) = person.subject();
    let request_id = message::message_id();
    let request = message::erasure(Some(&live.account()), &request_id, &identities);
    let at_ms = request["timestamp_ms"].as_i64().context("a time")?;
    locked(&world.model).erase(at_ms, &fed_now(live), &ids);
    until_taken(world, transport, &request).await?;
    world.count("people forgotten", 1);
    Ok(())
}

fn fed_now(live: &LiveConnection) -> Vec<String> {
    let audiences = locked(&live.audiences);
    let fed = audiences.iter().filter(|known| !known.is_disconnected);
    fed.filter_map(|known| known.audience.tiktok_id.clone()).collect()
}

/// Asks whether the connection lives.
pub(super) async fn verify(world: &World<'_>, number: usize) -> Result<()> {
    let request = message::verification(&world.connections[number].account());
    until_taken(world, Transport::Http, &request).await?;
    world.count("verifications", 1);
    Ok(())
}

/// Connects or disconnects, as a person who tries again until it works; not where the token has ended and nobody authorizes again.
async fn by_hand(world: &World<'_>, number: usize, request: impl Fn() -> Value) -> Result<Option<Value>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let refusal = match until_answered(world, Transport::Http, &request()).await? {
            Answer::Response(response) => return Ok(Some(response)),
            Answer::Refused(refusal) => refusal,
        };
        let has_ended = !locked(&world.connections[number].revoked).is_empty();
        if world.plan.connections[number].is_never_healed && has_ended && refusal.error.code == "token_refused" {
            return Ok(None);
        }
        ensure!(Instant::now() < deadline, "connecting or disconnecting fails for {} s: {refusal}", PATIENCE.as_secs());
        world.count("connects and disconnects repeated", 1);
        sleep(LONGEST_PAUSE).await;
    }
}

async fn until_taken(world: &World<'_>, transport: Transport, request: &Value) -> Result<Value> {
    let response = until_answered(world, transport, request).await?.response()?;
    world.count("answers that ask to suspend", u64::from(response["suspend_subscription"] == true));
    Ok(response)
}

/// Sends a message until it has an answer other than "not now".
async fn until_answered(world: &World<'_>, transport: Transport, request: &Value) -> Result<Answer> {
    let (deadline, mut pause) = (Instant::now() + PATIENCE, FIRST_PAUSE);
    loop {
        let why = match world.stack.mparticle.send(transport, request).await {
            Ok(answer) if !answer.later() => return Ok(answer),
            Ok(answer) => {
                world.count("requests repeated: not now", 1);
                answer.refusal()?.to_string()
            }
            Err(error) if error.is::<Leak>() => return Err(error),
            Err(error) => {
                world.count("requests repeated: no answer", 1);
                format!("{error:#}")
            }
        };
        ensure!(Instant::now() < deadline, "it is not taken after {} s: {why}", PATIENCE.as_secs());
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
