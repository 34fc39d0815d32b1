//! What follows the exchange: whose token it is, which accounts it covers, what stands in the way of each.
//!
//! The token is in hand already and must be shown, so nothing here fails: what is not known in time stays unknown.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::future::join_all;
use futures::stream::{self, FuturesUnordered, StreamExt};
use ids::AdvertiserId;
use secrecy::SecretString;
use secrets::Record;
use tiktok::{Advertiser, AppCredentials, Failure, Grant, Meaning};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::App;
use crate::repair::Repair;
use crate::standing::Standing;

/// `advertiser/info/` takes this many ids a call.
const DETAILS_PER_CALL: usize = 100;
/// Records read at a time.
const RECORDS_AT_ONCE: usize = 16;
/// Accounts that are probed, not counting those that are connected already.
const PROBED: usize = 20;

/// An advertiser account that the token covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: AdvertiserId,
    /// As somebody typed it; empty if TikTok did not say.
    pub(crate) name: String,
    pub(crate) standing: Standing,
    pub(crate) repair: Repair,
}

/// What is known of an authorisation, besides the token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// By name, those that something stands in the way of last.
    pub(crate) accounts: Vec<Account>,
    /// Whether TikTok said which accounts there are.
    pub(crate) accounts_known: bool,
    /// Whether the permission to manage audiences was granted.
    pub(crate) permission: bool,
    /// The permissions that were granted, as TikTok's numbers.
    pub(crate) scopes: Vec<u64>,
    /// What could not be found out, and why. Safe to log.
    pub(crate) faults: Vec<String>,
}

/// A token, and whose it is.
#[derive(Clone, Copy)]
struct Granted<'a> {
    token: &'a SecretString,
    user: Option<&'a str>,
    permission: bool,
}

/// What a look at one account found.
struct Looked {
    id: AdvertiserId,
    standing: Standing,
    repair: Repair,
    fault: Option<String>,
}

impl Looked {
    /// A connected account for which there was no time.
    fn unfinished(id: AdvertiserId) -> Self {
        let fault = Some("no time left to look at a connected account".to_owned());
        Self { id, standing: Standing::Unchecked, repair: Repair::Failed, fault }
    }
}

impl App {
    /// Looks into what was granted, and heals the connections that it covers.
    pub(crate) async fn check(&self, app: &AppCredentials, grant: &Grant) -> Findings {
        let deadline = Instant::now() + self.config.patience.checks;
        let token = &grant.access_token;
        let mut faults = Vec::new();
        let (named, user) = tokio::join!(self.checking.authorised_advertisers(app, token), self.checking.user(token));
        let user = user.map_err(|fault| faults.push(fault.to_string())).ok().map(|answer| answer.data.core_user_id);
        let named = named.map_err(|fault| faults.push(fault.to_string())).ok().map(|answer| answer.data);

        let mut accounts = merge(&grant.advertiser_ids, named.as_deref().unwrap_or_default());
        let ids: Vec<_> = accounts.iter().map(|account| account.id).collect();
        let permission = self.config.audience_scopes.are_met_by(&grant.scope);
        let granted = Granted { token, user: user.as_deref(), permission };
        let (details, looked) = tokio::join!(self.details(token, &ids, deadline), self.look(granted, &ids, deadline));
        faults.extend(details.1);
        complete(&mut accounts, &details.0, looked, &mut faults);
        Findings {
            accounts_known: named.is_some() || !accounts.is_empty(),
            accounts,
            permission,
            scopes: grant.scope.clone(),
            faults,
        }
    }

    /// Status and kind of each account, as far as they are known in time, and the faults that were met.
    async fn details(
        &self,
        token: &SecretString,
        ids: &[AdvertiserId],
        deadline: Instant,
    ) -> (HashMap<AdvertiserId, Advertiser>, Vec<String>) {
        let calls = ids.chunks(DETAILS_PER_CALL).map(|ids| timeout_at(deadline, self.checking.advertisers(token, ids)));
        let (mut details, mut faults) = (HashMap::new(), Vec::new());
        for answer in join_all(calls).await {
            match answer {
                Ok(Ok(known)) => details.extend(known.into_iter().map(|one| (one.advertiser_id, one))),
                Ok(Err(fault)) => faults.push(fault.to_string()),
                Err(_) => faults.push("no time left to see the status of accounts".to_owned()),
            }
        }
        (details, faults)
    }

    /// Looks at the accounts one by one, the stopped connections first, then the others, then what is not connected.
    async fn look(&self, granted: Granted<'_>, ids: &[AdvertiserId], deadline: Instant) -> Vec<Looked> {
        let mut queue: Vec<_> = stream::iter(ids.iter().copied())
            .map(|id| async move { (id, self.secrets.fresh_record(id).await) })
            .buffer_unordered(RECORDS_AT_ONCE)
            .take_until(sleep_until(deadline))
            .collect()
            .await;
        queue.sort_by_cached_key(|(id, record)| (urgency(record.as_deref().ok()), *id));
        let connected: Vec<_> =
            queue.iter().filter(|(_, record)| is_connected(record.as_deref().ok())).map(|(id, _)| *id).collect();
        queue.truncate(connected.len().max(PROBED));
        let pace = self.config.patience.pace;
        let looks: FuturesUnordered<_> = queue
            .into_iter()
            .zip(0_u32..)
            .map(|((id, record), place)| async move {
                sleep(pace * place).await;
                match record {
                    Ok(record) => self.look_at(granted, id, Some(record)).await,
                    Err(fault) => Looked { fault: Some(fault.to_string()), ..self.look_at(granted, id, None).await },
                }
            })
            .collect();
        let mut looked: Vec<Looked> = looks.take_until(sleep_until(deadline)).collect().await;
        let seen: HashSet<_> = looked.iter().map(|one| one.id).collect();
        looked.extend(connected.into_iter().filter(|id| !seen.contains(id)).map(Looked::unfinished));
        looked
    }

