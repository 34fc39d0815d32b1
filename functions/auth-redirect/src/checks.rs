//! What follows the exchange: whose token it is, which accounts it covers, what each of them can do and is connected with.
//!
//! Nothing here fails: the token must be shown. What there is no time for, or no answer to, stays unknown.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use connections::{Accepted, Record, UserId};
use futures::future::{join, join_all};
use ids::AdvertiserId;
use secrecy::SecretString;
use startup::clock::now_ms;
use tiktok::{Advertiser, Client, Failure, Meaning};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::App;
use crate::audiences::{ConnectedAudience, tiktok_time};
use crate::exchange::Exchanged;
use crate::findings::{self, Account, Connected, Findings};
use crate::healing::NewToken;
use crate::login::Login;
use crate::permission::Permission;

/// `advertiser/info/` takes this many ids a call.
const DETAILS_PER_CALL: usize = 100;
/// The checks of one authorization.
pub(crate) struct Checks<'a> {
    pub(crate) app: &'a App,
    pub(crate) client: &'a Client,
    pub(crate) token: &'a SecretString,
    pub(crate) deadline: Instant,
    /// What could not be found out, and why. Safe to log.
    faults: Mutex<Vec<String>>,
}

impl App {
    /// Looks into what was granted, and heals the connections that it may heal.
    pub(crate) async fn check(&self, exchanged: &Exchanged) -> Findings {
        let started = Instant::now();
        let limits = self.config.time_limits;
        let checks = Checks {
            app: self,
            client: &exchanged.client,
            token: &exchanged.grant.access_token,
            deadline: started + limits.checks,
            faults: Mutex::default(),
        };
        let (mut found, user) = checks.login_and_accounts(exchanged).await;
        let records = checks.records(&ids(&found.accounts)).await;
        for account in &mut found.accounts {
            account.connected = records.connected.contains_key(&account.id).then(Connected::default);
            account.unread = records.unread.contains(&account.id);
        }
        findings::sort(&mut found.accounts);

        let details = checks.details(&ids(&found.accounts)).await;
        let new = user.map(|user| NewToken {
            accepted: Accepted { token: checks.token.clone(), user },
            listed: details.keys().copied().collect(),
            may_manage: found.may_manage,
        });
        checks.connections(&mut found.accounts, &records.connected, new.as_ref()).await;
        if found.may_manage {
            checks.permissions(&mut found.accounts, started + limits.unconnected).await;
        }
        for account in &mut found.accounts {
            account.explain(details.get(&account.id));
        }
        found.faults = checks.faults.into_inner().unwrap_or_else(PoisonError::into_inner);
        found
    }
}

