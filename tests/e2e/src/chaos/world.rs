//! The world of a plan as it lives: its customers at TikTok, what mParticle knows of them, what TikTok must hold, and what happened so far.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use sandbox::control::PersonChange;
use sandbox::{RateLimits, Rules};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, sleep_until};

use super::plan::{Owner, Plan};
use crate::cloud::{AwsFault, AwsFaultKind};
use crate::customers::Customer;
use crate::identity::Expected;
use crate::message::{Account, Audience};
use crate::model::Model;
use crate::stack::Stack;

/// How long a step lasts.
const STEP: Duration = Duration::from_secs(1);

/// A world that lives.
#[derive(Debug)]
pub struct World<'s> {
    /// The stack that it lives on.
    pub stack: &'s Stack,
    /// What it is made of.
    pub plan: Plan,
    /// The ids of the advertisers at TikTok.
    pub advertisers: Vec<String>,
    /// The configurations, in the order of the plan.
    pub connections: Vec<LiveConnection>,
    /// What TikTok must hold.
    pub model: Mutex<Model>,
    /// What happened, by name.
    pub counts: Mutex<BTreeMap<String, u64>>,
    /// The number of the fault that only counts what the uploader sends to the queue that it reads.
    pub feedback_fault: u64,
    /// Held while an uploader stands still.
    pub uploader_stands: AsyncMutex<()>,
    began: Instant,
}

/// A configuration that lives.
pub struct LiveConnection {
    /// The configuration, with the token that mParticle sends.
    pub account: Mutex<Account>,
    /// Who authorizes.
    pub person: String,
    /// The token that the page showed last, in case it has to be pasted.
    pub shown: Mutex<Option<String>>,
    /// Its audiences, in the order of the plan.
    pub audiences: Mutex<Vec<Known>>,
    /// Its tokens that were revoked.
    pub revoked: Mutex<BTreeSet<String>>,
}

/// Without the tokens.
impl std::fmt::Debug for LiveConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveConnection").field("person", &self.person).finish_non_exhaustive()
    }
}

/// An audience that mParticle knows.
#[derive(Clone, Debug)]
pub struct Known {
    /// As mParticle knows it.
    pub audience: Audience,
    /// Whether it was disconnected.
    pub is_disconnected: bool,
    /// Whether somebody deleted it at TikTok.
    pub is_deleted: bool,
}

/// What is behind a lock, whoever panicked.
pub fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'s> World<'s> {
    /// Makes everybody at TikTok.
    pub(super) async fn create(stack: &'s Stack, plan: Plan) -> Result<Self> {
        let rules = stack.tiktok.rules().await?;
        // Five times as many calls as at TikTok, and no limit of a minute: a world of five minutes does not outlive its stop of five.
        let app_limits = RateLimits::a_second(50);
        stack.tiktok.set_rules(&Rules { app_limits, one_hash_family: false, seed: plan.seed, ..rules }).await?;
        let mut customers = Vec::new();
        for number in 0..plan.advertisers {
            customers.push(stack.customer(&format!("Advertiser {number}")).await?);
        }
        let connections = connections(stack, &plan, &customers).await?;
        let watch = AwsFault::sqs(AwsFaultKind::Slow(0)).on("SendMessageBatch").of_resource("-changes.fifo");
        let feedback_fault = stack.cloud.fault(&watch.by("uploader")).await?;
        for connection in &plan.connections {
            for (person, code) in &connection.refused {
                if let Some(Expected::Uploaded(_, hash)) =
                    connection.people[*person].devices.first().map(|id| &id.expected)
                {
                    stack.tiktok.poison(hash, *code, "id is not acceptable").await?;
                }
            }
        }
        let advertisers = customers.into_iter().map(|customer| customer.account.advertiser_id).collect();
        let (model, counts) = (Mutex::default(), Mutex::default());
        Ok(Self {
            stack,
            plan,
            advertisers,
            connections,
            model,
            counts,
            feedback_fault,
            uploader_stands: AsyncMutex::default(),
            began: Instant::now(),
        })
    }

    /// Waits until a step begins.
    pub async fn reach(&self, step: u32) {
        sleep_until(self.began + STEP * step).await;
    }

    /// Whether all steps are over.
    pub fn is_over(&self) -> bool {
        self.step() >= u64::from(self.plan.steps)
    }

    /// How long ago the last step ended.
    pub fn late(&self) -> Duration {
        self.began.elapsed().saturating_sub(STEP * self.plan.steps)
    }

    /// The step that it is now.
    pub fn step(&self) -> u64 {
        self.began.elapsed().as_secs().min(u64::from(self.plan.steps))
    }

    /// Counts something that happened.
    pub fn count(&self, what: &str, times: u64) {
        *locked(&self.counts).entry(what.to_owned()).or_default() += times;
    }

    /// How often something happened.
    pub fn counted(&self, what: &str) -> u64 {
        locked(&self.counts).get(what).copied().unwrap_or_default()
    }

    /// The ids of audiences that were deleted, by whomever.
    pub fn gone(&self) -> BTreeSet<String> {
        let mut gone = BTreeSet::new();
        for live in &self.connections {
            let audiences = locked(&live.audiences);
            let is_gone = audiences.iter().filter(|known| known.is_disconnected || known.is_deleted);
            gone.extend(is_gone.filter_map(|known| known.audience.tiktok_id.clone()));
        }
        gone
    }
}