    async fn look_at(&self, granted: Granted<'_>, id: AdvertiserId, record: Option<Arc<Record>>) -> Looked {
        let (standing, mut fault) = self.probe(granted, id).await;
        let record = record.filter(|record| is_connected(Some(record)));
        let repair = match record {
            None => Repair::None,
            Some(_) if standing != Standing::Ready => Repair::Kept,
            Some(record) => self.repair(id, &record, granted.token, granted.user).await.unwrap_or_else(|error| {
                fault = Some(error.to_string());
                Repair::Failed
            }),
        };
        Looked { id, standing, repair, fault }
    }

    async fn probe(&self, granted: Granted<'_>, id: AdvertiserId) -> (Standing, Option<String>) {
        if !granted.permission {
            return (Standing::Unchecked, None);
        }
        let look = || self.checking.audiences(granted.token, id, 1);
        let mut answer = look().await;
        // A person is waiting, but "not checked" would hide that the token is of no use.
        if answer.as_ref().is_err_and(is_throttled) {
            sleep(self.config.patience.throttled).await;
            answer = look().await;
        }
        match answer {
            Ok(_) => (Standing::Ready, None),
            Err(failure) => {
                let standing = Standing::of_probe(&failure);
                (standing, (standing == Standing::Unchecked).then(|| failure.to_string()))
            }
        }
    }
}

fn is_throttled(failure: &Failure) -> bool {
    matches!(failure.meaning, Meaning::AppThrottled | Meaning::AdvertiserThrottled)
}

fn is_connected(record: Option<&Record>) -> bool {
    record.is_some_and(|record| !record.tokens().is_empty())
}

fn urgency(record: Option<&Record>) -> u8 {
    let stopped = |record: &Record| record.tokens().iter().any(|token| record.usable(token.fingerprint).is_none());
    match record {
        Some(record) if stopped(record) => 0,
        Some(record) if is_connected(Some(record)) => 1,
        Some(_) | None => 2,
    }
}

/// The accounts that either answer of TikTok's names, each once.
fn merge(ids: &[AdvertiserId], named: &[tiktok::AdvertiserName]) -> Vec<Account> {
    let account =
        |id, name: &str| Account { id, name: name.to_owned(), standing: Standing::Unchecked, repair: Repair::None };
    let mut accounts: HashMap<_, _> = ids.iter().map(|id| (*id, account(*id, ""))).collect();
    accounts.extend(named.iter().map(|one| (one.advertiser_id, account(one.advertiser_id, &one.advertiser_name))));
    accounts.into_values().collect()
}

/// Puts together what the calls found, and sorts it.
fn complete(
    accounts: &mut [Account],
    details: &HashMap<AdvertiserId, Advertiser>,
    looked: Vec<Looked>,
    faults: &mut Vec<String>,
) {
    let mut looked: HashMap<_, _> = looked.into_iter().map(|one| (one.id, one)).collect();
    for account in accounts.iter_mut() {
        if let Some(found) = looked.remove(&account.id) {
            (account.standing, account.repair) = (found.standing, found.repair);
            faults.extend(found.fault);
        }
        if let Some(details) = details.get(&account.id) {
            account.standing = account.standing.in_light_of(&details.status, &details.role);
            if account.name.is_empty() {
                account.name.clone_from(&details.name);
            }
        }
    }
    accounts.sort_by_cached_key(|one| (one.standing.is_blocked(), one.name.to_lowercase(), one.id));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AdvertiserId {
        text.parse().unwrap()
    }

    #[test]
    fn accounts_come_from_either_answer_and_appear_once() {
        let named = [tiktok::AdvertiserName { advertiser_id: id("2"), advertiser_name: "Two".to_owned() }];
        let mut accounts = merge(&[id("1"), id("2"), id("1")], &named);
        accounts.sort_by_key(|account| account.id);
        let seen: Vec<_> = accounts.iter().map(|account| (account.id, &*account.name)).collect();
        assert_eq!(seen, [(id("1"), ""), (id("2"), "Two")]);
    }

    #[test]
    fn accounts_are_sorted_by_name_and_those_with_a_problem_come_last() {
        let mut accounts = merge(
            &[],
            &["1", "2", "3", "4"].map(|text| tiktok::AdvertiserName {
                advertiser_id: id(text),
                advertiser_name: format!("name {}", 9 - text.parse::<u8>().unwrap()),
            }),
        );
        let looked = |text, standing| Looked { id: id(text), standing, repair: Repair::None, fault: None };
        let looks = vec![looked("1", Standing::Ready), looked("3", Standing::NotPermitted)];
        complete(&mut accounts, &HashMap::new(), looks, &mut Vec::new());
        let order: Vec<_> = accounts.iter().map(|account| account.id.to_string()).collect();
        assert_eq!(order, ["4", "2", "1", "3"]);
    }
}