impl Checks<'_> {
    /// Whose the token is and which accounts it covers: two calls that belong to the exchange, and are not paced again.
    async fn login_and_accounts(&self, exchanged: &Exchanged) -> (Findings, Option<UserId>) {
        let named = self.call(self.client.authorized_advertisers(&exchanged.app, self.token));
        let user = self.call(self.client.user(self.token));
        let (named, user) = join(named, user).await;
        let (named, user) = (self.known(named), self.known(user));
        let grant = &exchanged.grant;
        let accounts = findings::accounts(&grant.advertiser_ids, named.as_ref().map_or(&[], |answer| &answer.data));
        let found = Findings {
            login: user.as_ref().map(|answer| Login::of(&answer.data)),
            accounts_known: named.is_some() || !accounts.is_empty(),
            accounts,
            may_manage: self.app.config.audience_scopes.are_met_by(&grant.scope),
            scopes: grant.scope.clone(),
            faults: Vec::new(),
        };
        (found, user.map(|answer| UserId::new(answer.data.core_user_id)))
    }

    /// Status and kind of the accounts: the first hundred at once, the others as far as pace and time allow.
    async fn details(&self, ids: &[AdvertiserId]) -> HashMap<AdvertiserId, Advertiser> {
        let latest = Instant::now() + self.app.config.time_limits.unconnected;
        let calls = ids.chunks(DETAILS_PER_CALL).enumerate().map(|(place, ids)| async move {
            if place > 0 && !self.turn(latest).await {
                return None;
            }
            self.known(self.call(self.client.advertisers(self.token, ids)).await)
        });
        let known = join_all(calls).await.into_iter().flatten().flatten();
        known.map(|one| (one.advertiser_id, one)).collect()
    }

    /// What connected accounts are connected with.
    async fn connections(
        &self,
        accounts: &mut [Account],
        records: &HashMap<AdvertiserId, Arc<Record>>,
        new: Option<&NewToken>,
    ) {
        let mut healths = self.heal(records, new).await;
        for account in accounts {
            if let Some(connected) = &mut account.connected {
                connected.connections = healths.remove(&account.id).unwrap_or_default();
            }
        }
    }

    /// Asks whether the audiences can be managed, and lists them where there are connections. Those that are not connected have less time.
    async fn permissions(&self, accounts: &mut [Account], unconnected: Instant) {
        let (connected, others): (Vec<_>, Vec<_>) =
            accounts.iter_mut().partition(|account| account.connected.is_some());
        join_all(connected.into_iter().map(|account| async {
            let (permission, audiences) =
                join(self.permission(account.id, self.deadline), self.audiences(account.id)).await;
            account.permission = permission;
            if let Some(connected) = &mut account.connected {
                connected.audiences = audiences;
            }
        }))
        .await;
        join_all(others.into_iter().map(|account| async {
            account.permission = self.permission(account.id, unconnected).await;
        }))
        .await;
    }

    async fn permission(&self, advertiser: AdvertiserId, latest: Instant) -> Permission {
        // Once more where TikTok throttles: "not checked" would hide that the token is of no use.
        let (mut permission, mut throttled) = (Permission::NotChecked, true);
        for _ in 0..2 {
            if !throttled || !self.turn_of(advertiser, latest).await {
                break;
            }
            let failure = self.call(self.client.try_to_manage(self.token, advertiser)).await.err();
            permission = Permission::of_answer(failure.as_ref());
            throttled = failure.as_ref().is_some_and(is_throttled);
            if let Some(failure) = failure.filter(|_| permission == Permission::NotChecked) {
                self.note(&failure);
            }
        }
        permission
    }

    async fn audiences(&self, advertiser: AdvertiserId) -> Option<Vec<ConnectedAudience>> {
        let (now, minimum) = (tiktok_time(now_ms()), self.app.config.minimum_audience_users);
        let (mut ours, mut page, mut pages) = (Vec::new(), 1, 1);
        while page <= pages {
            if !self.turn(self.deadline).await {
                return None;
            }
            let answer = self.known(self.call(self.client.audiences(self.token, advertiser, page)).await)?;
            pages = answer.data.total_pages;
            ours.extend(answer.data.audiences.iter().filter_map(|one| ConnectedAudience::of(one, minimum, &now)));
            page += 1;
        }
        ours.sort_by_cached_key(|one| one.name.to_lowercase());
        Some(ours)
    }

    /// Waits for a call's turn; `false` where that would be after `latest`.
    pub(crate) async fn turn(&self, latest: Instant) -> bool {
        let at = self.app.probes.lock().unwrap_or_else(PoisonError::into_inner).reserve(Instant::now(), latest);
        self.wait(at).await
    }

    /// The same for a call that TikTok takes once a second for each advertiser.
    async fn turn_of(&self, advertiser: AdvertiserId, latest: Instant) -> bool {
        let at = self.app.probes.lock().unwrap_or_else(PoisonError::into_inner).reserve_of(
            advertiser,
            Instant::now(),
            latest,
        );
        self.wait(at).await
    }

    async fn wait(&self, at: Option<Instant>) -> bool {
        if let Some(at) = at {
            sleep_until(at).await;
        }
        at.is_some()
    }

    /// A call, with no more time than one may have.
    pub(crate) async fn call<T>(&self, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let until = self.deadline.min(Instant::now() + self.app.config.time_limits.call);
        timeout_at(until, call).await.unwrap_or_else(|_| Err(Failure::without_answer("no answer in time")))
    }

    /// The answer, or `None` with the failure noted.
    pub(crate) fn known<T>(&self, answer: Result<T, Failure>) -> Option<T> {
        answer.inspect_err(|failure| self.note(failure)).ok()
    }

    /// Notes why something could not be found out.
    pub(crate) fn note(&self, fault: &impl ToString) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault.to_string());
    }
}

fn ids(accounts: &[Account]) -> Vec<AdvertiserId> {
    accounts.iter().map(|account| account.id).collect()
}

const fn is_throttled(failure: &Failure) -> bool {
    matches!(failure.meaning, Meaning::AppThrottled | Meaning::AdvertiserThrottled)
}
