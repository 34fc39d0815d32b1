//! What is known of an authorization, besides the token: whose it is, what each account can do, and what is connected.
//!
//! The token is in hand by then and must be shown, so whatever is not known in time stays unknown.

use std::collections::HashMap;

use ids::{AccountId, AdvertiserId};
use tiktok::{Advertiser, AdvertiserName};

use crate::audiences::ConnectedAudience;
use crate::login::Login;
use crate::permission::Permission;

/// What is known of an authorization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// `None` where TikTok did not say.
    pub(crate) login: Option<Login>,
    /// Those that are connected first, then by name.
    pub(crate) accounts: Vec<Account>,
    /// Whether TikTok said which accounts there are.
    pub(crate) accounts_known: bool,
    /// Whether the permission to manage audiences was granted.
    pub(crate) may_manage: bool,
    /// The permissions that were granted, as TikTok's numbers.
    pub(crate) scopes: Vec<u64>,
    /// What could not be found out, and why. Safe to log.
    pub(crate) faults: Vec<String>,
}

/// An advertiser account that the token covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: AdvertiserId,
    /// As somebody typed it; empty if TikTok did not say.
    pub(crate) name: String,
    pub(crate) permission: Permission,
    /// What mParticle feeds it with; `None` where it is not connected, or its record is unread.
    pub(crate) connected: Option<Connected>,
    /// It may have a record, which could not be read.
    pub(crate) unread: bool,
}

/// What an account is connected with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Connected {
    pub(crate) connections: Vec<(AccountId, Health)>,
    /// `None` where TikTok did not list them.
    pub(crate) audiences: Option<Vec<ConnectedAudience>>,
}

/// Whether a connection works after this authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// As before.
    Works,
    /// TikTok refused its token; it has one that works again.
    WorksAgain {
        /// mParticle was told to suspend it, and a person has to resume it there.
        was_suspended: bool,
    },
    /// Stopped, and another TikTok login granted its token: only that one can heal it, or a pasted token.
    OfAnotherLogin,
    /// Stopped, and the new token may not manage audiences.
    NotPermitted,
    /// Stopped, and TikTok did not say, or not in time, that a token works for it.
    NotKnown,
    /// Stopped, and the new token could not be stored.
    NotSaved,
}

impl Health {
    pub(crate) const fn works_again(self) -> bool {
        matches!(self, Self::WorksAgain { .. })
    }
}

impl Account {
    fn new(id: AdvertiserId, name: &str) -> Self {
        Self { id, name: name.to_owned(), permission: Permission::NotChecked, connected: None, unread: false }
    }

    /// What `details` of the account explain: its status, its kind, and its name where no other answer had it.
    pub(crate) fn explain(&mut self, details: Option<&Advertiser>) {
        let Some(details) = details else { return };
        self.permission = self.permission.with_details(details);
        if self.name.is_empty() {
            self.name.clone_from(&details.name);
        }
    }

    /// Whether one of its connections is so.
    pub(crate) fn any(&self, is_so: impl Fn(Health) -> bool) -> bool {
        self.connected.iter().flat_map(|connected| &connected.connections).any(|(_, health)| is_so(*health))
    }
}

/// The accounts that either answer of TikTok's names, each once.
pub(crate) fn accounts(granted: &[AdvertiserId], named: &[AdvertiserName]) -> Vec<Account> {
    let mut accounts: HashMap<_, _> = granted.iter().map(|id| (*id, Account::new(*id, ""))).collect();
    let named = named.iter().map(|one| (one.advertiser_id, Account::new(one.advertiser_id, &one.advertiser_name)));
    accounts.extend(named);
    accounts.into_values().collect()
}

/// Puts them into the order in which they are looked at and shown: those that are connected first, then by name.
pub(crate) fn sort(accounts: &mut [Account]) {
    accounts.sort_by_cached_key(|one| (one.connected.is_none(), one.name.to_lowercase(), one.id));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AdvertiserId {
        text.parse().unwrap()
    }

    fn named(id: &str, name: &str) -> AdvertiserName {
        AdvertiserName { advertiser_id: id.parse().unwrap(), advertiser_name: name.to_owned() }
    }

    #[test]
    fn accounts_come_from_either_answer_and_appear_once() {
        let mut accounts = accounts(&[id("1"), id("2"), id("1")], &[named("2", "Two")]);
        sort(&mut accounts);
        let seen: Vec<_> = accounts.iter().map(|account| (account.id, &*account.name)).collect();
        assert_eq!(seen, [(id("1"), ""), (id("2"), "Two")]);
    }

    #[test]
    fn connected_accounts_come_first_and_then_names() {
        let mut accounts =
            accounts(&[], &[named("1", "delta"), named("2", "Alpha"), named("3", "charlie"), named("4", "Bravo")]);
        for account in &mut accounts {
            account.connected = (account.id >= id("3")).then(Connected::default);
        }
        sort(&mut accounts);
        let order: Vec<_> = accounts.iter().map(|account| &*account.name).collect();
        assert_eq!(order, ["Bravo", "charlie", "Alpha", "delta"]);
    }
}