async fn connections(stack: &Stack, plan: &Plan, customers: &[Customer]) -> Result<Vec<LiveConnection>> {
    let agency = agency(stack, plan, customers).await?;
    let mut all = Vec::new();
    for connection in &plan.connections {
        let customer = &customers[connection.advertiser];
        let Customer { account, person } = match connection.owner {
            Owner::Admin => {
                let account = stack.another_configuration(&customer.account);
                Customer { account, person: customer.person.clone() }
            }
            Owner::Colleague => stack.colleague(customer).await?,
            Owner::Agency => {
                let (person, token) = agency.clone().context("an agency")?;
                let account = Account { token, ..stack.another_configuration(&customer.account) };
                Customer { account, person }
            }
        };
        let audiences = (1..).zip(&connection.audiences).map(|(audience_id, lifetime)| {
            let name = format!("Audience {audience_id}");
            let audience = Audience { audience_id, name, by_email: lifetime.by_email, tiktok_id: None };
            Known { audience, is_disconnected: false, is_deleted: false }
        });
        let (audiences, revoked) = (Mutex::new(audiences.collect()), Mutex::default());
        all.push(LiveConnection { account: Mutex::new(account), person, shown: Mutex::default(), audiences, revoked });
    }
    Ok(all)
}

/// The person of the agency, with one token for all its advertisers.
async fn agency(stack: &Stack, plan: &Plan, customers: &[Customer]) -> Result<Option<(String, String)>> {
    let fed = plan.connections.iter().filter(|connection| connection.owner == Owner::Agency);
    let fed: Vec<_> = fed.map(|connection| &customers[connection.advertiser]).collect();
    let Some(first) = fed.first() else { return Ok(None) };
    let advertisers = fed.iter().map(|customer| customer.account.advertiser_id.clone()).collect();
    let reach = PersonChange { advertisers: Some(advertisers), ..PersonChange::default() };
    stack.tiktok.change_person(&first.person, &reach).await?;
    Ok(Some((first.person.clone(), stack.new_token(&first.person).await?)))
}

impl LiveConnection {
    /// The configuration as mParticle has it now.
    pub fn account(&self) -> Account {
        locked(&self.account).clone()
    }

    /// The audiences as mParticle knows them now.
    pub fn audiences(&self) -> Vec<Audience> {
        locked(&self.audiences).iter().map(|known| known.audience.clone()).collect()
    }
}
